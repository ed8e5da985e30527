/* The field of curve512_minus569_mulx.c against slow arithmetic. */

#include "target.h"

#if defined(GOSTKEY_X86_64)

GOSTKEY_TARGET_BEGIN(GOSTKEY_TARGET_AVX2)

#define GOSTKEY_LIMBS 8
#define GOSTKEY_P_MINUS 569
#define GOSTKEY_FIELD_CHECK gostkey_field_check512_minus569_mulx
#define GOSTKEY_MULX

#include "field_check.h"

GOSTKEY_TARGET_END

#endif
