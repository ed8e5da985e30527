/* Compile one region of a file for more than the baseline instruction set.
 *
 *     GOSTKEY_TARGET_BEGIN("avx512f,avx512ifma")
 *     #include <immintrin.h>
 *     ... the kernel ...
 *     GOSTKEY_TARGET_END
 *
 * The whole build keeps one set of compiler flags, and no instruction of the
 * region gets into a function outside it.  Headers of ours with functions in them
 * are included inside the region when the kernel is to inline them, and no such
 * header outside it.  MSVC compiles any intrinsic without being asked, so there
 * the macros are empty.
 *
 * GOSTKEY_X86_64 and GOSTKEY_AARCH64 say for which machines kernels are compiled
 * at all; -DGOSTKEY_NO_KERNELS leaves all of them out, -DGOSTKEY_NO_AVX512 those. */

#ifndef GOSTKEY_TARGET_H
#define GOSTKEY_TARGET_H

#if !defined(GOSTKEY_NO_KERNELS)
#if defined(__x86_64__) || defined(_M_X64)
#define GOSTKEY_X86_64 1
#if !defined(GOSTKEY_NO_AVX512)
#define GOSTKEY_X86_64_AVX512 1
#endif
#elif (defined(__aarch64__) || defined(_M_ARM64)) && !defined(__AARCH64EB__)
#define GOSTKEY_AARCH64 1
#endif
#endif

/* What the families of kernels.c ask of the processor, for GOSTKEY_TARGET_BEGIN;
 * cpu.c tests for the same. */
#define GOSTKEY_TARGET_BMI2 "bmi2,adx"
#define GOSTKEY_TARGET_AVX2 "avx2,bmi2,adx"
#define GOSTKEY_TARGET_AVX2_GFNI "avx2,bmi2,adx,gfni"
#define GOSTKEY_TARGET_AVX512                                                          \
    "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi,gfni,avx2,bmi2,adx"

#define GOSTKEY_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define GOSTKEY_TARGET_BEGIN(isa) GOSTKEY_TARGET_BEGIN_(isa)
#define GOSTKEY_TARGET_BEGIN_(isa)                                                     \
    GOSTKEY_PRAGMA(clang attribute push(__attribute__((target(isa))), apply_to = function))
#define GOSTKEY_TARGET_END _Pragma("clang attribute pop")
#elif defined(__GNUC__)
#define GOSTKEY_TARGET_BEGIN(isa) GOSTKEY_TARGET_BEGIN_(isa)
#define GOSTKEY_TARGET_BEGIN_(isa)                                                     \
    _Pragma("GCC push_options") GOSTKEY_PRAGMA(GCC target(isa))
#define GOSTKEY_TARGET_END _Pragma("GCC pop_options")
#else
#define GOSTKEY_TARGET_BEGIN(isa)
#define GOSTKEY_TARGET_END
#endif

/* ISO C wants something in every file, also where no kernel is compiled. */
typedef int gostkey_not_empty;

#endif
