/* Many signatures to check at once with AVX-512 IFMA: a template after ifma_steps.h and
 * ifma_rows.h.  For public data.
 *
 * u G + v Q: signed odd digits of v, 5 bits each, pick from 16 odd multiples of Q that are
 * made for each item; those of u, 8 bits each, from a table of the base point that
 * needs no doublings.  u and v are made odd as for the comb; if only one of them was
 * replaced by q less it, the digits of u are taken with the other sign: the sum then is
 * the right one or its opposite, and only its x matters.
 *
 * Nothing is asked of the points but to be on the curve, and of u and v but to be below q:
 * a sum that meets an equal or opposite point or infinity, or ends there, is left to
 * the scalar code, see ifma_steps.h.  Who makes such signatures on purpose gets the
 * speed of the scalar code for them, and no other answer. */

/* Bits of a window and points of a table of an item's own, and of the base point. */
enum {
    ITEM_W = 5,
    ITEM_ENTRIES = 1 << (ITEM_W - 1),
    ROWS_W = 8,
    ROWS_ENTRIES = 1 << (ROWS_W - 1),
    ROWS_WINDOWS = N_BITS / ROWS_W
};

/* Vectors of eight items that share their inversions, at most. */
#define MOST_CHECKED (LIMBS == 4 ? 512 : 256)
/* Below that many items the inversions cost more than the scalar code. */
#define LEAST_CHECKED 24
/* How many vectors before their turn the entries of a table are asked for. */
#define AHEAD 4

/* [i][j] = (2 j + 1) 2^(8 i) P. */
typedef uint64_t rows_table[ROWS_WINDOWS][ROWS_ENTRIES][ROW];

static struct {
    struct coefficients coefficients;
    _Alignas(64) rows_table base;
    int has_base;
} verify_curves[GOSTKEY_SLOTS];

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
    size_t windows; /* of v */
};

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

NEVER_INLINE void add_then_add_u(struct check_batch *cb, size_t i, uint64_t (*rows)[ROW])
{
    pass(cb, ADD, ADD, ROWS_U, i, rows);
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

/* tables := odd multiples of the sums, which become the last of those. */
static void make_item_tables(struct check_batch *cb)
{
    struct batch *b = &cb->b;

    for (size_t v = 0; v < b->vectors; v++) {
        cb->saved[v] = b->sums[v];
    }
    double_all_var(b);
    for (size_t v = 0; v < b->vectors; v++) {
        struct sums twice = b->sums[v];

        b->sums[v] = cb->saved[v];
        cb->saved[v] = twice;
    }
    begin_multiples(cb);
    for (size_t i = 2; i < ITEM_ENTRIES; i++) {
        next_multiple(cb, i);
    }
    end_addition(cb);
    for (size_t v = 0; v < b->vectors; v++) {
        store_rows(cb->tables[v][ITEM_ENTRIES - 1][0], ROW, &b->sums[v].x, &b->sums[v].y,
                   b->f);
    }
}

/* The sums := v Q, up to an addition to be ended. */
static void multiply_points(struct check_batch *cb)
{
    struct batch *b = &cb->b;

    make_item_tables(cb);
    for (size_t v = 0; v < b->vectors; v++) {
        uint64_t places[8];
        const uint64_t *from[8];
        __mmask8 negative;

        _mm512_storeu_si512(places, place_at(&negative, cb->numbers[v].v, cb->windows - 1,
                                             cb->windows, ITEM_W));
        for (int j = 0; j < 8; j++) {
            from[j] = cb->tables[v][places[j]][j];
        }
        load_rows_var(&b->sums[v].x, &b->sums[v].y, from);
    }
    begin_doubling(cb);
    for (size_t i = cb->windows - 1; i-- > 0;) {
        for (int j = 1; j < ITEM_W; j++) {
            double_again(cb);
        }
        double_then_add(cb, i);
        if (i > 0) {
            add_then_double(cb);
        }
    }
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

/* check_many_var for up to 8 * MOST_CHECKED items. */
static void check_together_var(const struct gostkey_curve *curve, struct check_batch *cb,
                               uint8_t *good, const uint64_t *xy, const uint64_t *u,
                               const uint64_t *v, const uint64_t *r, size_t n)
{
    struct batch *b = &cb->b;

    for (size_t i = 0; i < b->vectors; i++) {
        /* A vector that is there to make their number even is like the last. */
        const size_t at = 8 * i < n ? 8 * i : 8 * (i - 1);
        const size_t count = n - at < 8 ? n - at : 8;
        struct numbers *numbers = &cb->numbers[i];

        numbers->differ = load_scalars(numbers->u, u + LIMBS * at, count, curve);
        numbers->differ ^= load_scalars(numbers->v, v + LIMBS * at, count, curve);
        load_points(&b->sums[i].x, &b->sums[i].y, xy + ROW * at, count, b->f);
    }
    memset(b->suspect, 0, b->vectors);
    multiply_points(cb);
    for (size_t i = 0; i < ROWS_WINDOWS; i++) {
        add_then_add_u(cb, i, verify_curves[curve->slot].base[i]);
    }
    end_addition(cb);
    for (size_t i = 0; 8 * i < n; i++) {
        const size_t count = n - 8 * i < 8 ? n - 8 * i : 8;
        struct fe8 x;
        __mmask8 equal;

        fe8_canonical(&x, &b->sums[i].x, b->f);
        equal = equal_mod_q(&x, r + LIMBS * 8 * i, count, curve);
        for (size_t j = 0; j < count; j++) {
            const size_t at = 8 * i + j;

            good[at] = equal >> j & 1;
            if (b->suspect[i] >> j & 1) {
                good[at] = (uint8_t)GOSTKEY_SCALAR.check_var(
                    curve, xy + ROW * at, u + LIMBS * at, v + LIMBS * at, r + LIMBS * at);
            }
        }
    }
}

/* n, or one more. */
static size_t even(size_t n)
{
    return (n + 1) / 2 * 2;
}

static void check_many_var(const struct gostkey_curve *curve, uint8_t *good,
                           const uint64_t *xy, int one_point, const uint64_t *u,
                           const uint64_t *v, const uint64_t *r, size_t n)
{
    const size_t vectors = (n + 7) / 8;
    const size_t parts = (vectors + MOST_CHECKED - 1) / MOST_CHECKED;
    const size_t each = parts != 0 ? even((vectors + parts - 1) / parts) : 0;
    const size_t size = sizeof(struct sums) * 2 + sizeof(struct numbers) +
                        sizeof(uint64_t[ITEM_ENTRIES][8][ROW]) + 1;
    const int fit =
        n >= LEAST_CHECKED && !one_point && verify_curves[curve->slot].has_base;
    uint8_t *memory = fit ? malloc(each * size + 63) : NULL;
    struct check_batch cb;

    if (memory == NULL) {
        GOSTKEY_SCALAR.check_many_var(curve, good, xy, one_point, u, v, r, n);
        return;
    }
    cb.tables = (uint64_t(*)[ITEM_ENTRIES][8][ROW])(
        void *)(memory + (64 - (uintptr_t)memory % 64) % 64);
    cb.b.sums = (struct sums *)(void *)(cb.tables + each);
    cb.saved = cb.b.sums + each;
    cb.numbers = (struct numbers *)(void *)(cb.saved + each);
    cb.b.suspect = (uint8_t *)(cb.numbers + each);
    cb.b.f = &prepared_curves[curve->slot].field;
    cb.b.c = &verify_curves[curve->slot].coefficients;
    cb.b.backwards = 0;
    cb.windows = (curve->q_bits + ITEM_W - 1) / ITEM_W;
    for (size_t done = 0; done < n;) {
        const size_t count = n - done < 8 * each ? n - done : 8 * each;

        cb.b.vectors = even((count + 7) / 8);
        check_together_var(curve, &cb, good + done, xy + ROW * done, u + LIMBS * done,
                           v + LIMBS * done, r + LIMBS * done, count);
        done += count;
    }
    free(memory);
}
