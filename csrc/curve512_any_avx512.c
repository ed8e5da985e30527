/* Curves over any p: test-512, with AVX-512 IFMA. */

#include "target.h"

#if defined(GOSTKEY_X86_64_AVX512)

#include <stdlib.h>
#include <string.h>

GOSTKEY_TARGET_BEGIN(GOSTKEY_TARGET_AVX512)

#include <immintrin.h>

#define GOSTKEY_LIMBS 8
#define GOSTKEY_P_ANY
#define GOSTKEY_OPS gostkey_curve512_any_avx512
#define GOSTKEY_SCALAR gostkey_curve512_any_mulx
#define GOSTKEY_SLOTS 1

#include "ct.h"
#include "declassify.h"
#include "scalar.h"
#include "wide.h"

#include "ifma_field.h"

#include "ifma_comb.h"

#include "ifma_single.h"

#include "ifma_steps.h"

#include "ifma_rows.h"

#include "ifma_rows_table.h"

#include "ifma_verify.h"

#include "ifma_check.h"

#include "ifma_points.h"

#include "ifma_ops.h"

GOSTKEY_TARGET_END

#endif
