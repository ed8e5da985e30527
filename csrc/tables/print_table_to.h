/* What main.c calls: one function for each kernel with a table of base points. */

#ifndef GOSTKEY_PRINT_TABLE_TO_H
#define GOSTKEY_PRINT_TABLE_TO_H

#include "curve.h"
#include "target.h"

/* kernel, its curves by number, whether it needs AVX-512 */
#define GOSTKEY_PORTABLE_TABLES(DO)                                                    \
    DO(curve256_plus, 0, 0)                                                            \
    DO(curve256_plus, 3, 0)                                                            \
    DO(curve256_any, 4, 0)                                                             \
    DO(curve256_minus617, 1, 0)                                                        \
    DO(curve256_minus617, 2, 0)                                                        \
    DO(curve512_any, 5, 0)                                                             \
    DO(curve512_minus569, 6, 0)                                                        \
    DO(curve512_minus569, 8, 0)                                                        \
    DO(curve512_plus111, 7, 0)

#if defined(GOSTKEY_X86_64_AVX512)
#define GOSTKEY_AVX512_TABLES(DO)                                                      \
    DO(curve256_plus_avx512, 0, 1)                                                     \
    DO(curve256_plus_avx512, 3, 1)                                                     \
    DO(curve256_minus_avx512, 1, 1)                                                    \
    DO(curve256_minus_avx512, 2, 1)                                                    \
    DO(curve256_any_avx512, 4, 1)                                                      \
    DO(curve512_any_avx512, 5, 1)                                                      \
    DO(curve512_minus_avx512, 6, 1)                                                    \
    DO(curve512_minus_avx512, 8, 1)                                                    \
    DO(curve512_plus_avx512, 7, 1)
#else
#define GOSTKEY_AVX512_TABLES(DO)
#endif

#define GOSTKEY_TABLES(DO) GOSTKEY_PORTABLE_TABLES(DO) GOSTKEY_AVX512_TABLES(DO)

#define GOSTKEY_DECLARE_TABLE(name, number, avx512)                                    \
    void gostkey_print_##name(const struct gostkey_curve *curve);
GOSTKEY_TABLES(GOSTKEY_DECLARE_TABLE)

#endif
