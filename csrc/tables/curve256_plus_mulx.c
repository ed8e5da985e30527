/* The table of curve256_plus_mulx.c. */

#include "without_ops.h"

#include "../curve256_plus_mulx.c"

#if defined(GOSTKEY_X86_64)

#include <stdio.h>

GOSTKEY_TARGET_BEGIN(GOSTKEY_TARGET_AVX2)

#define GOSTKEY_PRINT_TABLE gostkey_print_curve256_plus_mulx
#define GOSTKEY_TABLE_NAME "curve256_plus_mulx"

#include "print_table.h"

GOSTKEY_TARGET_END

#endif
