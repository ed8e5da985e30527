/* Curves over p = 2^512 - 569: tc26-512-a and tc26-512-c. */

#define GOSTKEY_LIMBS 8
#define GOSTKEY_P_MINUS 569
#define GOSTKEY_OPS gostkey_curve512_minus569
#define GOSTKEY_SLOTS 2

#include "field.h"

#include "point.h"

#include "multiples.h"
