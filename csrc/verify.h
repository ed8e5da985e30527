/* What is done with public data only, in variable time: a template with field.h,
 * point.h and comb.h, for multiples.h. */

static void point_from_plain(struct affine *z, const uint64_t *xy,
                             const struct gostkey_curve *curve)
{
    fe_from_plain(&z->x, xy, curve);
    fe_from_plain(&z->y, xy + LIMBS, curve);
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

/* Digits of k, lowest first, each zero or odd and below 2^(w - 1) in size; return how
 * many [Guide to Elliptic Curve Cryptography, algorithm 3.35]. */
static size_t wnaf_var(int8_t *digits, const uint64_t *k, const unsigned w)
{
    size_t count = 0, position = 0;
    uint64_t carry = 0;

    /* Skip a bit that equals the carry: a zero digit.  Else take w bits. */
    while (position < 64 * LIMBS + 1) {
        size_t word = position / 64, shift = position % 64;
        uint64_t bits = word < LIMBS ? k[word] >> shift : 0;

        if (shift + w > 64 && word + 1 < LIMBS) {
            bits |= k[word + 1] << (64 - shift);
        }
        if ((bits & 1) == carry) {
            digits[position++] = 0;
            continue;
        }
        bits = (bits & (((uint64_t)1 << w) - 1)) + carry;
        carry = bits >> (w - 1);
        digits[position] = (int8_t)((int)bits - (int)(carry << w));
        count = position + 1;
        for (size_t i = 1; i < w; i++) {
            digits[position + i] = 0;
        }
        position += w;
    }
    return count;
}

#if defined(GOSTKEY_P_MINUS)

/* z := x^((p - 3) / 4).  With r = that, x r^2 = x^((p - 1) / 2) is 1 for a square x and -1
 * for another number that is not 0; x r is the root of a square, and r its inverse.
 *
 * (p - 3) / 4 = 2^(64 LIMBS - 2) - (c + 3) / 4 is `ones` bits that are set and 8 more. */
static void power_for_root_var(struct fe *z, const struct fe *x,
                               const struct gostkey_curve *curve)
{
    const unsigned ones = 64 * LIMBS - 10, last = 256 - ((unsigned)P_C + 3) / 4;
    struct fe power = *x, t;
    unsigned length = 1; /* power = x^(2^length - 1) */

    for (int bit = LIMBS == 4 ? 6 : 7; bit >= 0; bit--) {
        t = power;
        for (unsigned i = 0; i < length; i++) {
            fe_square(&t, &t, curve);
        }
        fe_multiply(&power, &power, &t, curve);
        length *= 2;
        if (ones >> bit & 1) {
            fe_square(&power, &power, curve);
            fe_multiply(&power, &power, x, curve);
            length += 1;
        }
    }
    for (int bit = 7; bit >= 0; bit--) {
        fe_square(&power, &power, curve);
        if (last >> bit & 1) {
            fe_multiply(&power, &power, x, curve);
        }
    }
    *z = power;
}

/* a2 := A, root := the root of -(A^2 - 4 B), in the words of is_in_subgroup_var. */
static void prepare_halving_var(struct fe *a2, struct fe *root,
                                const struct gostkey_curve *curve)
{
    struct fe x2, t;

    fe_from_plain(&x2, curve->order2_x, curve);
    fe_double(a2, &x2, curve);
    fe_add(a2, a2, &x2, curve);
    /* 4 B - A^2 = 4 (A x2 + a) - A^2 */
    fe_multiply(&t, a2, &x2, curve);
    fe_add(&t, &t, &coefficients_of(curve)->a, curve);
    fe_double(&t, &t, curve);
    fe_double(&t, &t, curve);
    fe_square(&x2, a2, curve);
    fe_subtract(&t, &t, &x2, curve);
    power_for_root_var(root, &t, curve);
    fe_multiply(root, root, &t, curve);
}

/* The curves with cofactor 4 have points of order 4, so their 4 q points are the
 * multiples of one, and those of order q are 4 times a point: halve twice.
 * Let T be the point of order 2, x count from it, and A = 3 x2, B = 3 x2^2 + a:
 *
 *     E:  y^2 = x (x^2 + A x + B)      E': Y^2 = X (X^2 - 2 A X + D), D = A^2 - 4 B
 *     f:  E -> E', X = (y / x)^2       g:  E' -> E, x = (Y / 2 X)^2
 *
 * with g(f(P)) = 2 P [Silverman, III.4.5 and X.4.9].  D is no square, since T is alone;
 * nor is -1, since p = 3 mod 4.  E and E' have as many points, and g sends two
 * to infinity, so half of E is g(E'); 2 E is in there and is half of E,
 * too.  P = g(R) makes x a square, and a square x = s^2 gives Y = 2 s X, which
 * in the equation of E' leaves
 *
 *     X^2 - 2 (A + 2 x) X + D = 0,    X = A + 2 x +- 2 y / s.
 *
 * So P is 2 Q for some Q if and only if x is a square.  The product of the two X
 * is D, so one of them is a square, t^2; from X = (y / x)^2, in the same way, Q has
 *
 *     x = (X - A) / 2 +- s t.
 *
 * The other such Q is Q + T, which is in 2 E if Q is, for T is twice a point of order
 * 4.  P is in 4 E if and only if Q is in 2 E, that is, if its x is a square.
 *
 * root^2 = -D: if X is no square, r = X^((p - 3) / 4) has r^2 = -1 / X, and the other X,
 * D / X, has the root `root` r.
 *
 * Sources: [Silverman] J. Silverman, The Arithmetic of Elliptic Curves; T. Pornin,
 * Point-halving and subgroup membership in twisted Edwards curves. */
static int is_in_subgroup_var(const struct gostkey_curve *curve, const uint64_t *xy)
{
    const struct prepared *ready = &prepared_curves[curve->slot];
    struct affine point;
    struct fe x2, r, s, t, ys, big_x, u;

    if (curve->cofactor == 1) {
        return 1;
    }
    point_from_plain(&point, xy, curve);
    fe_from_plain(&x2, curve->order2_x, curve);
    fe_subtract(&point.x, &point.x, &x2, curve);
    if (fe_mask_zero(&point.x, curve)) {
        return 0; /* T */
    }
    power_for_root_var(&r, &point.x, curve);
    fe_multiply(&s, &r, &point.x, curve);
    fe_square(&t, &s, curve);
    fe_subtract(&t, &t, &point.x, curve);
    if (!fe_mask_zero(&t, curve)) {
        return 0;
    }
    fe_multiply(&ys, &point.y, &r, curve);
    fe_double(&ys, &ys, curve);
    /* u = X - A */
    fe_double(&u, &point.x, curve);
    fe_add(&u, &u, &ys, curve);
    fe_add(&big_x, &u, &ready->a2, curve);
    power_for_root_var(&r, &big_x, curve);
    fe_multiply(&t, &r, &big_x, curve);
    fe_square(&x2, &t, curve);
    fe_subtract(&x2, &x2, &big_x, curve);
    if (!fe_mask_zero(&x2, curve)) {
        fe_multiply(&t, &r, &ready->root, curve);
        fe_subtract(&u, &u, &ys, curve);
        fe_subtract(&u, &u, &ys, curve);
    }
    /* Four times the x of Q, which is as good. */
    fe_multiply(&t, &t, &s, curve);
    fe_double(&t, &t, curve);
    fe_add(&t, &t, &u, curve);
    fe_double(&t, &t, curve);
    power_for_root_var(&r, &t, curve);
    fe_square(&r, &r, curve);
    fe_multiply(&r, &r, &t, curve);
    fe_subtract(&r, &r, &ready->coefficients.one, curve);
    return fe_mask_zero(&r, curve) != 0;
}

#else

static void prepare_halving_var(struct fe *a2, struct fe *root,
                                const struct gostkey_curve *curve)
{
    (void)a2;
    (void)root;
    (void)curve;
}

/* No curve with such a p has another cofactor than 1. */
static int is_in_subgroup_var(const struct gostkey_curve *curve, const uint64_t *xy)
{
    (void)xy;
    return curve->cofactor == 1;
}

#endif

/* Windows of the two scalars of a check: the base point's table has the digits of
 * one, a small table of the other point's multiples those of the other. */
enum { BASE_WIDTH = W + 1, KEY_WIDTH = 5, KEY_ENTRIES = 1 << (KEY_WIDTH - 2) };

/* Odd multiples of a point of order q. */
struct key {
    struct affine odd[KEY_ENTRIES];
};

static void key_prepare_var(struct key *key, const uint64_t *xy,
                            const struct gostkey_curve *curve)
{
    struct jacobian odd[KEY_ENTRIES];
    struct affine point;

    point_from_plain(&point, xy, curve);
    odd[0].x = point.x;
    odd[0].y = point.y;
    odd[0].z = coefficients_of(curve)->one;
    odd_multiples_var(odd, &odd[0], KEY_ENTRIES, curve);
    points_to_affine(key->odd, odd, KEY_ENTRIES, curve);
}

/* z := z + digit times the point whose odd multiples are given. */
static void add_digit_var(struct jacobian *z, const struct affine *odd, int digit,
                          const struct gostkey_curve *curve)
{
    if (digit > 0) {
        point_add_affine_var(z, z, &odd[digit >> 1], curve);
    } else if (digit < 0) {
        struct affine negative = odd[-digit >> 1];

        fe_negate(&negative.y, &negative.y, curve);
        point_add_affine_var(z, z, &negative, curve);
    }
}

/* check_var, with the point's multiples: u G and v Q share their doublings. */
static int check_key_var(const struct gostkey_curve *curve, const struct key *key,
                         const uint64_t *u, const uint64_t *v, const uint64_t *r)
{
    const struct affine *base = prepared_curves[curve->slot].base[0];
    int8_t digits[2][64 * LIMBS + BASE_WIDTH + 1];
    struct jacobian sum;
    struct fe zz, t;
    uint64_t x[LIMBS];
    size_t count, other;

    memset(digits, 0, sizeof digits);
    count = wnaf_var(digits[0], u, BASE_WIDTH);
    other = wnaf_var(digits[1], v, KEY_WIDTH);
    count = count > other ? count : other;
    memset(&sum, 0, sizeof sum);
    while (count-- > 0) {
        point_double(&sum, &sum, curve);
        add_digit_var(&sum, base, digits[0][count], curve);
        add_digit_var(&sum, key->odd, digits[1][count], curve);
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

static int check_var(const struct gostkey_curve *curve, const uint64_t *xy,
                     const uint64_t *u, const uint64_t *v, const uint64_t *r)
{
    struct key key;

    key_prepare_var(&key, xy, curve);
    return check_key_var(curve, &key, u, v, r);
}

static void check_many_var(const struct gostkey_curve *curve, uint8_t *good,
                           const uint64_t *xy, int one_point, const uint64_t *u,
                           const uint64_t *v, const uint64_t *r, size_t n)
{
    struct key key;

    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !one_point) {
            key_prepare_var(&key, xy + 2 * LIMBS * i, curve);
        }
        good[i] = (uint8_t)check_key_var(curve, &key, u + LIMBS * i, v + LIMBS * i,
                                         r + LIMBS * i);
    }
}
