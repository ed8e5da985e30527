/* The table of curve512_any_avx512.c. */

#include "without_ops.h"

#include "../curve512_any_avx512.c"

#if defined(GOSTKEY_X86_64_AVX512)

#define GOSTKEY_PRINT_TABLE gostkey_print_curve512_any_avx512
#define GOSTKEY_TABLE_NAME "curve512_any_avx512"

#include "print_table.h"

#endif
