/* Multiples of the base point by the family in use against the portable code:
 * corner scalars of all window methods at once (all powers of two, what is near them,
 * and where a last addition is a doubling), patterns, random ones, and all numbers of
 * them up to where the batch code takes over. */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "curve.h"
#include "gostkey_elliptic.h"
#include "gostkey_kernels.h"
#include "kernels.h"
#include "scalar.h"

int test_multiples(void);

enum {
    MOST = 12000,
    TAILS = 60,
    PIECE = 64, /* how many the portable code makes together */
    RANDOM = 1000
};

static uint64_t scalars[MOST * GOSTKEY_MAX_LIMBS];
static uint64_t wanted[2 * MOST * GOSTKEY_MAX_LIMBS];
static size_t count;

static uint64_t random_word(void)
{
    static uint64_t state = 20261126;

    /* SplitMix64. */
    uint64_t z = state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* Take k mod q and -k mod q, unless 0. */
static void take(const struct gostkey_curve *curve, const uint64_t *k)
{
    uint64_t *to = scalars + curve->limbs * count;

    gostkey_scalar_reduce(curve, to, k);
    if (gostkey_scalar_mask_zero(curve, to) == 0 && count + 2 <= MOST) {
        gostkey_scalar_negate(curve, to + curve->limbs, to);
        count += 2;
    }
}

static void take_corners(const struct gostkey_curve *curve)
{
    const unsigned limbs = curve->limbs;
    uint64_t k[GOSTKEY_MAX_LIMBS], one[GOSTKEY_MAX_LIMBS] = {1};

    for (unsigned i = 0; i < 64 * limbs; i++) {
        memset(k, 0, sizeof k);
        k[i / 64] = (uint64_t)1 << i % 64;
        gostkey_scalar_reduce(curve, k, k);
        take(curve, k);
        gostkey_scalar_add(curve, k, k, one);
        take(curve, k);
        gostkey_scalar_add(curve, k, k, one);
        take(curve, k);
        /* q mod 2^i and its double, whose negatives are the exceptions. */
        memset(k, 0, sizeof k);
        memcpy(k, curve->q, 8 * (i / 64));
        k[i / 64] = curve->q[i / 64] & (((uint64_t)1 << i % 64) - 1);
        take(curve, k);
        gostkey_scalar_add(curve, k, k, k);
        take(curve, k);
    }
    for (unsigned i = 0; i < 256; i++) {
        memset(k, (int)i, sizeof k);
        take(curve, k);
        memset(k, 0, sizeof k);
        k[0] = i;
        take(curve, k);
    }
    for (unsigned i = 0; i < limbs; i++) {
        k[i] = curve->q[i] >> 1 | (i + 1 < limbs ? curve->q[i + 1] << 63 : 0);
    }
    take(curve, k);
}

static void take_random(const struct gostkey_curve *curve)
{
    uint64_t k[GOSTKEY_MAX_LIMBS];

    for (unsigned n = 0; n < RANDOM / 2; n++) {
        uint64_t word = n % 2 ? random_word() & random_word() & random_word() : 0;

        for (unsigned i = 0; i < curve->limbs; i++) {
            k[i] = random_word() | (n % 4 == 3 ? word : 0);
            k[i] &= n % 4 == 1 ? word : UINT64_MAX;
        }
        take(curve, k);
    }
}

static int compare(const struct gostkey_curve *curve, const uint64_t *got, size_t first,
                   size_t n, const char *family)
{
    const size_t words = 2 * curve->limbs;

    for (size_t i = 0; i < n; i++) {
        if (memcmp(got + words * i, wanted + words * (first + i), 8 * words) != 0) {
            printf("multiples: curve %d, %s: scalar %zu of %zu from %zu is wrong\n",
                   (int)(curve - gostkey_curves), family, i, n, first);
            return 1;
        }
    }
    return 0;
}

/* All scalars one by one, and all numbers of them. */
static int check_family(int number, const char *family)
{
    static uint64_t xy[2 * TAILS * GOSTKEY_MAX_LIMBS];
    const struct gostkey_curve *curve = &gostkey_curves[number];
    const size_t limbs = curve->limbs;
    int failures = 0;

    gostkey_kernels_select(family);
    gostkey_elliptic_prepare(number);
    for (size_t k = 0; k < count; k++) {
        gostkey_ops(curve)->base_points(curve, xy, scalars + limbs * k, 1);
        failures += compare(curve, xy, k, 1, family);
    }
    for (size_t n = 0; n <= TAILS; n++) {
        gostkey_ops(curve)->base_points(curve, xy, scalars + limbs * n, n);
        failures += compare(curve, xy, n, n, family);
    }
    gostkey_kernels_select("portable");
    return failures;
}

int test_multiples(void)
{
    const char *family = gostkey_kernels->family;
    int failures = 0;

    /* Portable code alone has its vectors in test_elliptic.c. */
    if (strcmp(gostkey_kernel_of("ec256"), "portable") == 0) {
        return 0;
    }
    for (int number = 0; number < GOSTKEY_CURVE_COUNT; number++) {
        const struct gostkey_curve *curve = &gostkey_curves[number];
        const size_t limbs = curve->limbs;

        gostkey_kernels_select("portable");
        gostkey_elliptic_prepare(number);
        count = 0;
        take_corners(curve);
        take_random(curve);
        for (size_t i = 0; i < count; i += PIECE) {
            gostkey_ops(curve)->base_points(curve, wanted + 2 * limbs * i,
                                            scalars + limbs * i,
                                            count - i < PIECE ? count - i : PIECE);
        }
        failures += check_family(number, family);
    }
    return failures;
}
