/* Products mod p on eight elements with AVX-512 IFMA; a part of ifma_field.h.
 *
 * A product is made in three steps: 2 LIMBS52 columns t; LIMBS52 columns r, and one more
 * on top, of a smaller number that is the same mod p; an element or a factor.  Between
 * the last two, something may be subtracted for the price of the subtraction
 * alone.  A "loose" factor is one whose limbs' bits above the lowest 52 are left as they
 * came and mean nothing: vpmadd52 does not look at them, and nothing else may. */

/* r := columns, none negative, the same mod p as the columns t, lowest first, all below
 * 2 LIMBS52 2^52 < 2^57, of a number below 64 * 2^(2 N).
 *
 *     MINUS   r[i] < 2^58, r[LIMBS52] < 2^18
 *     PLUS    2^53 < r[i] < 2^58 but for the top one, r[LIMBS52] < 2^23
 *     ANY     r[i] < 2^59, r[LIMBS52] = 0; the number is below t / R + p */
ALWAYS_INLINE void shorten(vec *r, vec *t, const struct field *f)
{
#if defined(GOSTKEY_P_ANY)
    /* Montgomery: add m p with m such that the lowest column becomes a multiple of
     * 2^52, and hand that on.  A column gets at most LIMBS52 more low and
     * high halves and a carry. */
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        const vec m = madd_low(all(0), t[i], all(f->negative_inverse));

        t[i] = madd_low(t[i], m, all(f->p[0]));
        t[i + 1] = add(t[i + 1], _mm512_srli_epi64(t[i], 52));
        UNROLL
        for (int j = 1; j < LIMBS52; j++) {
            t[i + j] = madd_low(t[i + j], m, all(f->p[j]));
        }
        UNROLL
        for (int j = 0; j < LIMBS52; j++) {
            t[i + j + 1] = madd_high(t[i + j + 1], m, all(f->p[j]));
        }
    }
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        r[i] = t[LIMBS52 + i];
    }
    r[LIMBS52] = all(0);
#else
    /* t = l + 2^(52 LIMBS52) h.  The columns of h get their carries, and vpmadd52 reads
     * the low 52 bits of each; h < 2^(2 N + 6 - 52 LIMBS52), so the top one is below
     * 2^52.  The columns of l stay as they are. */
    UNROLL
    for (int i = LIMBS52; i < 2 * LIMBS52 - 1; i++) {
        t[i + 1] = add(t[i + 1], _mm512_srli_epi64(t[i], 52));
    }
#if defined(GOSTKEY_P_MINUS)
    {
        /* 2^(52 LIMBS52) = 2^SPARE c =: d < 2^18. */
        const vec d = all(f->c << SPARE);

        r[LIMBS52] = madd_high(all(0), t[2 * LIMBS52 - 1], d);
        UNROLL
        for (int i = LIMBS52 - 1; i > 0; i--) {
            r[i] = madd_high(madd_low(t[i], t[LIMBS52 + i], d), t[LIMBS52 + i - 1], d);
        }
        r[0] = madd_low(t[0], t[LIMBS52], d);
    }
#else
    {
        /* 2^(52 LIMBS52) = -d with d = 2^(SPARE + 1) c < 2^18: subtract.  So that no
         * column and no sum is negative, add 2^(SPARE + 24) p = 2^(N + SPARE + 23) +
         * 2^(SPARE + 24) c: what is subtracted is below d 2^(2 N + 6 - 52 LIMBS52) <
         * 2^(N + 24).  Its top is put into the column above the top; and each column
         * borrows 2^54 from the next. */
        const vec d = all(f->c << (SPARE + 1));
        const vec lend = all(((uint64_t)1 << 54) - 4);

        r[0] = sub(add(t[0], all(((uint64_t)1 << 54) + (f->c << (SPARE + 24)))),
                   madd_low(all(0), t[LIMBS52], d));
        UNROLL
        for (int i = 1; i < LIMBS52; i++) {
            const vec q =
                madd_high(madd_low(all(0), t[LIMBS52 + i], d), t[LIMBS52 + i - 1], d);

            r[i] = sub(add(t[i], lend), q);
        }
        r[LIMBS52] = sub(all(((uint64_t)1 << 23) - 4),
                         madd_high(all(0), t[2 * LIMBS52 - 1], d));
    }
#endif
#endif
}

/* MINUS and PLUS: take what is at 2^N and above out of the columns that shorten made,
 * from which two elements and a factor may have been subtracted, and above3 added: all
 * but the top one between -2^53 and 2^54 more; the value stays positive and below
 * 2^N + p, plus carries, once these are handed on. */
ALWAYS_INLINE void fold_top(vec *r, const struct field *f)
{
#if defined(GOSTKEY_P_ANY)
    (void)r;
    (void)f;
#else
    const vec o = add(_mm512_srli_epi64(r[TOP], TOP_BITS),
                      _mm512_slli_epi64(r[LIMBS52], SPARE));

    r[TOP] = and_(r[TOP], all(((uint64_t)1 << TOP_BITS) - 1));
#if defined(GOSTKEY_P_MINUS)
    /* 2^N = c; o < 2^27, o c < 2^37. */
    r[0] = madd_low(r[0], o, all(f->c));
#else
    /* 2^N = -2 c; o < 2^(24 + SPARE), 2 c o < 2^46, which the lowest column can spare.
     * p is added, so that the sum stays positive. */
    r[TOP] = add(r[TOP], all((uint64_t)1 << (TOP_BITS - 1)));
    r[0] = sub(add(r[0], all(f->c)), madd_low(all(0), o, all(2 * f->c)));
#endif
#endif
}

/* t := the columns of x y. */
ALWAYS_INLINE void product_columns(vec *t, const struct fe8 *x, const struct fe8 *y)
{
    UNROLL
    for (int i = 0; i < 2 * LIMBS52; i++) {
        t[i] = all(0);
    }
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        UNROLL
        for (int j = 0; j < LIMBS52; j++) {
            t[i + j] = madd_low(t[i + j], x->v[i], y->v[j]);
        }
        UNROLL
        for (int j = 0; j < LIMBS52; j++) {
            t[i + j + 1] = madd_high(t[i + j + 1], x->v[i], y->v[j]);
        }
    }
}

/* t := the columns of x^2: mixed products once, doubled. */
ALWAYS_INLINE void square_columns(vec *t, const struct fe8 *x)
{
    UNROLL
    for (int i = 0; i < 2 * LIMBS52; i++) {
        t[i] = all(0);
    }
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        UNROLL
        for (int j = i + 1; j < LIMBS52; j++) {
            t[i + j] = madd_low(t[i + j], x->v[i], x->v[j]);
        }
        UNROLL
        for (int j = i + 1; j < LIMBS52; j++) {
            t[i + j + 1] = madd_high(t[i + j + 1], x->v[i], x->v[j]);
        }
    }
    UNROLL
    for (int i = 1; i < 2 * LIMBS52 - 1; i++) {
        t[i] = add(t[i], t[i]);
    }
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        t[2 * i] = madd_low(t[2 * i], x->v[i], x->v[i]);
        t[2 * i + 1] = madd_high(t[2 * i + 1], x->v[i], x->v[i]);
    }
}

ALWAYS_INLINE void check_factors(const struct fe8 *x, const struct fe8 *y)
{
#if defined(GOSTKEY_CHECK_BOUNDS)
    const struct fe8 *both[2] = {x, y};

    for (int k = 0; k < 2; k++) {
        struct fe8 masked;

        for (int i = 0; i < LIMBS52; i++) {
            /* Nothing may be above the top limb. */
            masked.v[i] = i < TOP ? and_(both[k]->v[i], all(MASK52)) : both[k]->v[i];
        }
        CHECK(&masked, FACTOR_16, "factor");
    }
#else
    (void)x;
    (void)y;
#endif
}

/* z := the number with the columns t as an element (MINUS, PLUS) or a factor (ANY). */
ALWAYS_INLINE void reduce_product(struct fe8 *z, vec *t, const struct field *f)
{
    vec r[LIMBS52 + 1];

    shorten(r, t, f);
    fold_top(r, f);
    carry(r);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = r[i];
    }
#if !defined(GOSTKEY_P_ANY)
    CHECK(z, ELEMENT_16, "product");
#endif
}

/* The same as a loose factor. */
ALWAYS_INLINE void reduce_product_loosely(struct fe8 *z, vec *t, const struct field *f)
{
    vec r[LIMBS52 + 1];

    shorten(r, t, f);
    fold_top(r, f);
    carry_loosely(r);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = r[i];
    }
}

/* z := the number with the columns t, minus the one with the columns taken, which are
 * below 2^54, plus `more`, one of f's above: an element.  All three together are between
 * 1/32 and 8 (ANY; the others need no upper bound). */
ALWAYS_INLINE void reduce_difference(struct fe8 *z, vec *t, const vec *taken,
                                     const uint64_t *more, const struct field *f)
{
    vec r[LIMBS52 + 1];

    shorten(r, t, f);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        r[i] = add(sub(r[i], taken[i]), all(more[i]));
    }
#if defined(GOSTKEY_P_ANY)
    weakly_reduce(z, r, f);
#else
    fold_top(r, f);
    carry(r);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = r[i];
    }
    CHECK(z, ELEMENT_16, "product with a difference");
#endif
}

/* z := x y; factors, loose ones too.  ANY: the result is a factor below
 * x y / 2^SPARE + p: below 5, and below 3 if x y < 32. */
PRODUCT void fe8_multiply(struct fe8 *z, const struct fe8 *x, const struct fe8 *y,
                          const struct field *f)
{
    vec t[2 * LIMBS52];

    check_factors(x, y);
    product_columns(t, x, y);
    reduce_product(z, t, f);
}

/* z := x y as a loose factor, else like fe8_multiply. */
PRODUCT void fe8_multiply_loosely(struct fe8 *z, const struct fe8 *x,
                                  const struct fe8 *y, const struct field *f)
{
    vec t[2 * LIMBS52];

    check_factors(x, y);
    product_columns(t, x, y);
    reduce_product_loosely(z, t, f);
}

/* z := x y - w for an element w and factors x y < 32, loose ones too: an element. */
PRODUCT void fe8_multiply_subtract(struct fe8 *z, const struct fe8 *x,
                                   const struct fe8 *y, const struct fe8 *w,
                                   const struct field *f)
{
    vec t[2 * LIMBS52];

    check_factors(x, y);
    product_columns(t, x, y);
    reduce_difference(z, t, w->v, f->above, f);
}

/* z := x^2 of a factor; else like fe8_multiply. */
PRODUCT void fe8_square(struct fe8 *z, const struct fe8 *x, const struct field *f)
{
    vec t[2 * LIMBS52];

    check_factors(x, x);
    square_columns(t, x);
    reduce_product(z, t, f);
}
