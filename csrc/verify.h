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

/* z := k (x, y) for any point of the curve. */
static void multiply_var(struct jacobian *z, const uint64_t *k,
                         const struct affine *point,
                         const struct gostkey_curve *curve)
{
    enum { V = 5, ODD = 1 << (V - 2) };
    int8_t digits[64 * LIMBS + V + 1];
    size_t count = wnaf_var(digits, k, V);
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

static int check_var(const struct gostkey_curve *curve, const uint64_t *xy,
                     const uint64_t *u, const uint64_t *v, const uint64_t *r)
{
    const struct prepared *ready = &prepared_curves[curve->slot];
    size_t windows = windows_of(curve, W);
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
            uint64_t place = odd_digit(&negative, odd, i, windows, W);
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

