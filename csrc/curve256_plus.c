/* Curves over p = 2^255 + c: test-256 and tc26-256-c. */

#define GOSTKEY_LIMBS 4
#define GOSTKEY_P_PLUS
#define GOSTKEY_OPS gostkey_curve256_plus
#define GOSTKEY_SLOTS 2

#include "field.h"

#include "point.h"

#include "multiples.h"
