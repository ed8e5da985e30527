/* Curves over p = 2^511 + 111: tc26-512-b. */

#define GOSTKEY_LIMBS 8
#define GOSTKEY_P_PLUS
#define GOSTKEY_OPS gostkey_curve512_plus111
#define GOSTKEY_SLOTS 1

#include "field.h"

#include "point.h"

#include "multiples.h"
