/* Many signatures to check at once with AVX-512 IFMA, the parts: a template after
 * ifma_steps.h and ifma_rows_table.h; ifma_check.h puts them together.  For public
 * data.
 *
 * u and v are made odd as for the comb, and have signed odd digits.  If only one of them
 * was replaced by q less it, the digits of u are taken with the other sign: the sum then is
 * the right one or its opposite, and only its x matters.
 *
 * Nothing is asked of the points but to be on the curve, and of u and v but to be below q:
 * a sum that meets an equal or opposite point or infinity, or ends there, is left to
 * the scalar code, see ifma_steps.h.  Who makes such signatures on purpose gets the
 * speed of the scalar code for them, and no other answer. */

/* Bits of a window and points of a table of an item's own. */
enum { ITEM_W = 5, ITEM_ENTRIES = 1 << (ITEM_W - 1) };

/* How many vectors before their turn the entries of a table are asked for. */
#define AHEAD 4

/* The numbers of a vector of eight items. */
struct numbers {
    vec u[LIMBS], v[LIMBS]; /* made odd: word i of all eight */
    __mmask8 differ;        /* where only one of them has been replaced by q less it */
};

struct check_batch {
    struct batch b;
    struct numbers *numbers;
    struct sums *saved; /* 2 Q, while the items' tables are made */
    uint64_t (*tables)[ITEM_ENTRIES][8][ROW];
    size_t windows; /* of v in these */
};

/* n, or one more. */
static size_t even(size_t n)
{
    return (n + 1) / 2 * 2;
}

enum source { NO_SOURCE, SAVED, ITEM_TABLES, ROWS_U, ROWS_V };

/* What is added to vector v in window i. */
ALWAYS_INLINE void begin_addition_from(struct check_batch *cb, size_t v,
                                       const enum source source, size_t i,
                                       uint64_t (*rows)[ROW])
{
    struct sums *e = &cb->b.sums[v];
    const struct numbers *n = &cb->numbers[v];
    const uint64_t *from[8];
    uint64_t places[8];
    struct fe8 x, y;
    __mmask8 negative = 0;

    if (source == SAVED) {
        begin_addition(e, &cb->saved[v].x, &cb->saved[v].y, 0, cb->b.f);
        return;
    }
    if (source == ITEM_TABLES) {
        _mm512_storeu_si512(places, place_at(&negative, n->v, i, cb->windows, ITEM_W));
        for (int j = 0; j < 8; j++) {
            from[j] = cb->tables[v][places[j]][j];
        }
    } else {
        _mm512_storeu_si512(places, place_at(&negative, source == ROWS_U ? n->u : n->v, i,
                                             ROWS_WINDOWS, ROWS_W));
        if (source == ROWS_U) {
            negative = (__mmask8)(negative ^ n->differ);
        }
        for (int j = 0; j < 8; j++) {
            from[j] = rows[places[j]];
        }
    }
    load_rows_var(&x, &y, from);
    begin_addition(e, &x, &y, negative, cb->b.f);
}

/* Ask for what begin_addition_from will read of the items' tables. */
ALWAYS_INLINE void prefetch_entries(const struct check_batch *cb, size_t v, size_t i)
{
    uint64_t places[8];
    __mmask8 negative;

    _mm512_storeu_si512(places,
                        place_at(&negative, cb->numbers[v].v, i, cb->windows, ITEM_W));
    for (int j = 0; j < 8; j++) {
        for (int k = 0; k < ROW; k += 8) {
            _mm_prefetch((const char *)&cb->tables[v][places[j]][j][k], _MM_HINT_T0);
        }
    }
}

/* End a step of all and begin the next.  SAVED: the sums are entry i - 1 of the tables
 * that are being made. */
ALWAYS_INLINE void pass(struct check_batch *cb, const enum step done,
                        const enum step next, const enum source source, size_t i,
                        uint64_t (*rows)[ROW])
{
    struct batch *b = &cb->b;
    struct fe8 inverse[CHAINS], product[CHAINS];

    if (done != NOTHING) {
        invert_products_var(b, inverse, done);
    }
    b->backwards = !b->backwards;
    for (int chain = 0; chain < CHAINS; chain++) {
        fe8_broadcast(&product[chain], b->f->one);
    }
    for (size_t t = 0; t < b->vectors; t += CHAINS) {
        const size_t v = vector_at(b, t);
        struct sums *e = &b->sums[v];

        if (source == ITEM_TABLES && t + AHEAD < b->vectors) {
            for (size_t chain = 0; chain < CHAINS; chain++) {
                prefetch_entries(cb, vector_at(b, t + AHEAD) + chain, i);
            }
        }
        if (done != NOTHING) {
            end_step(e, inverse, done, b);
        }
        for (size_t chain = 0; chain < CHAINS; chain++) {
            if (source == SAVED) {
                store_rows(cb->tables[v + chain][i - 1][0], ROW, &e[chain].x, &e[chain].y,
                           b->f);
            }
            if (next == ADD) {
                begin_addition_from(cb, v + chain, source, i, rows);
            }
        }
        if (next != NOTHING) {
            multiply_divisors(e, product, next, b->f);
        }
    }
    memcpy(b->product, product, sizeof product);
}

NEVER_INLINE void begin_doubling(struct check_batch *cb)
{
    pass(cb, NOTHING, DOUBLE, NO_SOURCE, 0, NULL);
}

NEVER_INLINE void double_again(struct check_batch *cb)
{
    pass(cb, DOUBLE, DOUBLE, NO_SOURCE, 0, NULL);
}

NEVER_INLINE void double_then_add(struct check_batch *cb, size_t i)
{
    pass(cb, DOUBLE, ADD, ITEM_TABLES, i, NULL);
}

NEVER_INLINE void add_then_double(struct check_batch *cb)
{
    pass(cb, ADD, DOUBLE, NO_SOURCE, 0, NULL);
}

NEVER_INLINE void begin_multiples(struct check_batch *cb)
{
    pass(cb, NOTHING, ADD, SAVED, 1, NULL);
}

NEVER_INLINE void next_multiple(struct check_batch *cb, size_t i)
{
    pass(cb, ADD, ADD, SAVED, i, NULL);
}

NEVER_INLINE void end_addition(struct check_batch *cb)
{
    pass(cb, ADD, NOTHING, NO_SOURCE, 0, NULL);
}

NEVER_INLINE void begin_u(struct check_batch *cb, size_t i, uint64_t (*rows)[ROW])
{
    pass(cb, NOTHING, ADD, ROWS_U, i, rows);
}

NEVER_INLINE void add_then_add_u(struct check_batch *cb, size_t i, uint64_t (*rows)[ROW])
{
    pass(cb, ADD, ADD, ROWS_U, i, rows);
}

NEVER_INLINE void add_then_add_v(struct check_batch *cb, size_t i, uint64_t (*rows)[ROW])
{
    pass(cb, ADD, ADD, ROWS_V, i, rows);
}

/* The lanes in which x, plain and below p, is r mod q; count items. */
static __mmask8 equal_mod_q(const struct fe8 *x, const uint64_t *r, size_t count,
                            const struct gostkey_curve *curve)
{
    uint64_t q[LIMBS52], words[LIMBS][8];
    vec r_words[LIMBS], wanted[LIMBS52];
    __mmask8 equal = 0;

    for (size_t j = 0; j < 8; j++) {
        for (size_t i = 0; i < LIMBS; i++) {
            words[i][j] = r[LIMBS * (j < count ? j : count - 1) + i];
        }
    }
    for (int i = 0; i < LIMBS; i++) {
        r_words[i] = _mm512_loadu_si512(words[i]);
    }
    limbs_from_words(q, curve->q);
    for (int i = 0; i < LIMBS52; i++) {
        wanted[i] = limb_of_words(r_words, i);
    }
    /* r + k q < p: by Hasse's bound k <= 1, or k <= 4 with cofactor 4.  What is not below p
     * equals no x; limbs of 5 q fit. */
    for (unsigned k = 0; k <= curve->cofactor; k++) {
        __mmask8 same = 0xff;

        for (int i = 0; i < LIMBS52; i++) {
            same = _mm512_mask_cmpeq_epi64_mask(same, wanted[i], x->v[i]);
        }
        equal = (__mmask8)(equal | same);
        for (int i = 0; i < LIMBS52; i++) {
            wanted[i] = add(wanted[i], all(q[i]));
        }
        carry(wanted);
    }
    return equal;
}

/* The numbers and points of n items; xy = NULL: without points. */
static void load_items(struct check_batch *cb, const struct gostkey_curve *curve,
                       const uint64_t *xy, const uint64_t *u, const uint64_t *v, size_t n)
{
    struct batch *b = &cb->b;

    b->vectors = even((n + 7) / 8);
    b->backwards = 0;
    memset(b->suspect, 0, b->vectors);
    for (size_t i = 0; i < b->vectors; i++) {
        /* A vector that is there to make their number even is like the last. */
        const size_t at = 8 * i < n ? 8 * i : 8 * (i - 1);
        const size_t count = n - at < 8 ? n - at : 8;
        struct numbers *numbers = &cb->numbers[i];
        const __mmask8 flipped = load_scalars(numbers->u, u + LIMBS * at, count, curve);

        numbers->differ = flipped ^ load_scalars(numbers->v, v + LIMBS * at, count, curve);
        if (xy != NULL) {
            load_points(&b->sums[i].x, &b->sums[i].y, xy + ROW * at, count, b->f);
        }
    }
}

/* good[i] := whether the sum of item i has the right x. */
static void judge_items(const struct check_batch *cb, const struct gostkey_curve *curve,
                        uint8_t *good, const uint64_t *xy, int one_point,
                        const uint64_t *u, const uint64_t *v, const uint64_t *r, size_t n)
{
    for (size_t i = 0; 8 * i < n; i++) {
        const size_t count = n - 8 * i < 8 ? n - 8 * i : 8;
        struct fe8 x;
        __mmask8 equal;

        fe8_canonical(&x, &cb->b.sums[i].x, cb->b.f);
        equal = equal_mod_q(&x, r + LIMBS * 8 * i, count, curve);
        for (size_t j = 0; j < count; j++) {
            const size_t at = 8 * i + j;

            good[at] = equal >> j & 1;
            if (cb->b.suspect[i] >> j & 1) {
                good[at] = (uint8_t)GOSTKEY_SCALAR.check_var(
                    curve, xy + (one_point ? 0 : ROW * at), u + LIMBS * at,
                    v + LIMBS * at, r + LIMBS * at);
            }
        }
    }
}
