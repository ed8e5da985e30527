/* The field of curve256_minus_avx512.c against slow arithmetic. */

#include "without_ops.h"

#include "../curve256_minus_avx512.c"

#if defined(GOSTKEY_X86_64_AVX512)

GOSTKEY_TARGET_BEGIN(GOSTKEY_TARGET_AVX512)

#define GOSTKEY_IFMA_CHECK gostkey_ifma_check256_minus

#include "ifma_field_check.h"

GOSTKEY_TARGET_END

#endif
