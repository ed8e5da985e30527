/* Curves over p = any number of 256 bits: tc26-256-d. */

#define GOSTKEY_LIMBS 4
#define GOSTKEY_P_ANY
#define GOSTKEY_OPS gostkey_curve256_any
#define GOSTKEY_SLOTS 1

#include "field.h"

#include "point.h"

#include "multiples.h"
