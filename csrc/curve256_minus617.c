/* Curves over p = 2^256 - 617: tc26-256-a and tc26-256-b. */

#define GOSTKEY_LIMBS 4
#define GOSTKEY_P_MINUS 617
#define GOSTKEY_OPS gostkey_curve256_minus617
#define GOSTKEY_SLOTS 2

#include "field.h"

#include "point.h"

#include "multiples.h"
