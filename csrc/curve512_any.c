/* Curves over p = any number of 512 bits: test-512. */

#define GOSTKEY_LIMBS 8
#define GOSTKEY_P_ANY
#define GOSTKEY_OPS gostkey_curve512_any
#define GOSTKEY_SLOTS 1

#include "field.h"

#include "point.h"

#include "multiples.h"
