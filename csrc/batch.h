/* Many multiples of the base point: a template with field.h, point.h and comb.h.
 *
 * Few are summed up one by one.  Of many, all sums stay affine, and all go through the
 * windows together: the slopes of one window's additions take one inversion
 * among them [Montgomery87, 10.3.1].  An addition is then five products and a square
 *
 *     before[i] = dx[0] ... dx[i - 1]                  forwards
 *     1 / dx[i] = rest before[i], rest := rest dx[i]   backwards
 *     slope = dy / dx, x := slope^2 - dx - 2 x, y := slope (x before - x) - y
 *
 * where dx = (x of the term) - x and dy likewise.  comb.h says why no dx is 0 but that of
 * the doubling in the last window; there dx := 2 y and dy := 3 x^2 + a give the
 * slope, so that one such item costs the others nothing.
 *
 * Source: [Montgomery87] P. Montgomery, Speeding the Pollard and elliptic curve
 * methods of factorization. */

#include <stdlib.h>

/* Sharing an inversion a window pays from MANY items on; ROOM items share one, and fit
 * the second-level cache. */
enum { FEW = 16, MANY = 32, ROOM = 512 };

struct lane {
    struct affine sum;
    struct fe dx, dy, before;
    uint64_t odd[LIMBS];
    uint64_t flipped, equal; /* masks: the sum is to be negated; the doubling */
};

/* dx and dy for adding term i to the lane's sum. */
static inline void lane_difference(struct lane *lane, size_t i, size_t windows,
                                   const struct gostkey_curve *curve)
{
    struct affine term;

    base_term(&term, lane->odd, i, windows, curve);
    fe_subtract(&lane->dx, &term.x, &lane->sum.x, curve);
    fe_subtract(&lane->dy, &term.y, &lane->sum.y, curve);
}

/* Neighbours go through an addition step by step together, so that one's products fill
 * the processor while the other's wait for each other. */
enum { TOGETHER = 2 };

/* sum := sum + term for count lanes up to TOGETHER, given 1 / dx; minus is the x of the
 * term less that of the sum. */
static inline void lanes_add(struct lane *lanes, const struct fe *inverse,
                             const struct fe *minus, size_t count,
                             const struct gostkey_curve *curve)
{
    struct fe slope[TOGETHER], x[TOGETHER];

    for (size_t j = 0; j < count; j++) {
        fe_multiply(&slope[j], &lanes[j].dy, &inverse[j], curve);
    }
    for (size_t j = 0; j < count; j++) {
        fe_square(&x[j], &slope[j], curve);
    }
    for (size_t j = 0; j < count; j++) {
        struct affine *sum = &lanes[j].sum;

        fe_subtract_also_twice(&x[j], &x[j], &minus[j], &sum->x, curve);
        fe_subtract(&sum->x, &sum->x, &x[j], curve);
    }
    for (size_t j = 0; j < count; j++) {
        fe_multiply(&slope[j], &slope[j], &lanes[j].sum.x, curve);
    }
    for (size_t j = 0; j < count; j++) {
        lanes[j].sum.x = x[j];
        fe_subtract(&lanes[j].sum.y, &slope[j], &lanes[j].sum.y, curve);
    }
}

/* Where dx is 0, make it and dy those of the doubling. */
static void lane_double_masked(struct lane *lane, const struct gostkey_curve *curve)
{
    struct fe t, twice;

    lane->equal = fe_mask_zero(&lane->dx, curve);
    fe_double(&t, &lane->sum.y, curve);
    fe_select(&lane->dx, lane->equal, &t, &lane->dx);
    fe_square(&t, &lane->sum.x, curve);
    fe_double(&twice, &t, curve);
    fe_add(&t, &t, &twice, curve);
    fe_add(&t, &t, &coefficients_of(curve)->a, curve);
    fe_select(&lane->dy, lane->equal, &t, &lane->dy);
}

/* One window for n lanes. */
static void lanes_step(struct lane *lanes, size_t n, size_t i, size_t windows,
                       const struct gostkey_curve *curve)
{
    static const struct fe zero;
    const int last = i == windows - 1;
    struct fe product = coefficients_of(curve)->one;

    for (size_t j = 0; j < n; j++) {
        lane_difference(&lanes[j], i, windows, curve);
        if (last) {
            lane_double_masked(&lanes[j], curve);
        }
        lanes[j].before = product;
        fe_multiply(&product, &product, &lanes[j].dx, curve);
    }
    fe_invert(&product, &product, curve);
    for (size_t left = n; left > 0;) {
        const size_t count = left < TOGETHER ? left : TOGETHER;
        struct fe inverse[TOGETHER], minus[TOGETHER];

        left -= count;
        for (size_t j = count; j-- > 0;) {
            const struct lane *lane = &lanes[left + j];

            fe_multiply(&inverse[j], &product, &lane->before, curve);
            fe_multiply(&product, &product, &lane->dx, curve);
            minus[j] = lane->dx;
            if (last) {
                fe_select(&minus[j], lane->equal, &zero, &minus[j]);
            }
        }
        lanes_add(lanes + left, inverse, minus, count, curve);
    }
    gostkey_wipe(&product, sizeof product);
}

/* xy[i] := k[i] G for n up to ROOM. */
static void lanes_sum(const struct gostkey_curve *curve, uint64_t *xy,
                      const uint64_t *k, struct lane *lanes, size_t n)
{
    size_t windows = windows_of(curve, W);

    for (size_t j = 0; j < n; j++) {
        lanes[j].flipped = make_odd(lanes[j].odd, k + LIMBS * j, curve);
        base_term(&lanes[j].sum, lanes[j].odd, 0, windows, curve);
    }
    for (size_t i = 1; i < windows; i++) {
        lanes_step(lanes, n, i, windows, curve);
    }
    for (size_t j = 0; j < n; j++) {
        struct fe negated;

        fe_negate(&negated, &lanes[j].sum.y, curve);
        fe_select(&lanes[j].sum.y, lanes[j].flipped, &negated, &lanes[j].sum.y);
        fe_to_plain(xy + 2 * LIMBS * j, &lanes[j].sum.x, curve);
        fe_to_plain(xy + 2 * LIMBS * j + LIMBS, &lanes[j].sum.y, curve);
    }
}

/* xy[i] := k[i] G for n up to FEW, with one inversion in the end. */
static void few_sum(const struct gostkey_curve *curve, uint64_t *xy, const uint64_t *k,
                    size_t n)
{
    struct xyzz sums[FEW];
    struct fe before[FEW], rest, inverse, t;

    if (n == 0) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        base_sum(&sums[i], k + LIMBS * i, curve);
    }
    rest = sums[0].zzz;
    for (size_t i = 1; i < n; i++) {
        before[i] = rest;
        fe_multiply(&rest, &rest, &sums[i].zzz, curve);
    }
    fe_invert(&rest, &rest, curve);
    for (size_t i = n; i-- > 0;) {
        if (i > 0) {
            fe_multiply(&inverse, &rest, &before[i], curve);
            fe_multiply(&rest, &rest, &sums[i].zzz, curve);
        } else {
            inverse = rest;
        }
        /* 1 / ZZ = (ZZ / ZZZ)^2 */
        fe_multiply(&t, &sums[i].zz, &inverse, curve);
        fe_square(&t, &t, curve);
        fe_multiply(&t, &t, &sums[i].x, curve);
        fe_to_plain(xy + 2 * LIMBS * i, &t, curve);
        fe_multiply(&t, &inverse, &sums[i].y, curve);
        fe_to_plain(xy + 2 * LIMBS * i + LIMBS, &t, curve);
    }
    gostkey_wipe(sums, n * sizeof *sums);
    gostkey_wipe(before, n * sizeof *before);
    gostkey_wipe(&rest, sizeof rest);
    gostkey_wipe(&inverse, sizeof inverse);
    gostkey_wipe(&t, sizeof t);
}

static void base_points(const struct gostkey_curve *curve, uint64_t *xy,
                        const uint64_t *k, size_t n)
{
    /* Blocks of equal size, so that the last one is not small. */
    size_t blocks = (n + ROOM - 1) / ROOM, most = n == 0 ? 0 : (n + blocks - 1) / blocks;
    struct lane *lanes = n >= MANY ? malloc(most * sizeof *lanes) : NULL;

    if (lanes == NULL) {
        most = FEW;
    }
    for (size_t done = 0; done < n;) {
        size_t count = n - done < most ? n - done : most;

        if (lanes != NULL) {
            lanes_sum(curve, xy + 2 * LIMBS * done, k + LIMBS * done, lanes, count);
        } else {
            few_sum(curve, xy + 2 * LIMBS * done, k + LIMBS * done, count);
        }
        done += count;
    }
    if (lanes != NULL) {
        gostkey_wipe(lanes, most * sizeof *lanes);
        free(lanes);
    }
}
