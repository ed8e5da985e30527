/* Points and their multiples over the field of field.h; a template with it.
 * The file that includes both also defines
 *
 *     GOSTKEY_OPS     name of the struct gostkey_curve_ops to define
 *     GOSTKEY_SLOTS   how many curves share this field
 *
 * Jacobian coordinates: x = X / Z^2, y = Y / Z^3; Z = 0 is infinity.
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
 * its table.  Why those additions never meet equal or opposite points or
 * infinity, which the fast formula cannot do, is said where they are done; the
 * one exception, a doubling in the last step for one scalar in all of 1..q-1, is
 * computed always and selected.
 *
 * Sources: [EFD] Explicit-Formulas Database, short Weierstrass, Jacobian:
 * dbl-2001-b, add-2007-bl without its shifts; [Joye-Tunstall09] M. Joye, M.
 * Tunstall, Exponent recoding and regular exponentiation algorithms. */

#include "wipe.h"

#define W 5
#define ENTRIES (1 << (W - 1))
#define WINDOWS ((64 * LIMBS + W - 1) / W)

struct affine {
    struct fe x, y;
};

struct jacobian {
    struct fe x, y, z;
};

/* What a curve needs in the field's form.  Written by prepare_var only. */
static struct prepared {
    struct fe a, b, one;
    struct affine base[WINDOWS][ENTRIES]; /* [i][j] = (2 j + 1) 2^(W i) G */
} prepared_curves[GOSTKEY_SLOTS];

/* z := 2 x; also for infinity and points of order 2. */
static void point_double(struct jacobian *z, const struct jacobian *x,
                         const struct gostkey_curve *curve)
{
    struct fe alpha, beta, gamma, delta, t;

    fe_square(&gamma, &x->y, curve);
    fe_multiply(&beta, &x->x, &gamma, curve);
    fe_square(&delta, &x->z, curve);
    if (curve->a_is_minus_3) {
        /* alpha = 3 X^2 + a Z^4 = 3 (X - Z^2)(X + Z^2) */
        fe_add(&t, &x->x, &delta, curve);
        fe_subtract(&alpha, &x->x, &delta, curve);
        fe_multiply(&t, &t, &alpha, curve);
        fe_double(&alpha, &t, curve);
        fe_add(&alpha, &alpha, &t, curve);
    } else {
        fe_square(&t, &x->x, curve);
        fe_double(&alpha, &t, curve);
        fe_add(&alpha, &alpha, &t, curve);
        fe_square(&t, &delta, curve);
        fe_multiply(&t, &t, &prepared_curves[curve->slot].a, curve);
        fe_add(&alpha, &alpha, &t, curve);
    }
    /* Z3 = (Y + Z)^2 - Y^2 - Z^2 = 2 Y Z */
    fe_add(&t, &x->y, &x->z, curve);
    fe_square(&t, &t, curve);
    fe_subtract(&t, &t, &gamma, curve);
    fe_subtract(&z->z, &t, &delta, curve);
    /* X3 = alpha^2 - 8 beta */
    fe_double(&beta, &beta, curve);
    fe_double(&beta, &beta, curve);
    fe_square(&t, &alpha, curve);
    fe_subtract(&t, &t, &beta, curve);
    fe_subtract(&z->x, &t, &beta, curve);
    /* Y3 = alpha (4 beta - X3) - 8 gamma^2 */
    fe_subtract(&beta, &beta, &z->x, curve);
    fe_multiply(&alpha, &alpha, &beta, curve);
    fe_double(&gamma, &gamma, curve);
    fe_square(&gamma, &gamma, curve);
    fe_double(&gamma, &gamma, curve);
    fe_subtract(&z->y, &alpha, &gamma, curve);
}

/* z := x + y for points that are neither equal nor opposite nor infinity; h and r
 * are left for callers that cannot know: both 0 if the points are equal, h alone
 * if they are opposite (and then Z is 0, which is right). */
static void point_add(struct jacobian *z, const struct jacobian *x,
                      const struct affine *y, struct fe *h, struct fe *r,
                      const struct gostkey_curve *curve)
{
    struct fe hh, v, t;

    fe_square(&t, &x->z, curve);
    fe_multiply(h, &y->x, &t, curve);
    fe_subtract(h, h, &x->x, curve);
    fe_multiply(&t, &t, &x->z, curve);
    fe_multiply(r, &y->y, &t, curve);
    fe_subtract(r, r, &x->y, curve);
    fe_square(&hh, h, curve);
    fe_multiply(&v, &x->x, &hh, curve);
    fe_multiply(&hh, &hh, h, curve); /* h^3 */
    fe_multiply(&z->z, &x->z, h, curve);
    fe_multiply(&t, &x->y, &hh, curve);
    fe_square(&z->x, r, curve);
    fe_subtract(&z->x, &z->x, &hh, curve);
    fe_subtract(&z->x, &z->x, &v, curve);
    fe_subtract(&z->x, &z->x, &v, curve);
    fe_subtract(&v, &v, &z->x, curve);
    fe_multiply(&v, &v, r, curve);
    fe_subtract(&z->y, &v, &t, curve);
}

/* z := x + y, where y may equal x, but is not opposite and neither is infinity. */
static void point_add_or_double(struct jacobian *z, const struct jacobian *x,
                                const struct affine *y,
                                const struct gostkey_curve *curve)
{
    struct jacobian twice;
    struct fe h, r;
    uint64_t equal;

    point_double(&twice, x, curve);
    point_add(z, x, y, &h, &r, curve);
    equal = fe_mask_zero(&h, curve);
    fe_select(&z->x, equal, &twice.x, &z->x);
    fe_select(&z->y, equal, &twice.y, &z->y);
    fe_select(&z->z, equal, &twice.z, &z->z);
    gostkey_wipe(&twice, sizeof twice);
}

static int is_infinity_var(const struct jacobian *x, const struct gostkey_curve *curve)
{
    return fe_mask_zero(&x->z, curve) != 0;
}

/* z := x + y, any points. */
static void point_add_affine_var(struct jacobian *z, const struct jacobian *x,
                                 const struct affine *y,
                                 const struct gostkey_curve *curve)
{
    struct jacobian sum;
    struct fe h, r;

    if (is_infinity_var(x, curve)) {
        z->x = y->x;
        z->y = y->y;
        z->z = prepared_curves[curve->slot].one;
        return;
    }
    point_add(&sum, x, y, &h, &r, curve);
    if (fe_mask_zero(&h, curve) && fe_mask_zero(&r, curve)) {
        point_double(z, x, curve);
    } else {
        *z = sum;
    }
}

/* z := x + y, any points. */
static void point_add_var(struct jacobian *z, const struct jacobian *x,
                          const struct jacobian *y, const struct gostkey_curve *curve)
{
    struct jacobian left;
    struct affine right;
    struct fe zz, h, r;
    struct jacobian sum;

    if (is_infinity_var(x, curve)) {
        *z = *y;
        return;
    }
    if (is_infinity_var(y, curve)) {
        *z = *x;
        return;
    }
    /* Scale both to the common Z of their product: x by y's, and y, whose own Z
     * then counts as 1, stays.  The sum's Z gets y's factor in the end. */
    fe_square(&zz, &y->z, curve);
    fe_multiply(&left.x, &x->x, &zz, curve);
    fe_multiply(&zz, &zz, &y->z, curve);
    fe_multiply(&left.y, &x->y, &zz, curve);
    left.z = x->z;
    right.x = y->x;
    right.y = y->y;
    point_add(&sum, &left, &right, &h, &r, curve);
    if (fe_mask_zero(&h, curve) && fe_mask_zero(&r, curve)) {
        point_double(z, x, curve);
        return;
    }
    fe_multiply(&sum.z, &sum.z, &y->z, curve);
    *z = sum;
}

/* xy[i] := xyz[i] in the field's form, for n points that are not infinity. */
static void points_to_affine(struct affine *xy, const struct jacobian *xyz, size_t n,
                             const struct gostkey_curve *curve)
{
    struct fe inverse, here, t;

    if (n == 0) {
        return;
    }
    /* xy[i].x = Z[0] ... Z[i], until the way back puts the result there. */
    xy[0].x = xyz[0].z;
    for (size_t i = 1; i < n; i++) {
        fe_multiply(&xy[i].x, &xy[i - 1].x, &xyz[i].z, curve);
    }
    fe_invert(&inverse, &xy[n - 1].x, curve);
    for (size_t i = n; i-- > 0;) {
        if (i > 0) {
            fe_multiply(&here, &inverse, &xy[i - 1].x, curve);
            fe_multiply(&inverse, &inverse, &xyz[i].z, curve);
        } else {
            here = inverse;
        }
        fe_square(&t, &here, curve);
        fe_multiply(&xy[i].x, &xyz[i].x, &t, curve);
        fe_multiply(&t, &t, &here, curve);
        fe_multiply(&xy[i].y, &xyz[i].y, &t, curve);
    }
    gostkey_wipe(&inverse, sizeof inverse);
    gostkey_wipe(&here, sizeof here);
    gostkey_wipe(&t, sizeof t);
}

/* z[j] := (2 j + 1) x for j < count; x is neither infinity nor of order 2.  None
 * of these is infinity: the order of x is q, 2 q, 4 q or 4. */
static void odd_multiples_var(struct jacobian *z, const struct jacobian *x, size_t count,
                              const struct gostkey_curve *curve)
{
    struct jacobian two;

    z[0] = *x;
    point_double(&two, x, curve);
    for (size_t j = 1; j < count; j++) {
        point_add_var(&z[j], &z[j - 1], &two, curve);
    }
}

static void prepare_var(const struct gostkey_curve *curve)
{
    static const uint64_t one[LIMBS] = {1};
    struct prepared *ready = &prepared_curves[curve->slot];
    struct jacobian here, odd[ENTRIES];

    fe_from_plain(&ready->a, curve->a, curve);
    fe_from_plain(&ready->b, curve->b, curve);
    fe_from_plain(&ready->one, one, curve);
    fe_from_plain(&here.x, curve->x, curve);
    fe_from_plain(&here.y, curve->y, curve);
    here.z = ready->one;
    for (size_t i = 0; i < WINDOWS; i++) {
        odd_multiples_var(odd, &here, ENTRIES, curve);
        points_to_affine(ready->base[i], odd, ENTRIES, curve);
        for (int j = 0; j < W; j++) {
            point_double(&here, &here, curve);
        }
    }
}

/* Number of windows of the curve's scalars. */
static size_t windows_of(const struct gostkey_curve *curve)
{
    return (curve->q_bits + W - 1) / W;
}

/* odd := k or q - k, whichever is odd; return all ones if it is q - k. */
static uint64_t make_odd(uint64_t *odd, const uint64_t *k, const struct gostkey_curve *curve)
{
    uint64_t even = ~gostkey_mask_bit64(k[0]);
    uint64_t t[LIMBS];

    words_subtract(t, curve->q, k);
    gostkey_select_words(even, odd, t, k, LIMBS);
    gostkey_wipe(t, sizeof t);
    return even;
}

/* Digit i of the odd number k: return its place in a table of odd multiples;
 * *negative := all ones if it is below zero. */
static uint64_t odd_digit(uint64_t *negative, const uint64_t *k, size_t i, size_t windows)
{
    size_t word = W * i / 64, shift = W * i % 64;
    uint64_t bits = k[word] >> shift;

    if (shift + W + 1 > 64 && word + 1 < LIMBS) {
        bits |= k[word + 1] << (64 - shift);
    }
    if (i == windows - 1) {
        *negative = 0;
        return (bits & ((1 << W) - 1)) >> 1;
    }
    /* bits - 2^W, with the lowest bit taken as set: its size is 2 j + 1 with
     * j = the bits between if it is positive, else their complement. */
    *negative = ~gostkey_mask_bit64(bits >> W);
    return ((bits ^ *negative) & ((1 << W) - 1)) >> 1;
}

/* z := table[place], negated where the mask is all ones; reads the whole table. */
static void look_up(struct affine *z, const struct affine *table, uint64_t place,
                    uint64_t negative, const struct gostkey_curve *curve)
{
    struct affine found;
    struct fe negated;

    memset(&found, 0, sizeof found);
    for (uint64_t j = 0; j < ENTRIES; j++) {
        uint64_t here = gostkey_mask_equal64(j, place);

        for (int i = 0; i < LIMBS; i++) {
            found.x.v[i] |= table[j].x.v[i] & here;
            found.y.v[i] |= table[j].y.v[i] & here;
        }
    }
    fe_negate(&negated, &found.y, curve);
    z->x = found.x;
    fe_select(&z->y, negative, &negated, &found.y);
}

static void store_jacobian(uint64_t *xyz, const struct jacobian *point)
{
    memcpy(xyz, point->x.v, sizeof point->x.v);
    memcpy(xyz + LIMBS, point->y.v, sizeof point->y.v);
    memcpy(xyz + 2 * LIMBS, point->z.v, sizeof point->z.v);
}

/* Why point_add will do.  Let s be the sum of the digits below window i, times
 * their powers: |s| <= (2^W - 1)(1 + 2^W + ...) < 2^(W i), and s is odd.  The
 * next term t = d[i] 2^(W i) is at least 2^(W i) in size, so s and t are neither
 * equal nor opposite nor zero as integers.  For i < L - 1, |s| + |t| < 2^(W (i + 1))
 * < q, so neither are they mod q.  In the last step s + t = k is not 0 mod q,
 * and s - t = 2 s - k is odd; it is a multiple of q only if it is +-q:
 *   2 s = k + q would make t = k - s = (k - q) / 2 negative, but d[L - 1] > 0;
 *   2 s = k - q happens for k = q - 2 (q mod 2^(W (L - 1))) if floor(q / 2^(W (L - 1))) is
 *   odd: then s = t mod q, a doubling. */
static void base_multiply(const struct gostkey_curve *curve, uint64_t *xyz,
                          const uint64_t *k)
{
    const struct prepared *ready = &prepared_curves[curve->slot];
    size_t windows = windows_of(curve);
    struct jacobian sum;
    struct affine entry;
    struct fe h, r;
    uint64_t odd[LIMBS];
    uint64_t negative, place;
    uint64_t flipped = make_odd(odd, k, curve);

    place = odd_digit(&negative, odd, 0, windows);
    look_up(&entry, ready->base[0], place, negative, curve);
    sum.x = entry.x;
    sum.y = entry.y;
    sum.z = ready->one;
    for (size_t i = 1; i < windows - 1; i++) {
        place = odd_digit(&negative, odd, i, windows);
        look_up(&entry, ready->base[i], place, negative, curve);
        point_add(&sum, &sum, &entry, &h, &r, curve);
    }
    place = odd_digit(&negative, odd, windows - 1, windows);
    look_up(&entry, ready->base[windows - 1], place, negative, curve);
    point_add_or_double(&sum, &sum, &entry, curve);
    fe_negate(&h, &sum.y, curve);
    fe_select(&sum.y, flipped, &h, &sum.y);
    store_jacobian(xyz, &sum);
    gostkey_wipe(&sum, sizeof sum);
    gostkey_wipe(&entry, sizeof entry);
    gostkey_wipe(&h, sizeof h);
    gostkey_wipe(&r, sizeof r);
    gostkey_wipe(odd, sizeof odd);
}

static void point_from_plain(struct affine *z, const uint64_t *xy,
                             const struct gostkey_curve *curve)
{
    fe_from_plain(&z->x, xy, curve);
    fe_from_plain(&z->y, xy + LIMBS, curve);
}

/* From the top: sum := 2^W sum + d[i] Q.  The old sum s is odd and positive, since
 * it is (k >> W (i + 1)) | 1, so 2^W s is more than |d[i]| and not its equal or
 * opposite as integers; for i > 0 both together are below q, hence nor mod q.
 * For i = 0, 2^W s + d[0] = k is not 0 mod q; 2^W s - d[0] = k - 2 d[0] is odd, and is
 * q for k = q - 2 t with one odd t < 2^W at most: a doubling. */
static void multiply(const struct gostkey_curve *curve, uint64_t *xyz, const uint64_t *k,
                     const uint64_t *xy)
{
    size_t windows = windows_of(curve);
    struct jacobian sum, jacobians[ENTRIES];
    struct affine entry, table[ENTRIES];
    struct fe h, r;
    uint64_t odd[LIMBS];
    uint64_t negative, place;
    uint64_t flipped = make_odd(odd, k, curve);

    point_from_plain(&entry, xy, curve);
    sum.x = entry.x;
    sum.y = entry.y;
    sum.z = prepared_curves[curve->slot].one;
    odd_multiples_var(jacobians, &sum, ENTRIES, curve);
    points_to_affine(table, jacobians, ENTRIES, curve);

    place = odd_digit(&negative, odd, windows - 1, windows);
    look_up(&entry, table, place, negative, curve);
    sum.x = entry.x;
    sum.y = entry.y;
    for (size_t i = windows - 1; i-- > 0;) {
        for (int j = 0; j < W; j++) {
            point_double(&sum, &sum, curve);
        }
        place = odd_digit(&negative, odd, i, windows);
        look_up(&entry, table, place, negative, curve);
        if (i > 0) {
            point_add(&sum, &sum, &entry, &h, &r, curve);
        } else {
            point_add_or_double(&sum, &sum, &entry, curve);
        }
    }
    fe_negate(&h, &sum.y, curve);
    fe_select(&sum.y, flipped, &h, &sum.y);
    store_jacobian(xyz, &sum);
    gostkey_wipe(&sum, sizeof sum);
    gostkey_wipe(&entry, sizeof entry);
    gostkey_wipe(&h, sizeof h);
    gostkey_wipe(&r, sizeof r);
    gostkey_wipe(odd, sizeof odd);
}

static void to_affine(const struct gostkey_curve *curve, uint64_t *xy,
                      const uint64_t *xyz, size_t n)
{
    enum { CHUNK = 32 };
    struct jacobian points[CHUNK];
    struct affine out[CHUNK];

    for (size_t done = 0; done < n;) {
        size_t count = n - done < CHUNK ? n - done : CHUNK;

        for (size_t i = 0; i < count; i++) {
            const uint64_t *from = xyz + 3 * LIMBS * (done + i);

            memcpy(points[i].x.v, from, sizeof points[i].x.v);
            memcpy(points[i].y.v, from + LIMBS, sizeof points[i].y.v);
            memcpy(points[i].z.v, from + 2 * LIMBS, sizeof points[i].z.v);
        }
        points_to_affine(out, points, count, curve);
        for (size_t i = 0; i < count; i++) {
            fe_to_plain(xy + 2 * LIMBS * (done + i), &out[i].x, curve);
            fe_to_plain(xy + 2 * LIMBS * (done + i) + LIMBS, &out[i].y, curve);
        }
        done += count;
    }
    gostkey_wipe(points, sizeof points);
    gostkey_wipe(out, sizeof out);
}

static int is_on_curve_var(const struct gostkey_curve *curve, const uint64_t *xy)
{
    const struct prepared *ready = &prepared_curves[curve->slot];
    struct affine point;
    struct fe left, right;

    point_from_plain(&point, xy, curve);
    fe_square(&left, &point.y, curve);
    fe_square(&right, &point.x, curve);
    fe_add(&right, &right, &ready->a, curve);
    fe_multiply(&right, &right, &point.x, curve);
    fe_add(&right, &right, &ready->b, curve);
    fe_subtract(&left, &left, &right, curve);
    return fe_mask_zero(&left, curve) != 0;
}

/* Digits of k, lowest first, each zero or odd and below 2^(W - 1) in size; return how
 * many [Guide to Elliptic Curve Cryptography, algorithm 3.35]. */
static size_t wnaf_var(int8_t *digits, const uint64_t *k)
{
    size_t count = 0, position = 0;
    uint64_t carry = 0;

    /* Skip a bit that equals the carry: a zero digit.  Else take W bits. */
    while (position < 64 * LIMBS + 1) {
        size_t word = position / 64, shift = position % 64;
        uint64_t bits = word < LIMBS ? k[word] >> shift : 0;

        if (shift + W > 64 && word + 1 < LIMBS) {
            bits |= k[word + 1] << (64 - shift);
        }
        if ((bits & 1) == carry) {
            digits[position++] = 0;
            continue;
        }
        bits = (bits & ((1 << W) - 1)) + carry;
        carry = bits >> (W - 1);
        digits[position] = (int8_t)((int)bits - (int)(carry << W));
        count = position + 1;
        for (size_t i = 1; i < W; i++) {
            digits[position + i] = 0;
        }
        position += W;
    }
    return count;
}

/* z := k (x, y) for any point of the curve. */
static void multiply_var(struct jacobian *z, const uint64_t *k, const struct affine *point,
                         const struct gostkey_curve *curve)
{
    enum { ODD = 1 << (W - 2) };
    int8_t digits[64 * LIMBS + W + 1];
    size_t count = wnaf_var(digits, k);
    struct jacobian table[ODD];

    table[0].x = point->x;
    table[0].y = point->y;
    table[0].z = prepared_curves[curve->slot].one;
    odd_multiples_var(table, &table[0], ODD, curve);
    memset(z, 0, sizeof *z);
    while (count-- > 0) {
        int digit = digits[count];

        point_double(z, z, curve);
        if (digit > 0) {
            point_add_var(z, z, &table[digit >> 1], curve);
        } else if (digit < 0) {
            struct jacobian negative = table[-digit >> 1];

            fe_negate(&negative.y, &negative.y, curve);
            point_add_var(z, z, &negative, curve);
        }
    }
}

static int is_in_subgroup_var(const struct gostkey_curve *curve, const uint64_t *xy)
{
    struct affine point;
    struct jacobian product;

    point_from_plain(&point, xy, curve);
    multiply_var(&product, curve->q, &point, curve);
    return is_infinity_var(&product, curve);
}

static int check_var(const struct gostkey_curve *curve, const uint64_t *xy,
                     const uint64_t *u, const uint64_t *v, const uint64_t *r)
{
    const struct prepared *ready = &prepared_curves[curve->slot];
    size_t windows = windows_of(curve);
    struct affine point;
    struct jacobian sum;
    struct fe zz, t;
    uint64_t x[LIMBS], odd[LIMBS], any = 0;

    point_from_plain(&point, xy, curve);
    multiply_var(&sum, v, &point, curve);
    for (int i = 0; i < LIMBS; i++) {
        any |= u[i];
    }
    if (any != 0) {
        uint64_t flipped = make_odd(odd, u, curve);

        for (size_t i = 0; i < windows; i++) {
            uint64_t negative;
            uint64_t place = odd_digit(&negative, odd, i, windows);
            struct affine entry = ready->base[i][place];

            if (negative != flipped) {
                fe_negate(&entry.y, &entry.y, curve);
            }
            point_add_affine_var(&sum, &sum, &entry, curve);
        }
    }
    if (is_infinity_var(&sum, curve)) {
        return 0;
    }
    /* Compare X with x Z^2 for x = r, r + q, ... below p, of which there are
     * at most four: q > p / 8 and, where p > 2 q, the cofactor is 4. */
    fe_square(&zz, &sum.z, curve);
    memcpy(x, r, sizeof x);
    for (;;) {
        uint64_t below[LIMBS];

        if (words_subtract(below, x, curve->p) == 0) {
            return 0;
        }
        fe_from_plain(&t, x, curve);
        fe_multiply(&t, &t, &zz, curve);
        fe_subtract(&t, &t, &sum.x, curve);
        if (fe_mask_zero(&t, curve)) {
            return 1;
        }
        if (words_add(x, x, curve->q) != 0) {
            return 0;
        }
    }
}

const struct gostkey_curve_ops GOSTKEY_OPS = {
    prepare_var,      base_multiply,      multiply,  to_affine,
    is_on_curve_var, is_in_subgroup_var, check_var,
};
