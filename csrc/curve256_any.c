/* Curves over p = any number of 256 bits: test-256, tc26-256-c and tc26-256-d.
 *
 * The p of tc26-256-c is 2^255 + 3225, but at four limbs Montgomery's reduction
 * is faster than that of GOSTKEY_P_PLUS, whose carries wait for each other. */

#define GOSTKEY_LIMBS 4
#define GOSTKEY_P_ANY
#define GOSTKEY_OPS gostkey_curve256_any
#define GOSTKEY_SLOTS 3

#include "field.h"

#include "point.h"

#include "multiples.h"
