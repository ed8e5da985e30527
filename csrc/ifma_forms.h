/* Elements in other forms, and inverses; a part of ifma_field.h.
 *
 * Words of 64 bits and limbs of 52, the least number that stands for an element, and a
 * transposition of eight rows. */

/* z := z - p in the lanes where that is not negative; limbs below 2^52. */
ALWAYS_INLINE void fe8_reduce_once(struct fe8 *z, const struct field *f)
{
    struct fe8 less;

    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        less.v[i] = sub(z->v[i], all(f->p[i]));
    }
    carry_signed(less.v);
    fe8_select(z, _mm512_movepi64_mask(less.v[TOP]), z, &less);
}

/* z := x mod p, plain, all limbs below 2^52; x is an element.  ANY: x may be a
 * factor, since what Montgomery makes of x * 1 is at most p. */
NEVER_INLINE void fe8_canonical(struct fe8 *z, const struct fe8 *x,
                                const struct field *f)
{
    struct fe8 r = *x;
#if defined(GOSTKEY_P_ANY)
    const uint64_t one[LIMBS52] = {1};
    struct fe8 ones;

    fe8_broadcast(&ones, one);
    fe8_multiply(&r, &r, &ones, f);
#elif defined(GOSTKEY_P_PLUS)
    /* Below 3 p and a little. */
    fe8_reduce_once(&r, f);
    fe8_reduce_once(&r, f);
#endif
    fe8_reduce_once(&r, f);
    *z = r;
}

/* The lanes in which the element x is 0 mod p. */
ALWAYS_INLINE __mmask8 fe8_zero_lanes(const struct fe8 *x, const struct field *f)
{
    struct fe8 r;
    vec any;

    fe8_canonical(&r, x, f);
    any = r.v[0];
    UNROLL
    for (int i = 1; i < LIMBS52; i++) {
        any = _mm512_or_si512(any, r.v[i]);
    }
    return _mm512_testn_epi64_mask(any, any);
}

/* Word j of the plain number whose limbs these are. */
ALWAYS_INLINE vec word_of_limbs(const struct fe8 *x, int j)
{
    const int limb = 64 * j / 52, shift = 64 * j % 52;
    vec word = _mm512_srli_epi64(x->v[limb], (unsigned)shift);

    word = _mm512_or_si512(word,
                           _mm512_slli_epi64(x->v[limb + 1], (unsigned)(52 - shift)));
    /* 12 bits less the shift are missing if two limbs are not enough: 104 - shift < 64. */
    if (104 - shift < 64 && limb + 2 < LIMBS52) {
        word = _mm512_or_si512(
            word, _mm512_slli_epi64(x->v[limb + 2], (unsigned)(104 - shift)));
    }
    return word;
}

/* Limb i of the number whose words, one of each lane's number in a vector, these are. */
ALWAYS_INLINE vec limb_of_words(const vec *words, int i)
{
    const int word = 52 * i / 64, shift = 52 * i % 64;
    vec limb = _mm512_srli_epi64(words[word], (unsigned)shift);

    if (shift + 52 > 64 && word + 1 < LIMBS) {
        limb = _mm512_or_si512(
            limb, _mm512_slli_epi64(words[word + 1], (unsigned)(64 - shift)));
    }
    return and_(limb, all(MASK52));
}

/* z := the numbers below p with these words, in the field's form. */
ALWAYS_INLINE void fe8_from_words(struct fe8 *z, const vec *words,
                                  const struct field *f)
{
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = limb_of_words(words, i);
    }
#if defined(GOSTKEY_P_ANY)
    {
        struct fe8 r2;

        fe8_broadcast(&r2, f->r2);
        fe8_multiply(z, z, &r2, f);
    }
#else
    (void)f;
#endif
}

/* z[j] := lane j of the eight vectors: the transpose of 8 x 8 words. */
ALWAYS_INLINE void transpose8x8(vec *z, const vec *x)
{
    vec a[8], b[8];

    UNROLL
    for (int i = 0; i < 4; i++) {
        a[2 * i] = _mm512_unpacklo_epi64(x[2 * i], x[2 * i + 1]);
        a[2 * i + 1] = _mm512_unpackhi_epi64(x[2 * i], x[2 * i + 1]);
    }
    /* a[2 i + s] has pairs (row 2 i, row 2 i + 1) of columns s, s + 2, s + 4, s + 6. */
    UNROLL
    for (int i = 0; i < 2; i++) {
        UNROLL
        for (int s = 0; s < 2; s++) {
            const vec low = a[4 * i + s], high = a[4 * i + 2 + s];

            b[4 * i + s] = _mm512_shuffle_i64x2(low, high, 0x88);
            b[4 * i + 2 + s] = _mm512_shuffle_i64x2(low, high, 0xdd);
        }
    }
    /* b[4 i + s]: rows 4 i, 4 i + 1 of columns s, s + 4, then rows 4 i + 2, 4 i + 3 of the
     * same; b[4 i + 2 + s]: of columns s + 2, s + 6. */
    UNROLL
    for (int s = 0; s < 4; s++) {
        z[s] = _mm512_shuffle_i64x2(b[s], b[4 + s], 0x88);
        z[s + 4] = _mm512_shuffle_i64x2(b[s], b[4 + s], 0xdd);
    }
}

/* z := 1/x in every lane, with one inversion for all; no lane is 0.  x is a factor
 * below 3 or an element; the result is one too. */
NEVER_INLINE void fe8_invert(struct fe8 *z, const struct fe8 *x, const struct field *f)
{
    struct fe8 fours, twos, ones, product, r;
    uint64_t words[LIMBS];

    /* fours: the factor four lanes on, then products of two and of four; in the end
     * every lane has the product of all eight. */
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        fours.v[i] = _mm512_shuffle_i64x2(x->v[i], x->v[i], 0x4e);
    }
    fe8_multiply(&product, x, &fours, f);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        twos.v[i] = _mm512_permutex_epi64(product.v[i], 0x4e);
    }
    fe8_multiply(&product, &product, &twos, f);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        ones.v[i] = _mm512_permutex_epi64(product.v[i], 0xb1);
    }
    fe8_multiply(&product, &product, &ones, f);

    fe8_canonical(&r, &product, f);
    for (int j = 0; j < LIMBS; j++) {
        words[j] = (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(word_of_limbs(&r, j)));
    }
    gostkey_invert(words, words, f->modulus, LIMBS);
    for (int j = 0; j < LIMBS; j++) {
        product.v[j] = all(words[j]);
    }
    fe8_from_words(&r, product.v, f);
    /* The inverse of the product of all, times the others. */
    fe8_multiply(&r, &r, &ones, f);
    fe8_multiply(&r, &r, &twos, f);
    fe8_multiply(z, &r, &fours, f);
    gostkey_wipe(words, sizeof words);
}
