/* Curves over p = any number of 256 bits: test-256 and tc26-256-d. */

#define GOSTKEY_LIMBS 4
#define GOSTKEY_P_ANY
#define GOSTKEY_OPS gostkey_curve256_any
#define GOSTKEY_SLOTS 2

#include "field.h"

#include "point.h"

#include "multiples.h"
