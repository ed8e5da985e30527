/* What main.c calls: one function for each kernel with a table of base points. */

#ifndef GOSTKEY_PRINT_TABLE_TO_H
#define GOSTKEY_PRINT_TABLE_TO_H

#include "curve.h"
#include "target.h"

/* kernel, its curves by number, what it needs of the processor */
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
    DO(curve256_plus_avx512, 0, AVX512)                                                \
    DO(curve256_plus_avx512, 3, AVX512)                                                \
    DO(curve256_minus_avx512, 1, AVX512)                                               \
    DO(curve256_minus_avx512, 2, AVX512)                                               \
    DO(curve256_any_avx512, 4, AVX512)                                                 \
    DO(curve512_any_avx512, 5, AVX512)                                                 \
    DO(curve512_minus_avx512, 6, AVX512)                                               \
    DO(curve512_minus_avx512, 8, AVX512)                                               \
    DO(curve512_plus_avx512, 7, AVX512)
#else
#define GOSTKEY_AVX512_TABLES(DO)
#endif

#if defined(GOSTKEY_X86_64)
#define GOSTKEY_MULX_TABLES(DO)                                                        \
    DO(curve256_plus_mulx, 0, AVX2)                                                    \
    DO(curve256_plus_mulx, 3, AVX2)                                                    \
    DO(curve256_any_mulx, 4, AVX2)                                                     \
    DO(curve256_minus617_mulx, 1, AVX2)                                                \
    DO(curve256_minus617_mulx, 2, AVX2)                                                \
    DO(curve512_any_mulx, 5, AVX2)                                                     \
    DO(curve512_minus569_mulx, 6, AVX2)                                                \
    DO(curve512_minus569_mulx, 8, AVX2)                                                \
    DO(curve512_plus111_mulx, 7, AVX2)
#else
#define GOSTKEY_MULX_TABLES(DO)
#endif

#define GOSTKEY_TABLES(DO)                                                             \
    GOSTKEY_PORTABLE_TABLES(DO) GOSTKEY_MULX_TABLES(DO) GOSTKEY_AVX512_TABLES(DO)

#define GOSTKEY_DECLARE_TABLE(name, number, needed)                                    \
    void gostkey_print_##name(const struct gostkey_curve *curve);
GOSTKEY_TABLES(GOSTKEY_DECLARE_TABLE)

#endif
