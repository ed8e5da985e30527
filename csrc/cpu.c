/* Asks the processor itself: CPUID and XGETBV on x86-64; on 64-bit ARM there is
 * nothing to ask, since Advanced SIMD is part of every one that runs a common
 * operating system.
 *
 * Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2,
 * CPUID; volume 1, 13.3 and 15.2 (which state the system must enable). */

#include "cpu.h"

#include <stdint.h>

#include "target.h"

#if defined(GOSTKEY_X86_64)

#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif

struct answer {
    uint32_t a, b, c, d;
};

static struct answer ask(uint32_t leaf, uint32_t subleaf)
{
    struct answer r;
#if defined(_MSC_VER)
    int words[4];

    __cpuidex(words, (int)leaf, (int)subleaf);
    r.a = (uint32_t)words[0];
    r.b = (uint32_t)words[1];
    r.c = (uint32_t)words[2];
    r.d = (uint32_t)words[3];
#else
    __cpuid_count(leaf, subleaf, r.a, r.b, r.c, r.d);
#endif
    return r;
}

/* Which registers the system saves: bits 1 and 2 for ymm, 5 to 7 for zmm. */
static uint32_t saved_registers(void)
{
#if defined(_MSC_VER)
    return (uint32_t)_xgetbv(0);
#else
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
#endif
}

static int has(uint32_t word, uint32_t bits)
{
    return (word & bits) == bits;
}

#define BIT(n) ((uint32_t)1 << (n))

/* Valgrind runs ADX, but its CPUID does not tell. */
#if defined(GOSTKEY_MEMCHECK)
#define ADX 0
#else
#define ADX BIT(19)
#endif

unsigned gostkey_cpu_features(void)
{
    const uint32_t ymm = BIT(1) | BIT(2), zmm = ymm | BIT(5) | BIT(6) | BIT(7);
    unsigned found = 0;
    uint32_t saved;
    struct answer basic, more;

    if (ask(0, 0).a < 7) {
        return 0;
    }
    basic = ask(1, 0);
    more = ask(7, 0);
    if (has(more.b, BIT(8) | ADX)) { /* BMI2 */
        found |= GOSTKEY_CPU_BMI2;
    }
    if (!has(basic.c, BIT(27) | BIT(28))) { /* OSXSAVE, AVX */
        return found;
    }
    saved = saved_registers();
    if (has(saved, ymm) && has(more.b, BIT(5))) {
        found |= GOSTKEY_CPU_AVX2;
        if (has(more.c, BIT(8))) {
            found |= GOSTKEY_CPU_GFNI;
        }
    }
    /* F 16, DQ 17, IFMA 21, BW 30, VL 31; VBMI is in the next register. */
    if (has(saved, zmm) && has(more.c, BIT(1)) &&
        has(more.b, BIT(16) | BIT(17) | BIT(21) | BIT(30) | BIT(31))) {
        found |= GOSTKEY_CPU_AVX512;
    }
    return found;
}

#elif defined(GOSTKEY_AARCH64)

unsigned gostkey_cpu_features(void)
{
    return GOSTKEY_CPU_NEON;
}

#else

unsigned gostkey_cpu_features(void)
{
    return 0;
}

#endif
