/* Numbers mod q, eight at a time with AVX-512 IFMA; a template with ifma_field.h for
 * any modulus and ifma_words.h: its "p" is q, and its elements numbers mod q.  The
 * including file also defines
 *
 *     GOSTKEY_SCALAR_OPS    name of the struct gostkey_scalar_ops to define
 *
 * A factor without "mont" in its name is a plain number.  Montgomery's product of a
 * number times R and a plain one is plain. */

static struct field orders[GOSTKEY_CURVE_COUNT];

static void prepare_var(const struct gostkey_curve *curve)
{
    field_prepare_var(&orders[curve - gostkey_curves], curve->q);
}

/* z := numbers of LIMBS words as factors; below 2^N, not mod q. */
ALWAYS_INLINE void factor_from_words(struct fe8 *z, const vec *words)
{
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = limb_of_words(words, i);
    }
}

/* z := x R mod q, for x < 2^N: below q + q / 2^SPARE. */
ALWAYS_INLINE void to_mont(struct fe8 *z, const struct fe8 *x, const struct field *f)
{
    struct fe8 r2;

    fe8_broadcast(&r2, f->r2);
    fe8_multiply(z, x, &r2, f);
}

/* The lanes in which all limbs are 0. */
ALWAYS_INLINE __mmask8 all_zero_lanes(const struct fe8 *x)
{
    vec any = x->v[0];

    UNROLL
    for (int i = 1; i < LIMBS52; i++) {
        any = _mm512_or_si512(any, x->v[i]);
    }
    return _mm512_testn_epi64_mask(any, any);
}

/* Store the plain numbers, limbs below 2^52, as rows of LIMBS words. */
static void store_numbers(uint64_t *out, const struct fe8 *x, size_t count)
{
    vec words[8];

    UNROLL
    for (int l = 0; l < LIMBS; l++) {
        words[l] = word_of_limbs(x, l);
    }
#if GOSTKEY_LIMBS == 4
    {
        vec rows[8];

        UNROLL
        for (int l = 4; l < 8; l++) {
            words[l] = all(0);
        }
        transpose8x8(rows, words);
        for (size_t j = 0; j < count; j++) {
            _mm256_storeu_si256((__m256i *)(void *)(out + LIMBS * j),
                                _mm512_castsi512_si256(rows[j]));
        }
    }
#else
    store_rows8((uint8_t *)out, 8 * LIMBS, count, words);
#endif
}

static void from_wide(const struct gostkey_curve *curve, uint64_t *z,
                      const uint8_t *low_le, const uint8_t *high_le, size_t stride,
                      size_t n)
{
    const struct field *f = &orders[curve - gostkey_curves];
    vec words[2 * LIMBS], t[2 * LIMBS52];
    struct fe8 r, one;

    for (size_t i = 0; i < n; i += 8) {
        const size_t count = n - i < 8 ? n - i : 8;

        load_rows(words, low_le + stride * i, stride, count);
        load_rows(words + LIMBS, high_le + stride * i, stride, count);
        UNROLL
        for (int l = 0; l < 2 * LIMBS52; l++) {
            const int word = 52 * l / 64, shift = 52 * l % 64;

            t[l] = all(0);
            if (word < 2 * LIMBS) {
                t[l] = _mm512_srli_epi64(words[word], (unsigned)shift);
                if (shift > 12 && word + 1 < 2 * LIMBS) {
                    t[l] = _mm512_or_si512(
                        t[l],
                        _mm512_slli_epi64(words[word + 1], (unsigned)(64 - shift)));
                }
                t[l] = and_(t[l], all(MASK52));
            }
        }
        /* t / R < 2^N / 2^SPARE + q; times R^2 / R below q + q / 2^SPARE: one
         * subtraction makes it less than q. */
        reduce_product(&r, t, f);
        to_mont(&r, &r, f);
        fe8_reduce_once(&r, f);
        UNROLL
        for (int l = 0; l < LIMBS52; l++) {
            one.v[l] = all(l == 0);
        }
        fe8_select(&r, all_zero_lanes(&r), &one, &r);
        store_numbers(z + LIMBS * i, &r, count);
    }
    gostkey_wipe(words, sizeof words);
    gostkey_wipe(t, sizeof t);
    gostkey_wipe(&r, sizeof r);
}

/* Store s || r of each lane, big-endian. */
static void store_signatures(uint8_t *out, const struct fe8 *s, const struct fe8 *r,
                             size_t count)
{
    const vec reversed = _mm512_broadcast_i32x4(
        _mm_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8));
    vec words[2 * LIMBS];

    UNROLL
    for (int l = 0; l < LIMBS; l++) {
        words[LIMBS - 1 - l] = _mm512_shuffle_epi8(word_of_limbs(s, l), reversed);
        words[2 * LIMBS - 1 - l] = _mm512_shuffle_epi8(word_of_limbs(r, l), reversed);
    }
    UNROLL
    for (int half = 0; half < LIMBS / 4; half++) {
        store_rows8(out + 64 * half, 16 * LIMBS, count, words + 8 * half);
    }
}

static void sign(const struct gostkey_curve *curve, uint8_t *out, uint8_t *zero,
                 const uint64_t *xy, const uint64_t *d, const uint64_t *k,
                 const uint8_t *digests, size_t n)
{
    const struct field *f = &orders[curve - gostkey_curves];
    vec words[LIMBS];
    struct fe8 mont_one, e, r, s, t;

    fe8_broadcast(&mont_one, f->one);
    for (size_t i = 0; i < n; i += 8) {
        const size_t count = n - i < 8 ? n - i : 8;
        __mmask8 none;

        load_rows(words, digests + 8 * LIMBS * i, 8 * LIMBS, count);
        factor_from_words(&t, words);
        to_mont(&e, &t, f);
        fe8_canonical(&t, &e, f);
        fe8_select(&e, all_zero_lanes(&t), &mont_one, &e);

        load_rows(words, (const uint8_t *)(xy + 2 * LIMBS * i), 16 * LIMBS, count);
        factor_from_words(&t, words);
        to_mont(&t, &t, f);
        fe8_canonical(&r, &t, f);

        load_rows(words, (const uint8_t *)(k + LIMBS * i), 8 * LIMBS, count);
        factor_from_words(&t, words);
        fe8_multiply(&s, &t, &e, f);
        load_rows(words, (const uint8_t *)(d + LIMBS * i), 8 * LIMBS, count);
        factor_from_words(&t, words);
        to_mont(&t, &t, f);
        fe8_multiply(&t, &t, &r, f);
        /* d R and e R are below (1 + 2^-SPARE) q, so with k, r < q <= 1 each product is
         * below q + q (1 + 2^-SPARE) / 2^SPARE, and their sum below 3 q. */
        UNROLL
        for (int l = 0; l < LIMBS52; l++) {
            s.v[l] = add(s.v[l], t.v[l]);
        }
        carry(s.v);
        fe8_reduce_once(&s, f);
        fe8_reduce_once(&s, f);

        none = all_zero_lanes(&r) | all_zero_lanes(&s);
        for (size_t j = 0; j < count; j++) {
            zero[i + j] = (uint8_t)(none >> j & 1);
        }
        store_signatures(out + 16 * LIMBS * i, &s, &r, count);
    }
    gostkey_wipe(words, sizeof words);
    gostkey_wipe(&s, sizeof s);
    gostkey_wipe(&t, sizeof t);
}

/* With one inversion for all: the products of all e up to each vector, and back. */
static void divide_var(const struct gostkey_curve *curve, uint64_t *s, uint64_t *e,
                       const uint64_t *r, size_t n)
{
    const struct field *f = &orders[curve - gostkey_curves];
    const size_t vectors = (n + 7) / 8, row = 8 * LIMBS;
    uint8_t *memory = n < 8 ? NULL : malloc(vectors * sizeof(struct fe8) + 63);
    struct fe8 *products, one, mont_one, product, inverse, here, t;
    vec words[LIMBS];

    if (memory == NULL) {
        gostkey_scalar_portable.divide_var(curve, s, e, r, n);
        return;
    }
    products = (struct fe8 *)(void *)(memory + (64 - (uintptr_t)memory % 64) % 64);
    fe8_broadcast(&mont_one, f->one);
    UNROLL
    for (int l = 0; l < LIMBS52; l++) {
        one.v[l] = all(l == 0);
    }
    product = mont_one;
    for (size_t v = 0; v < vectors; v++) {
        const size_t count = n - 8 * v < 8 ? n - 8 * v : 8;
        uint64_t *rows = e + 8 * LIMBS * v;
        __mmask8 zero;

        load_rows(words, (const uint8_t *)rows, row, count);
        factor_from_words(&t, words);
        to_mont(&here, &t, f);
        fe8_canonical(&t, &here, f);
        zero = all_zero_lanes(&t);
        fe8_select(&t, zero, &one, &t);
        fe8_select(&here, zero, &mont_one, &here);
        store_numbers(rows, &t, count);
        fe8_multiply(&product, &product, &here, f);
        products[v] = product;
    }
    fe8_invert(&inverse, &product, f);
    for (size_t v = vectors; v-- > 0;) {
        const size_t count = n - 8 * v < 8 ? n - 8 * v : 8;

        here = inverse;
        if (v > 0) {
            fe8_multiply(&here, &inverse, &products[v - 1], f);
            load_rows(words, (const uint8_t *)(e + 8 * LIMBS * v), row, count);
            factor_from_words(&t, words);
            to_mont(&t, &t, f);
            fe8_multiply(&inverse, &inverse, &t, f);
        }
        /* Montgomery's products of plain numbers below q and here, below 2 q: less than
         * q + 2 q / 2^SPARE. */
        load_rows(words, (const uint8_t *)(s + 8 * LIMBS * v), row, count);
        factor_from_words(&t, words);
        fe8_multiply(&t, &t, &here, f);
        fe8_reduce_once(&t, f);
        store_numbers(s + 8 * LIMBS * v, &t, count);
        load_rows(words, (const uint8_t *)(r + 8 * LIMBS * v), row, count);
        factor_from_words(&t, words);
        fe8_multiply(&t, &t, &here, f);
        fe8_reduce_once(&t, f);
        UNROLL
        for (int l = 0; l < LIMBS52; l++) {
            t.v[l] = sub(all(f->p[l]), t.v[l]);
        }
        carry_signed(t.v);
        store_numbers(e + 8 * LIMBS * v, &t, count);
    }
    free(memory);
}

const struct gostkey_scalar_ops GOSTKEY_SCALAR_OPS = {
    .prepare_var = prepare_var,
    .from_wide = from_wide,
    .sign = sign,
    .divide_var = divide_var,
};
