/* Multiples of the base point with secret scalars: a template with field.h and
 * point.h, for batch.h and multiples.h.
 *
 * Multiples with secret scalars use signed odd digits.  For an odd k < q and
 * L = ceil(q_bits / W) windows of W bits,
 *
 *     d[i] = ((bits W i .. W i + W of k) | 1) - 2^W   for i < L - 1
 *     d[L - 1] = (k >> W (L - 1)) | 1
 *
 * are all odd, |d[i]| < 2^W, and k = sum of d[i] 2^(W i) [Joye-Tunstall09].  An
 * even k is replaced by q - k, and the result negated.  No digit is zero, so
 * each window costs one addition, of an entry that is read by looking at all of
 * its table.
 *
 * Why these additions never meet equal or opposite points or infinity, which the fast
 * formulas cannot do.  Let s be the sum of the digits below window i, times
 * their powers: |s| <= (2^W - 1)(1 + 2^W + ...) < 2^(W i), and s is odd.  The
 * next term t = d[i] 2^(W i) is at least 2^(W i) in size, so s and t are neither
 * equal nor opposite nor zero as integers.  For i < L - 1, |s| + |t| < 2^(W (i + 1))
 * < q, so neither are they mod q.  In the last step s + t = k is not 0 mod q,
 * and s - t = 2 s - k is odd; it is a multiple of q only if it is +-q:
 *   2 s = k + q would make t = k - s = (k - q) / 2 negative, but d[L - 1] > 0;
 *   2 s = k - q happens for k = q - 2 (q mod 2^(W (L - 1))), if
 *   floor(q / 2^(W (L - 1))) is odd: then s = t mod q, a doubling.  It is computed
 *   always, and selected.
 *
 * Sources: [Joye-Tunstall09] M. Joye, M. Tunstall, Exponent recoding and regular
 * exponentiation algorithms; [EFD], short Weierstrass, XYZZ: madd-2008-s and
 * mdbl-2008-s-1. */

#if defined(GOSTKEY_MULX)
#include <immintrin.h>
#endif


/* Windows of the base point's table.  Wider ones cost more reading than they save. */
#define W 6
#define ENTRIES (1 << (W - 1))
#define WINDOWS ((64 * LIMBS + W - 1) / W)

/* What a curve needs in the field's form.  Written by prepare_var only. */
static struct prepared {
    struct coefficients coefficients;
    struct affine base[WINDOWS][ENTRIES]; /* [i][j] = (2 j + 1) 2^(W i) G */
    struct fe a2, root;                   /* of verify.h */
} prepared_curves[GOSTKEY_SLOTS];

static const struct coefficients *coefficients_of(const struct gostkey_curve *curve)
{
    return &prepared_curves[curve->slot].coefficients;
}

static void prepare_halving_var(struct fe *a2, struct fe *root,
                                const struct gostkey_curve *curve);

static void prepare_var(const struct gostkey_curve *curve)
{
    static const uint64_t one[LIMBS] = {1};
    struct prepared *ready = &prepared_curves[curve->slot];
    struct jacobian here, odd[ENTRIES];

    fe_from_plain(&ready->coefficients.a, curve->a, curve);
    fe_from_plain(&ready->coefficients.b, curve->b, curve);
    fe_from_plain(&ready->coefficients.one, one, curve);
    fe_from_plain(&here.x, curve->x, curve);
    fe_from_plain(&here.y, curve->y, curve);
    here.z = ready->coefficients.one;
    if (curve->cofactor == 4) {
        prepare_halving_var(&ready->a2, &ready->root, curve);
    }
    for (size_t i = 0; i < WINDOWS; i++) {
        odd_multiples_var(odd, &here, ENTRIES, curve);
        points_to_affine(ready->base[i], odd, ENTRIES, curve);
        for (int j = 0; j < W; j++) {
            point_double(&here, &here, curve);
        }
    }
}

/* Number of windows of w bits of the curve's scalars. */
static inline size_t windows_of(const struct gostkey_curve *curve, unsigned w)
{
    return (curve->q_bits + w - 1) / w;
}

/* odd := k or q - k, whichever is odd; return all ones if it is q - k. */
static uint64_t make_odd(uint64_t *odd, const uint64_t *k,
                         const struct gostkey_curve *curve)
{
    uint64_t even = ~gostkey_mask_bit64(k[0]);
    uint64_t t[LIMBS];

    words_subtract(t, curve->q, k);
    gostkey_select_words(even, odd, t, k, LIMBS);
    gostkey_wipe(t, sizeof t);
    return even;
}

/* Digit i of the odd number k, of windows of w bits: return its place in a table of
 * odd multiples; *negative := all ones if it is below zero. */
static inline uint64_t odd_digit(uint64_t *negative, const uint64_t *k, size_t i,
                                 size_t windows, const unsigned w)
{
    size_t word = w * i / 64, shift = w * i % 64;
    uint64_t bits = k[word] >> shift;

    if (shift + w + 1 > 64 && word + 1 < LIMBS) {
        bits |= k[word + 1] << (64 - shift);
    }
    if (i == windows - 1) {
        *negative = 0;
        return (bits & (((uint64_t)1 << w) - 1)) >> 1;
    }
    /* bits - 2^w, with the lowest bit taken as set: its size is 2 j + 1 with
     * j = the bits between if it is positive, else their complement. */
    *negative = ~gostkey_mask_bit64(bits >> w);
    return ((bits ^ *negative) & (((uint64_t)1 << w) - 1)) >> 1;
}

/* z := table[place]; reads all of the table. */
static inline void read_table(struct affine *z, const struct affine *table,
                              size_t entries, uint64_t place)
{
#if defined(GOSTKEY_MULX)
    enum { VECTORS = sizeof(struct affine) / sizeof(__m256i) };
    const __m256i wanted = _mm256_set1_epi64x((long long)place);
    const __m256i one = _mm256_set1_epi64x(1);
    __m256i found[VECTORS], here = _mm256_setzero_si256();

    for (int i = 0; i < VECTORS; i++) {
        found[i] = _mm256_setzero_si256();
    }
    for (size_t j = 0; j < entries; j++) {
        const __m256i mask = _mm256_cmpeq_epi64(here, wanted);
        const uint64_t *from = table[j].x.v;

        here = _mm256_add_epi64(here, one);
        for (int i = 0; i < VECTORS; i++) {
            __m256i words = _mm256_loadu_si256((const __m256i *)(const void *)(from + 4 * i));

            found[i] = _mm256_or_si256(found[i], _mm256_and_si256(words, mask));
        }
    }
    for (int i = 0; i < VECTORS; i++) {
        _mm256_storeu_si256((__m256i *)(void *)(z->x.v + 4 * i), found[i]);
    }
#else
    struct affine found;

    memset(&found, 0, sizeof found);
    for (uint64_t j = 0; j < entries; j++) {
        uint64_t here = gostkey_mask_equal64(j, place);

        for (int i = 0; i < LIMBS; i++) {
            found.x.v[i] |= table[j].x.v[i] & here;
            found.y.v[i] |= table[j].y.v[i] & here;
        }
    }
    *z = found;
#endif
}

/* z := table[place], negated where the mask is all ones; reads the whole table. */
static inline void look_up(struct affine *z, const struct affine *table, size_t entries,
                           uint64_t place, uint64_t negative,
                           const struct gostkey_curve *curve)
{
    struct fe negated;

    read_table(z, table, entries, place);
    fe_negate(&negated, &z->y, curve);
    fe_select(&z->y, negative, &negated, &z->y);
}

/* z := term i of the odd number k. */
static inline void base_term(struct affine *z, const uint64_t *k, size_t i,
                             size_t windows, const struct gostkey_curve *curve)
{
    uint64_t negative;
    uint64_t place = odd_digit(&negative, k, i, windows, W);

    look_up(z, prepared_curves[curve->slot].base[i], ENTRIES, place, negative, curve);
}

/* x = X / ZZ, y = Y / ZZZ, ZZ^3 = ZZZ^2: one square less for an addition than Jacobian
 * coordinates have. */
struct xyzz {
    struct fe x, y, zz, zzz;
};

/* z := z + y for points that are neither equal nor opposite nor infinity.  Return all
 * ones, and a z that is of no use, if they are equal. */
static inline uint64_t xyzz_add(struct xyzz *z, const struct affine *y,
                                const struct gostkey_curve *curve)
{
    struct fe p, r, pp, ppp, v;
    uint64_t equal;

    fe_multiply(&p, &y->x, &z->zz, curve);
    fe_multiply(&r, &y->y, &z->zzz, curve);
    fe_subtract(&p, &p, &z->x, curve);
    fe_subtract(&r, &r, &z->y, curve);
    fe_square(&pp, &p, curve);
    fe_multiply(&ppp, &pp, &p, curve);
    fe_multiply(&v, &z->x, &pp, curve);
    fe_square(&z->x, &r, curve);
    fe_multiply(&z->zz, &z->zz, &pp, curve);
    fe_subtract_also_twice(&z->x, &z->x, &ppp, &v, curve);
    fe_multiply(&z->zzz, &z->zzz, &ppp, curve);
    fe_multiply(&ppp, &z->y, &ppp, curve);
    fe_subtract(&v, &v, &z->x, curve);
    fe_multiply(&v, &v, &r, curve);
    fe_subtract(&z->y, &v, &ppp, curve);
    equal = fe_mask_zero(&p, curve);
    return equal;
}

/* z := 2 y where mask is all ones; y is not of order 2. */
static void xyzz_double_masked(struct xyzz *z, uint64_t mask, const struct affine *y,
                               const struct gostkey_curve *curve)
{
    struct xyzz twice;
    struct fe u, s, m;

    fe_double(&u, &y->y, curve);
    fe_square(&twice.zz, &u, curve);
    fe_multiply(&twice.zzz, &u, &twice.zz, curve);
    fe_multiply(&s, &y->x, &twice.zz, curve);
    fe_square(&u, &y->x, curve);
    fe_double(&m, &u, curve);
    fe_add(&m, &m, &u, curve);
    fe_add(&m, &m, &coefficients_of(curve)->a, curve);
    fe_square(&twice.x, &m, curve);
    fe_subtract(&twice.x, &twice.x, &s, curve);
    fe_subtract(&twice.x, &twice.x, &s, curve);
    fe_subtract(&s, &s, &twice.x, curve);
    fe_multiply(&m, &m, &s, curve);
    fe_multiply(&u, &twice.zzz, &y->y, curve);
    fe_subtract(&twice.y, &m, &u, curve);
    fe_select(&z->x, mask, &twice.x, &z->x);
    fe_select(&z->y, mask, &twice.y, &z->y);
    fe_select(&z->zz, mask, &twice.zz, &z->zz);
    fe_select(&z->zzz, mask, &twice.zzz, &z->zzz);
    gostkey_wipe(&twice, sizeof twice);
    gostkey_wipe(&m, sizeof m);
}

/* sum := k G. */
static void base_sum(struct xyzz *sum, const uint64_t *k,
                     const struct gostkey_curve *curve)
{
    size_t windows = windows_of(curve, W);
    struct affine entry;
    struct fe negated;
    uint64_t odd[LIMBS];
    uint64_t flipped = make_odd(odd, k, curve), equal = 0;

    base_term(&entry, odd, 0, windows, curve);
    sum->x = entry.x;
    sum->y = entry.y;
    sum->zz = coefficients_of(curve)->one;
    sum->zzz = coefficients_of(curve)->one;
    for (size_t i = 1; i < windows; i++) {
        base_term(&entry, odd, i, windows, curve);
        equal = xyzz_add(sum, &entry, curve);
    }
    xyzz_double_masked(sum, equal, &entry, curve);
    fe_negate(&negated, &sum->y, curve);
    fe_select(&sum->y, flipped, &negated, &sum->y);
    gostkey_wipe(&entry, sizeof entry);
    gostkey_wipe(&negated, sizeof negated);
    gostkey_wipe(odd, sizeof odd);
}

static void store_jacobian(uint64_t *xyz, const struct jacobian *point)
{
    memcpy(xyz, point->x.v, sizeof point->x.v);
    memcpy(xyz + LIMBS, point->y.v, sizeof point->y.v);
    memcpy(xyz + 2 * LIMBS, point->z.v, sizeof point->z.v);
}

/* With Z = ZZZ. */
static void base_multiply(const struct gostkey_curve *curve, uint64_t *xyz,
                          const uint64_t *k)
{
    struct xyzz sum;
    struct jacobian point;
    struct fe t;

    base_sum(&sum, k, curve);
    fe_square(&t, &sum.zz, curve);
    fe_multiply(&point.x, &sum.x, &t, curve);
    fe_square(&t, &sum.zzz, curve);
    fe_multiply(&point.y, &sum.y, &t, curve);
    point.z = sum.zzz;
    store_jacobian(xyz, &point);
    gostkey_wipe(&sum, sizeof sum);
    gostkey_wipe(&point, sizeof point);
    gostkey_wipe(&t, sizeof t);
}
