/* Numbers mod q of the 256-bit sets, with AVX-512 IFMA. */

#include "target.h"

#if defined(GOSTKEY_X86_64_AVX512)

#include <stdlib.h>
#include <string.h>

GOSTKEY_TARGET_BEGIN(GOSTKEY_TARGET_AVX512)

#include <immintrin.h>

#define GOSTKEY_LIMBS 4
#define GOSTKEY_P_ANY
#define GOSTKEY_SCALAR_OPS gostkey_scalar256_avx512

#include "scalar.h"

#include "ifma_field.h"

#include "ifma_words.h"

#include "ifma_scalar.h"

GOSTKEY_TARGET_END

#endif
