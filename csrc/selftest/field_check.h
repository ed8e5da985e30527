/* Tests of field.h against slow arithmetic, for the shape of p that the
 * including file defines; a template like field.h itself.  Random numbers never
 * reach the carries that come once in 2^240 products, so all pairs of numbers at
 * the edges are tried.  Defines GOSTKEY_FIELD_CHECK(curve), the number of
 * failures. */

#include <stdio.h>

#include "field.h"

int GOSTKEY_FIELD_CHECK(const struct gostkey_curve *curve);

/* z := x mod p for n words, bit by bit. */
static void slow_reduce(uint64_t *z, const uint64_t *x, int n, const uint64_t *p)
{
    memset(z, 0, 8 * LIMBS);
    for (int bit = 64 * n - 1; bit >= 0; bit--) {
        uint64_t high = z[LIMBS - 1] >> 63, t[LIMBS];

        for (int i = LIMBS - 1; i > 0; i--) {
            z[i] = z[i] << 1 | z[i - 1] >> 63;
        }
        z[0] = z[0] << 1 | (x[bit / 64] >> (bit % 64) & 1);
        if (words_subtract(t, z, p) == 0 || high) {
            memcpy(z, t, sizeof t);
        }
    }
}

/* t[2 LIMBS] := x * y with 32-bit digits. */
static void slow_multiply(uint64_t *t, const uint64_t *x, const uint64_t *y)
{
    uint32_t z[4 * LIMBS] = {0};

    for (int i = 0; i < 2 * LIMBS; i++) {
        uint64_t carry = 0;

        for (int j = 0; j < 2 * LIMBS; j++) {
            carry += (x[i / 2] >> 32 * (i % 2) & 0xffffffff) *
                         (y[j / 2] >> 32 * (j % 2) & 0xffffffff) +
                     z[i + j];
            z[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        z[i + 2 * LIMBS] = (uint32_t)carry;
    }
    for (int i = 0; i < 2 * LIMBS; i++) {
        t[i] = z[2 * i] | (uint64_t)z[2 * i + 1] << 32;
    }
}

#if defined(GOSTKEY_P_PLUS)
/* In fe_reduce's words: k = 0, so that m = 0 and n = l, and an l that makes n + C (C + 1)
 * overflow by little or not quite, which no product of the edges gives. */
static int check_overflow_of_reduction(const struct gostkey_curve *curve)
{
    const uint64_t last = 2 * P_C * (2 * P_C + 1);
    const uint64_t over[7] = {UINT64_MAX, 0, 1, P_C - 1, P_C, P_C + 1, last - 1};
    int failures = 0;

    for (int i = 0; i < 7; i++) {
        uint64_t t[2 * LIMBS], wanted[LIMBS], got[LIMBS];
        struct fe z;

        memset(t, 0xff, sizeof t);
        t[0] -= last - 1 - over[i];
        slow_reduce(wanted, t, 2 * LIMBS, curve->p);
        fe_reduce(&z, t, curve);
        fe_to_plain(got, &z, curve);
        failures += memcmp(got, wanted, sizeof wanted) != 0;
    }
    return failures;
}
#endif

int GOSTKEY_FIELD_CHECK(const struct gostkey_curve *curve)
{
    enum { EDGES = 40 };
    static struct fe edge[EDGES];
    uint64_t seed = 1;
    int failures = 0, n = 0;

    memset(edge, 0, sizeof edge);
    for (uint64_t small = 0; small < 3; small++) {
        edge[n++].v[0] = small;
        memcpy(edge[n].v, curve->p, sizeof edge[n].v);
        edge[n++].v[0] -= small + 1;
    }
    for (int i = 0; i < LIMBS; i += 3) {
        edge[n++].v[i] = UINT64_MAX;
        memcpy(edge[n].v, curve->p, sizeof edge[n].v);
        edge[n++].v[i] >>= 1;
    }
    edge[n++].v[LIMBS - 1] = (uint64_t)1 << 61;
#if !defined(GOSTKEY_P_ANY)
    /* Numbers from p to 2^(64 LIMBS) - 1 are elements, too. */
    for (uint64_t above = 0; above < 5; above++) {
        const uint64_t steps[5] = {0, 1, P_C / 2, P_C - 2, P_C - 1};

        memcpy(edge[n].v, curve->p, sizeof edge[n].v);
        edge[n++].v[0] += steps[above];
    }
#if defined(GOSTKEY_P_PLUS)
    /* Of these, too, the highest, and around 2^(64 LIMBS - 1). */
    for (uint64_t below = 0; below < 3; below++) {
        memset(edge[n].v, 0xff, sizeof edge[n].v);
        edge[n++].v[0] -= below * P_C;
        memset(edge[n].v, 0, sizeof edge[n].v);
        edge[n].v[0] = below * P_C;
        edge[n++].v[LIMBS - 1] = (uint64_t)1 << 63;
    }
#endif
    edge[n++].v[0] = P_C;
    edge[n++].v[0] = P_C - 1;
    /* The square root of what makes the last carry of a reduction, and its
     * neighbours: 2^(64 LIMBS) - 2^(32 LIMBS) - c, and + 2 c for PLUS. */
    for (uint64_t step = 0; step < 3; step++) {
        memset(edge[n].v, 0xff, sizeof edge[n].v);
#if defined(GOSTKEY_P_MINUS)
        edge[n].v[0] -= P_C - 1;
        edge[n].v[LIMBS / 2] -= 1;
#else
        memset(edge[n].v, 0, sizeof edge[n].v / 2);
        edge[n].v[0] = 2 * P_C;
#endif
        edge[n++].v[0] += step - 1;
    }
#endif
    while (n < EDGES) {
        for (int i = 0; i < LIMBS; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            edge[n].v[i] = seed ^ seed >> 29;
        }
        n++;
    }
#if defined(GOSTKEY_P_ANY)
    for (int i = 0; i < EDGES; i++) {
        uint64_t t[LIMBS];

        slow_reduce(t, edge[i].v, LIMBS, curve->p);
        memcpy(edge[i].v, t, sizeof t);
    }
#endif
    for (int i = 0; i < EDGES; i++) {
        for (int j = 0; j < EDGES; j++) {
            uint64_t x[LIMBS], y[LIMBS], t[2 * LIMBS], wanted[LIMBS], got[LIMBS];
            struct fe z, right;

            fe_to_plain(x, &edge[i], curve);
            fe_to_plain(y, &edge[j], curve);
            slow_multiply(t, x, y);
            slow_reduce(wanted, t, 2 * LIMBS, curve->p);
            fe_multiply(&z, &edge[i], &edge[j], curve);
            fe_to_plain(got, &z, curve);
            failures += memcmp(got, wanted, sizeof got) != 0;
            if (i == j) {
                fe_square(&z, &edge[i], curve);
                fe_to_plain(got, &z, curve);
                failures += memcmp(got, wanted, sizeof got) != 0;
            }

            memset(t, 0, sizeof t);
            t[LIMBS] = words_add(t, x, y);
            slow_reduce(wanted, t, LIMBS + 1, curve->p);
            fe_add(&z, &edge[i], &edge[j], curve);
            fe_to_plain(got, &z, curve);
            failures += memcmp(got, wanted, sizeof got) != 0;

            /* (x - y) + y = x */
            fe_subtract(&z, &edge[i], &edge[j], curve);
            fe_add(&z, &z, &edge[j], curve);
            fe_to_plain(got, &z, curve);
            failures += memcmp(got, x, sizeof got) != 0;

            fe_from_plain(&right, x, curve);
            fe_subtract(&z, &edge[i], &right, curve);
            failures += fe_mask_zero(&z, curve) == 0;
        }
    }
#if defined(GOSTKEY_P_PLUS)
    failures += check_overflow_of_reduction(curve);
#endif
    for (int i = 0; i < EDGES; i++) {
        static const uint64_t one[LIMBS] = {1};
        uint64_t got[LIMBS];
        struct fe z;

        if (fe_mask_zero(&edge[i], curve)) {
            continue;
        }
        fe_invert(&z, &edge[i], curve);
        fe_multiply(&z, &z, &edge[i], curve);
        fe_to_plain(got, &z, curve);
        failures += memcmp(got, one, sizeof got) != 0;
    }
    return failures;
}
