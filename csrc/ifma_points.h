/* Whether points are public keys, many at once, with AVX-512 IFMA: a template after
 * ifma_verify.h.  For public data.
 *
 * The subgroup, for a curve with cofactor 4.  Such a curve has one point T of order 2
 * and two R, -R of order 4, 2 R = T (it is a twisted Edwards curve with e = 1 and d no
 * square).  With T moved to (0, 0) it is
 *
 *     y^2 = x (x^2 + A x + B),    s = x of R, s^2 = B,    A^2 - 4 B no square,
 *
 * q is odd, so the points of order q and infinity are the multiples of 4.  A point (x, y)
 * other than T is one if and only if
 *
 *     x = rho^2 is a square, and so is 2 (rho (x + s) + y),
 *
 * where rho = x^((p + 1) / 4) is the root of x that is a square itself, p = 7 mod 8.  That
 * x is a square says that the point is twice another.  For the second, take the
 * Tate pairing of order 4 with the point P of the quadratic twist with x = -s: with
 * i^2 = -1, w = y - i c x the tangent at P, c^2 = 2 s - A, it is (x + s) / f^((p + 1) / 4)
 * for f = w^2 / x, hence 1 if
 *
 *     w^((p + 1) / 2) = rho (x + s).
 *
 * The norm of w is x (x + s)^2, that of eta = w / (rho (x + s)) is 1, and for such numbers
 * eta = (1 + eta)^(1 - p), so eta^((p + 1) / 2) is 1 or -1 as the norm of 1 + eta,
 * 2 + 2 y / (rho (x + s)), is a square or not, and the other factor of the power,
 * (rho (x + s))^((p + 1) / 2), is rho (x + s) times 1 or -1 as x + s is a square or not.
 * T has rho = y = 0 and is refused since 0 is not 1; no other point has 0 there.  p = 7
 * mod 8 makes 2 a square.
 *
 * Source: [Pornin22] T. Pornin, Point-halving and subgroup membership in twisted
 * Edwards curves, which needs one root and one symbol too. */

/* Vectors of points that are looked at together: squarings of one wait for each other. */
enum { TOGETHER = 4 };

#if defined(GOSTKEY_P_MINUS)

/* z := z x, or z := z^2 often. */
static void multiply_together(struct fe8 *z, const struct fe8 *x, const struct field *f)
{
    for (int i = 0; i < TOGETHER; i++) {
        fe8_multiply(&z[i], &z[i], &x[i], f);
    }
}

static void square_together(struct fe8 *z, unsigned often, const struct field *f)
{
    while (often-- > 0) {
        for (int i = 0; i < TOGETHER; i++) {
            fe8_square(&z[i], &z[i], f);
        }
    }
}

/* z := x^(2^(N - 10 + n) - 2^n + d), d < 2^n: with p = 2^N - c, c < 2^10, these are all
 * exponents that are needed. */
NEVER_INLINE void power_together(struct fe8 *z, const struct fe8 *x, unsigned n,
                                 uint64_t d, const struct field *f)
{
    struct fe8 t[TOGETHER];
    unsigned ones = 1;

    memcpy(z, x, sizeof t);
    /* z = x^(2^ones - 1), for ever more of the leading bits of N - 10. */
    for (unsigned shift = N_BITS == 256 ? 7 : 8; shift-- > 0;) {
        memcpy(t, z, sizeof t);
        square_together(z, ones, f);
        multiply_together(z, t, f);
        ones *= 2;
        if ((N_BITS - 10) >> shift & 1) {
            square_together(z, 1, f);
            multiply_together(z, x, f);
            ones++;
        }
    }
    while (n-- > 0) {
        square_together(z, 1, f);
        if (d >> n & 1) {
            multiply_together(z, x, f);
        }
    }
}

/* good[i] := the lanes whose points, of a curve with cofactor 4, are in the subgroup. */
static void in_subgroup_together(__mmask8 *good, const struct fe8 *x, const struct fe8 *y,
                                 const struct field *f, const struct coefficients *c)
{
    struct fe8 moved[TOGETHER], rho[TOGETHER], t[TOGETHER], order2, order4, one;

    fe8_broadcast(&order2, c->order2_x);
    fe8_broadcast(&order4, c->order4_x);
    fe8_broadcast(&one, f->one);
    for (int i = 0; i < TOGETHER; i++) {
        fe8_subtract(&moved[i], &x[i], &order2, f);
    }
    /* (p + 1) / 4 */
    power_together(rho, moved, 8, 256 - (f->c - 1) / 4, f);
    for (int i = 0; i < TOGETHER; i++) {
        fe8_square(&t[i], &rho[i], f);
        fe8_subtract(&t[i], &t[i], &moved[i], f);
        good[i] = fe8_zero_lanes(&t[i], f);
        /* x + s is the old x - 2 order2 + order4. */
        fe8_subtract(&t[i], &moved[i], &order2, f);
        fe8_add(&t[i], &t[i], &order4, f);
        fe8_multiply(&t[i], &t[i], &rho[i], f);
        fe8_add(&t[i], &t[i], &y[i], f);
    }
    /* (p - 1) / 2 */
    power_together(rho, t, 9, 512 - (f->c + 1) / 2, f);
    for (int i = 0; i < TOGETHER; i++) {
        fe8_subtract(&t[i], &rho[i], &one, f);
        good[i] = (__mmask8)(good[i] & fe8_zero_lanes(&t[i], f));
    }
}

#endif

/* The lanes with y^2 = (x^2 + a) x + b. */
static __mmask8 on_curve_lanes(const struct fe8 *x, const struct fe8 *y,
                               const struct field *f, const struct coefficients *c)
{
    struct fe8 t, number;

    fe8_square(&t, x, f);
    fe8_broadcast(&number, c->a);
    fe8_add(&t, &t, &number, f);
    fe8_multiply(&t, &t, x, f);
    fe8_broadcast(&number, c->b);
    fe8_add(&number, &t, &number, f);
    fe8_square(&t, y, f);
    fe8_subtract(&t, &t, &number, f);
    return fe8_zero_lanes(&t, f);
}

static void check_points_var(const struct gostkey_curve *curve, uint8_t *good,
                             const uint64_t *xy, size_t n)
{
    const struct field *f = &prepared_curves[curve->slot].field;
    const struct coefficients *c = &verify_curves[curve->slot].coefficients;
    struct fe8 x[TOGETHER], y[TOGETHER];
    __mmask8 lanes[TOGETHER];

#if !defined(GOSTKEY_P_MINUS)
    if (curve->cofactor != 1) { /* there is none with such a p */
        GOSTKEY_SCALAR.check_points_var(curve, good, xy, n);
        return;
    }
#endif
    for (size_t done = 0; done < n; done += 8 * TOGETHER) {
        for (size_t i = 0; i < TOGETHER; i++) {
            const size_t at = done + 8 * i;

            /* Where there are no more, the last one again. */
            if (at < n) {
                load_points(&x[i], &y[i], xy + ROW * at, n - at < 8 ? n - at : 8, f);
            } else {
                load_points(&x[i], &y[i], xy + ROW * (n - 1), 1, f);
            }
        }
#if defined(GOSTKEY_P_MINUS)
        if (curve->cofactor != 1) {
            in_subgroup_together(lanes, x, y, f, c);
        } else
#endif
        {
            memset(lanes, 0xff, sizeof lanes);
        }
        for (size_t i = 0; i < TOGETHER; i++) {
            lanes[i] = (__mmask8)(lanes[i] & on_curve_lanes(&x[i], &y[i], f, c));
            for (size_t j = 0; j < 8 && done + 8 * i + j < n; j++) {
                good[done + 8 * i + j] = lanes[i] >> j & 1;
            }
        }
    }
}
