/* curve512_minus569.c once more, for processors with AVX2, BMI2 and ADX. */

#include "target.h"

#if defined(GOSTKEY_X86_64)

GOSTKEY_TARGET_BEGIN(GOSTKEY_TARGET_AVX2)

#define GOSTKEY_LIMBS 8
#define GOSTKEY_P_MINUS 569
#define GOSTKEY_OPS gostkey_curve512_minus569_mulx
#define GOSTKEY_SLOTS 2
#define GOSTKEY_MULX

#include "field.h"

#include "point.h"

#include "multiples.h"

GOSTKEY_TARGET_END

#endif
