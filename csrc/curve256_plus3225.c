/* Curves over p = 2^255 + 3225: tc26-256-c. */

#define GOSTKEY_LIMBS 4
#define GOSTKEY_P_PLUS 3225
#define GOSTKEY_OPS gostkey_curve256_plus3225
#define GOSTKEY_SLOTS 1

#include "field.h"

#include "point.h"

#include "multiples.h"
