/* The field of curve512_any_avx512.c against slow arithmetic. */

#include "without_ops.h"

#include "../curve512_any_avx512.c"

#if defined(GOSTKEY_X86_64_AVX512)

GOSTKEY_TARGET_BEGIN(GOSTKEY_TARGET_AVX512)

#define GOSTKEY_IFMA_CHECK gostkey_ifma_check512_any

#include "ifma_field_check.h"

GOSTKEY_TARGET_END

#endif
