/* curve256_minus617.c once more, for processors with AVX2, BMI2 and ADX. */

#include "target.h"

#if defined(GOSTKEY_X86_64)

GOSTKEY_TARGET_BEGIN(GOSTKEY_TARGET_AVX2)

#define GOSTKEY_LIMBS 4
#define GOSTKEY_P_MINUS 617
#define GOSTKEY_OPS gostkey_curve256_minus617_mulx
#define GOSTKEY_SLOTS 2
#define GOSTKEY_MULX

#include "field.h"

#include "point.h"

#include "multiples.h"

GOSTKEY_TARGET_END

#endif
