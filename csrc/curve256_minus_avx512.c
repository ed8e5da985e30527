/* Curves over p = 2^256 - c: tc26-256-a and tc26-256-b, with AVX-512 IFMA. */

#include "target.h"

#if defined(GOSTKEY_X86_64_AVX512)

#include <stdlib.h>
#include <string.h>

GOSTKEY_TARGET_BEGIN(GOSTKEY_TARGET_AVX512)

#include <immintrin.h>

#define GOSTKEY_LIMBS 4
#define GOSTKEY_P_MINUS
#define GOSTKEY_OPS gostkey_curve256_minus_avx512
#define GOSTKEY_SCALAR gostkey_curve256_minus617_mulx
#define GOSTKEY_SLOTS 2

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
