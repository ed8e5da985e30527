/* Tables of points for public data; a template after ifma_field.h.
 *
 * A row is a point: the words of x and of y in the field's form, not reduced further than
 * below 2^N, 64 or 128 bytes: whole cache lines.  Eight lanes read a row each, wherever
 * it is, and turn rows into limbs: fewer loads than to look at all entries, and
 * less to fetch than with limbs of 52 bits; but addresses depend on the digits. */

enum { ROW = 2 * LIMBS };

/* x, y := the rows that the eight pointers show. */
ALWAYS_INLINE void load_rows_var(struct fe8 *x, struct fe8 *y,
                                 const uint64_t *const *from)
{
    vec rows[8], words[8];

    UNROLL
    for (int j = 0; j < 8; j++) {
        rows[j] = _mm512_loadu_si512(from[j]);
    }
    transpose8x8(words, rows);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        x->v[i] = limb_of_words(words, i);
    }
#if GOSTKEY_LIMBS == 8
    UNROLL
    for (int j = 0; j < 8; j++) {
        rows[j] = _mm512_loadu_si512(from[j] + 8);
    }
    transpose8x8(words, rows);
#endif
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        y->v[i] = limb_of_words(words + LIMBS % 8, i);
    }
}

/* Eight rows, the j-th at `to + stride j`, := the elements x, y.  An element is below
 * 1 + p, so less p, if it is p or more, it is below 1. */
ALWAYS_INLINE void store_rows(uint64_t *to, size_t stride, const struct fe8 *x,
                              const struct fe8 *y, const struct field *f)
{
    struct fe8 r = *x, s = *y;
    vec words[16], rows[8];

    fe8_reduce_once(&r, f);
    fe8_reduce_once(&s, f);
    UNROLL
    for (int i = 0; i < LIMBS; i++) {
        words[i] = word_of_limbs(&r, i);
        words[LIMBS + i] = word_of_limbs(&s, i);
    }
    UNROLL
    for (int half = 0; half < ROW; half += 8) {
        transpose8x8(rows, words + half);
        UNROLL
        for (int j = 0; j < 8; j++) {
            _mm512_storeu_si512(to + stride * (size_t)j + half, rows[j]);
        }
    }
}

/* x, y := eight plain points; of fewer than eight, the last one fills the rest. */
static void load_points(struct fe8 *x, struct fe8 *y, const uint64_t *xy, size_t count,
                        const struct field *f)
{
    const uint64_t *from[8];

    for (size_t j = 0; j < 8; j++) {
        from[j] = xy + ROW * (j < count ? j : count - 1);
    }
    load_rows_var(x, y, from);
#if defined(GOSTKEY_P_ANY)
    {
        struct fe8 r2;

        fe8_broadcast(&r2, f->r2);
        fe8_multiply(x, x, &r2, f);
        fe8_multiply(y, y, &r2, f);
    }
#else
    (void)f;
#endif
}
