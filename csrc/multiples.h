/* Multiples of points, and the struct gostkey_curve_ops made of them: a template
 * with field.h and point.h.  The file that includes all three also defines
 *
 *     GOSTKEY_OPS     name of the struct gostkey_curve_ops to define
 *     GOSTKEY_SLOTS   how many curves share this field
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
 * Source: [Joye-Tunstall09] M. Joye, M. Tunstall, Exponent recoding and regular
 * exponentiation algorithms. */

#define W 5
#define ENTRIES (1 << (W - 1))
#define WINDOWS ((64 * LIMBS + W - 1) / W)

/* What a curve needs in the field's form.  Written by prepare_var only. */
static struct prepared {
    struct coefficients coefficients;
    struct affine base[WINDOWS][ENTRIES]; /* [i][j] = (2 j + 1) 2^(W i) G */
} prepared_curves[GOSTKEY_SLOTS];

static const struct coefficients *coefficients_of(const struct gostkey_curve *curve)
{
    return &prepared_curves[curve->slot].coefficients;
}

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

/* Digit i of the odd number k: return its place in a table of odd multiples;
 * *negative := all ones if it is below zero. */
static uint64_t odd_digit(uint64_t *negative, const uint64_t *k, size_t i,
                          size_t windows)
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
 *   2 s = k - q happens for k = q - 2 (q mod 2^(W (L - 1))), if
 *   floor(q / 2^(W (L - 1))) is odd: then s = t mod q, a doubling. */
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
    sum.z = ready->coefficients.one;
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
static void multiply(const struct gostkey_curve *curve, uint64_t *xyz,
                     const uint64_t *k, const uint64_t *xy)
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
    sum.z = coefficients_of(curve)->one;
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

static void base_points(const struct gostkey_curve *curve, uint64_t *xy,
                        const uint64_t *k, size_t n)
{
    enum { CHUNK = 32 };
    uint64_t xyz[CHUNK * 3 * LIMBS];

    for (size_t done = 0; done < n;) {
        size_t count = n - done < CHUNK ? n - done : CHUNK;

        for (size_t i = 0; i < count; i++) {
            base_multiply(curve, xyz + 3 * LIMBS * i, k + LIMBS * (done + i));
        }
        to_affine(curve, xy + 2 * LIMBS * done, xyz, count);
        done += count;
    }
    gostkey_wipe(xyz, sizeof xyz);
}

static int is_on_curve_var(const struct gostkey_curve *curve, const uint64_t *xy)
{
    const struct prepared *ready = &prepared_curves[curve->slot];
    struct affine point;
    struct fe left, right;

    point_from_plain(&point, xy, curve);
    fe_square(&left, &point.y, curve);
    fe_square(&right, &point.x, curve);
    fe_add(&right, &right, &ready->coefficients.a, curve);
    fe_multiply(&right, &right, &point.x, curve);
    fe_add(&right, &right, &ready->coefficients.b, curve);
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
static void multiply_var(struct jacobian *z, const uint64_t *k,
                         const struct affine *point,
                         const struct gostkey_curve *curve)
{
    enum { ODD = 1 << (W - 2) };
    int8_t digits[64 * LIMBS + W + 1];
    size_t count = wnaf_var(digits, k);
    struct jacobian table[ODD];

    table[0].x = point->x;
    table[0].y = point->y;
    table[0].z = coefficients_of(curve)->one;
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

static void check_points_var(const struct gostkey_curve *curve, uint8_t *good,
                             const uint64_t *xy, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint64_t *point = xy + 2 * LIMBS * i;

        good[i] = is_on_curve_var(curve, point) &&
                  (curve->cofactor == 1 || is_in_subgroup_var(curve, point));
    }
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
    /* x = X / Z^2 is r mod q: compare X with x Z^2 for x = r, r + q, ... below p.  By
     * Hasse's bound those are at most two, or five with cofactor 4. */
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

static void check_many_var(const struct gostkey_curve *curve, uint8_t *good,
                           const uint64_t *xy, int one_point, const uint64_t *u,
                           const uint64_t *v, const uint64_t *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        good[i] = (uint8_t)check_var(curve, xy + (one_point ? 0 : 2 * LIMBS * i),
                                     u + LIMBS * i, v + LIMBS * i, r + LIMBS * i);
    }
}

const struct gostkey_curve_ops GOSTKEY_OPS = {
    .prepare_var = prepare_var,
    .base_multiply = base_multiply,
    .multiply = multiply,
    .base_points = base_points,
    .to_affine = to_affine,
    .is_on_curve_var = is_on_curve_var,
    .is_in_subgroup_var = is_in_subgroup_var,
    .check_points_var = check_points_var,
    .check_var = check_var,
    .check_many_var = check_many_var,
};
