/* Tests of checking many signatures at once, with the family in use, by the operations
 * of curve.h: keys are t G with known t, so every item's verdict is known, and
 * sums can be made to meet equal and opposite points wherever one likes. */

#include <stdio.h>
#include <string.h>

#include "curve.h"
#include "gostkey_elliptic.h"
#include "gostkey_kernels.h"
#include "kernels.h"
#include "scalar.h"

#define MAX GOSTKEY_MAX_LIMBS
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

int test_verify(void);

static int failures;
static const char *family;

enum { MOST = 1200 };

/* Items: u, v, r of `limbs` words, xy of twice as many. */
static uint64_t u[MOST * MAX], v[MOST * MAX], t[MOST * MAX], r[MOST * MAX];
static uint64_t k[MOST * MAX], xy[MOST * 2 * MAX], sum_xy[MOST * 2 * MAX];
static uint8_t expected[MOST], good[MOST];

static void check(int fine, const char *what, const struct gostkey_curve *curve, size_t i)
{
    if (!fine) {
        printf("verify: %s, curve %d, %s %zu failed\n", family,
               (int)(curve - gostkey_curves), what, i);
        failures++;
    }
}

static uint64_t random_word(void)
{
    static uint64_t state = 88172645463325252;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1d;
}

/* A number in 1..q-1. */
static void random_scalar(const struct gostkey_curve *curve, uint64_t *z)
{
    do {
        for (unsigned i = 0; i < curve->limbs; i++) {
            z[i] = random_word();
        }
        gostkey_scalar_reduce(curve, z, z);
    } while (gostkey_scalar_mask_zero(curve, z));
}

/* z := value, or q + value if it is negative. */
static void small_scalar(const struct gostkey_curve *curve, uint64_t *z, int64_t value)
{
    memset(z, 0, 8 * curve->limbs);
    z[0] = (uint64_t)(value < 0 ? -value : value);
    if (value < 0) {
        gostkey_scalar_negate(curve, z, z);
    }
}

/* Points, sums, r and verdicts of n items from u, v, t; every third r is wrong. */
static void finish_items(const struct gostkey_curve *curve, size_t n)
{
    const size_t limbs = curve->limbs;
    const uint64_t one[MAX] = {1};

    gostkey_ops(curve)->base_points(curve, xy, t, n);
    for (size_t i = 0; i < n; i++) {
        uint64_t *z = k + limbs * i;

        gostkey_scalar_multiply(curve, z, v + limbs * i, t + limbs * i);
        gostkey_scalar_add(curve, z, z, u + limbs * i);
        expected[i] = gostkey_scalar_mask_zero(curve, z) == 0;
        if (!expected[i]) {
            memcpy(z, one, 8 * limbs);
        }
    }
    gostkey_ops(curve)->base_points(curve, sum_xy, k, n);
    for (size_t i = 0; i < n; i++) {
        uint64_t *z = r + limbs * i;

        gostkey_scalar_reduce(curve, z, sum_xy + 2 * limbs * i);
        if (i % 3 == 2) {
            gostkey_scalar_add(curve, z, z, one);
            expected[i] = 0;
        }
    }
}

static void check_items(const struct gostkey_curve *curve, int one_point, size_t from,
                        size_t n, const char *what)
{
    const size_t limbs = curve->limbs;

    memset(good, 7, n + 1);
    gostkey_ops(curve)->check_many_var(curve, good, xy + 2 * limbs * from, one_point,
                                       u + limbs * from, v + limbs * from,
                                       r + limbs * from, n);
    for (size_t i = 0; i < n; i++) {
        check(good[i] == expected[from + i], what, curve, from + i);
    }
    check(good[n] == 7, "byte after verdicts", curve, n);
}

/* u and v at the edges of the digits, and keys near the base point: sums that meet equal
 * or opposite points in all places, and infinity in the end. */
static void test_corners(const struct gostkey_curve *curve)
{
    static const int64_t vs[] = {1,  2,  3,   15,  16,  17,  31,  32,  33,  63,  64,
                                 65, 127, 128, 129, 255, 256, 257, 511, 1023};
    static const int64_t ts[] = {1, 2, 3, 16, 31, 32, 256, 257};
    const size_t limbs = curve->limbs;
    size_t n = 0;

    for (size_t a = 0; a < 2 * COUNT(vs); a++) {
        for (size_t b = 0; b < 2 * COUNT(ts); b++) {
            /* Not all of u for each v and t: that takes long for little. */
            const int64_t us[] = {1, -1, 2, vs[a / 2] * ts[b / 2]};
            const int64_t pick = us[(a + b / 2) % COUNT(us)];

            small_scalar(curve, v + limbs * n, a % 2 ? -vs[a / 2] : vs[a / 2]);
            small_scalar(curve, t + limbs * n, b % 2 ? -ts[b / 2] : ts[b / 2]);
            small_scalar(curve, u + limbs * n, (a ^ b) & 1 ? pick : -pick);
            n++;
        }
    }
    /* The last is a key that is half the base point. */
    small_scalar(curve, t + limbs * (n - 1), 2);
    gostkey_scalar_invert(curve, t + limbs * (n - 1), t + limbs * (n - 1));
    finish_items(curve, n);
    check_items(curve, 0, 0, n, "corner");
}

/* Numbers of items around the width of a vector; wrong ones in all lanes. */
static void test_counts(const struct gostkey_curve *curve)
{
    const size_t limbs = curve->limbs;

    for (size_t i = 0; i < 100; i++) {
        random_scalar(curve, u + limbs * i);
        random_scalar(curve, v + limbs * i);
        random_scalar(curve, t + limbs * i);
    }
    finish_items(curve, 100);
    for (size_t n = 0; n < 42; n += n < 34 ? 1 : 3) {
        check_items(curve, 0, n % 4, n, "of few items,");
    }
    check_items(curve, 0, 1, 63, "of 63 items,");
    check_items(curve, 0, 2, 64, "of 64 items,");
    check_items(curve, 0, 0, 65, "of 65 items,");
    for (size_t i = 1; i < 100; i++) {
        memcpy(t + limbs * i, t, 8 * limbs);
    }
    finish_items(curve, 100);
    for (size_t n = 0; n < 42; n += n < 25 ? 1 : 5) {
        check_items(curve, 1, n % 4, n, "of items of one key,");
    }
    for (size_t n = 63; n <= 65; n++) {
        check_items(curve, 1, n % 4, n, "of items of one key,");
    }
}

/* z := the term of window i of x, made odd, with windows of 8 bits. */
static void term(const struct gostkey_curve *curve, uint64_t *z, const uint64_t *x,
                 size_t i)
{
    const size_t windows = curve->limbs * 8, word = i / 8, shift = i % 8 * 8;
    uint64_t bits, odd[MAX], power[MAX] = {1};
    int64_t digit;

    memcpy(odd, x, sizeof odd);
    if (odd[0] % 2 == 0) {
        gostkey_scalar_negate(curve, odd, odd);
    }
    bits = odd[word] >> shift;
    if (shift == 56 && i != windows - 1) {
        bits |= odd[word + 1] << 8;
    }
    digit = (int64_t)(bits & 511) | 1;
    small_scalar(curve, z, i == windows - 1 ? (int64_t)(bits & 255) | 1 : digit - 256);
    for (size_t j = 0; j < 8 * i; j++) {
        gostkey_scalar_add(curve, power, power, power);
    }
    gostkey_scalar_multiply(curve, z, z, power);
    /* In the sum it counts for x itself. */
    if (x[0] % 2 == 0) {
        gostkey_scalar_negate(curve, z, z);
    }
}

/* z := a + b or a - b. */
static void add_signed(const struct gostkey_curve *curve, uint64_t *z, const uint64_t *a,
                       const uint64_t *b, int minus)
{
    uint64_t opposite[MAX];

    gostkey_scalar_negate(curve, opposite, b);
    gostkey_scalar_add(curve, z, a, minus ? opposite : b);
}

/* t of item `at` such that what is added in window i of u meets the sum so far or its
 * opposite; the sum is of all windows of v, or of the same number of windows of v. */
static void meet(const struct gostkey_curve *curve, size_t at, size_t i, int minus,
                 int one_point)
{
    const size_t limbs = curve->limbs;
    uint64_t sum[MAX] = {0}, of_v[MAX] = {0}, here[MAX];

    for (size_t j = 0; j < i; j++) {
        term(curve, here, u + limbs * at, j);
        gostkey_scalar_add(curve, sum, sum, here);
    }
    if (one_point) {
        for (size_t j = 0; j <= i; j++) {
            term(curve, here, v + limbs * at, j);
            gostkey_scalar_add(curve, of_v, of_v, here);
        }
    } else {
        memcpy(of_v, v + limbs * at, 8 * limbs);
    }
    /* of_v t + sum = +-term */
    term(curve, here, u + limbs * at, i);
    gostkey_scalar_negate(curve, sum, sum);
    add_signed(curve, sum, sum, here, minus);
    gostkey_scalar_invert(curve, of_v, of_v);
    gostkey_scalar_multiply(curve, t + limbs * at, sum, of_v);
}

static void test_meetings(const struct gostkey_curve *curve)
{
    const size_t limbs = curve->limbs, windows = 8 * limbs;
    enum { N = 30 };

    for (size_t i = 0; i < 2 * windows + 5; i++) {
        random_scalar(curve, u + limbs * i);
        random_scalar(curve, v + limbs * i);
        if (i < 2 * windows) {
            meet(curve, i, i / 2, i % 2, 0);
        } else {
            random_scalar(curve, t + limbs * i);
        }
    }
    finish_items(curve, 2 * windows + 5);
    check_items(curve, 0, 0, 2 * windows + 5, "meeting");
    for (size_t i = 0; i < windows; i += i == windows - 4 ? 3 : 4) {
        const size_t at = i % N;

        for (int minus = 0; minus < 2; minus++) {
            meet(curve, at, i, minus, 1);
            for (size_t j = 0; j < N; j++) {
                memcpy(t + limbs * j, t + limbs * at, 8 * limbs);
            }
            finish_items(curve, N);
            check_items(curve, 1, 0, N, "meeting with one key,");
        }
    }
}

/* Points that are keys, not on the curve, or of order 2: those have y = 0. */
static void test_points(const struct gostkey_curve *curve)
{
    enum { N = 70 };
    const size_t limbs = curve->limbs;

    for (size_t i = 0; i < N; i++) {
        random_scalar(curve, t + limbs * i);
        random_scalar(curve, u + limbs * i);
        random_scalar(curve, v + limbs * i);
    }
    finish_items(curve, N);
    memset(expected, 1, N);
    for (size_t i = 0; i < N; i++) {
        uint64_t *point = xy + 2 * limbs * i;

        if (i % 9 == 4) {
            memset(point, 0, 16 * limbs);
            expected[i] = 0;
        } else if (i % 9 == 7) {
            point[i % 2 ? 0 : limbs] ^= 1;
            expected[i] = 0;
        } else if (i % 9 == 8 && curve->cofactor == 4) {
            memcpy(point, curve->order2_x, 8 * limbs);
            memset(point + limbs, 0, 8 * limbs);
            expected[i] = 0;
        }
    }
    for (size_t n = 0; n < N; n += n < 33 ? 1 : 9) {
        memset(good, 7, n + 1);
        gostkey_ops(curve)->check_points_var(curve, good, xy, n);
        check(memcmp(good, expected, n) == 0 && good[n] == 7, "points", curve, n);
    }
    /* A sum with a point of order 2, whose doubling and odd multiples are no points that
     * the fast formulas know. */
    if (curve->cofactor == 4) {
        for (size_t i = 0; i < N; i++) {
            memcpy(xy + 2 * limbs * i, curve->order2_x, 8 * limbs);
            memset(xy + 2 * limbs * i + limbs, 0, 8 * limbs);
            small_scalar(curve, v + limbs * i, 2 * (int64_t)i + 2);
        }
        gostkey_ops(curve)->base_points(curve, sum_xy, u, N);
        for (size_t i = 0; i < N; i++) {
            gostkey_scalar_reduce(curve, r + limbs * i, sum_xy + 2 * limbs * i);
            expected[i] = 1;
        }
        check_items(curve, 0, 0, N, "with a point of order 2,");
        check_items(curve, 1, 0, N, "with one point of order 2,");
    }
}

int test_verify(void)
{
    const int scalar = strcmp(gostkey_kernel_of("ec256"), "avx512ifma") != 0;
    const int portable = strcmp(gostkey_kernel_of("ec256"), "portable") == 0;

    failures = 0;
    family = gostkey_kernels->family;
    for (int number = 0; number < GOSTKEY_CURVE_COUNT; number++) {
        const struct gostkey_curve *curve = &gostkey_curves[number];

        /* Scalar code checks one by one and takes long; some curves are enough of it,
         * and of the portable one, which foreign machines run in emulation, one. */
        if ((scalar && number % 3 != 1) || (portable && number != 1)) {
            continue;
        }
        gostkey_elliptic_prepare(number);
        test_corners(curve);
        test_counts(curve);
        test_meetings(curve);
        test_points(curve);
    }
    return failures;
}
