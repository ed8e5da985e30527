/* check_many_var with AVX-512 IFMA, made of the parts in ifma_verify.h.  For public data.
 *
 * u G: from a table of the base point that needs no doublings, a window of 8 bits an
 * addition.  v Q: for points that are all different, by windows of 5 bits from 16 odd
 * multiples, which are made for each; for one point, from a table like the base point's,
 * which is made for it. */

/* Vectors of eight items that share their inversions, at most. */
#define MOST_CHECKED (LIMBS == 4 ? 512 : 256)
/* Below that many items the inversions, and for one point its table too, cost more than
 * the scalar code. */
#define LEAST_CHECKED 16
#define LEAST_OF_ONE_POINT 8

static struct {
    struct coefficients coefficients;
    _Alignas(64) rows_table base;
    int has_base;
} verify_curves[GOSTKEY_SLOTS];

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

/* check_many_var for up to 8 * MOST_CHECKED items. */
static void check_together_var(const struct gostkey_curve *curve, struct check_batch *cb,
                               uint8_t *good, const uint64_t *xy, const uint64_t *u,
                               const uint64_t *v, const uint64_t *r, size_t n)
{
    load_items(cb, curve, xy, u, v, n);
    multiply_points(cb);
    for (size_t i = 0; i < ROWS_WINDOWS; i++) {
        add_then_add_u(cb, i, verify_curves[curve->slot].base[i]);
    }
    end_addition(cb);
    judge_items(cb, curve, good, xy, 0, u, v, r, n);
}

/* The sums := the first entries for v. */
static void begin_v(struct check_batch *cb, uint64_t (*rows)[ROW])
{
    const struct field *f = cb->b.f;
    struct fe8 zero, opposite;

    fe8_broadcast(&zero, zero_limbs);
    for (size_t v = 0; v < cb->b.vectors; v++) {
        struct sums *e = &cb->b.sums[v];
        uint64_t places[8];
        const uint64_t *from[8];
        __mmask8 negative;

        _mm512_storeu_si512(
            places, place_at(&negative, cb->numbers[v].v, 0, ROWS_WINDOWS, ROWS_W));
        for (int j = 0; j < 8; j++) {
            from[j] = rows[places[j]];
        }
        load_rows_var(&e->x, &e->y, from);
        fe8_add(&e->x, &e->x, &zero, f);
        fe8_subtract(&opposite, &zero, &e->y, f);
        fe8_add(&e->y, &e->y, &zero, f);
        fe8_select(&e->y, negative, &opposite, &e->y);
    }
}

/* The same for one point and its table. */
static void check_together_one_var(const struct gostkey_curve *curve,
                                   struct check_batch *cb, uint8_t *good,
                                   rows_table table, const uint64_t *xy,
                                   const uint64_t *u, const uint64_t *v,
                                   const uint64_t *r, size_t n)
{
    load_items(cb, curve, NULL, u, v, n);
    begin_v(cb, table[0]);
    begin_u(cb, 0, verify_curves[curve->slot].base[0]);
    for (size_t i = 1; i < ROWS_WINDOWS; i++) {
        add_then_add_v(cb, i, table[i]);
        add_then_add_u(cb, i, verify_curves[curve->slot].base[i]);
    }
    end_addition(cb);
    judge_items(cb, curve, good, xy, 1, u, v, r, n);
}

/* What is asked for in one piece: for at most 8 * each items at a time, and a table for
 * each or one for all. */
static uint8_t *make_room(struct check_batch *cb, const struct gostkey_curve *curve,
                          size_t each, int one_point)
{
    const size_t tables = one_point ? sizeof(rows_table)
                                    : each * sizeof(uint64_t[ITEM_ENTRIES][8][ROW]);
    const size_t saved = one_point ? 0 : each;
    uint8_t *memory = malloc(63 + tables + (each + saved) * sizeof(struct sums) +
                             each * sizeof(struct numbers) + each);

    if (memory != NULL) {
        uint8_t *at = memory + (64 - (uintptr_t)memory % 64) % 64;

        cb->tables = (uint64_t(*)[ITEM_ENTRIES][8][ROW])(void *)at;
        cb->b.sums = (struct sums *)(void *)(at + tables);
        cb->saved = cb->b.sums + each;
        cb->numbers = (struct numbers *)(void *)(cb->saved + saved);
        cb->b.suspect = (uint8_t *)(cb->numbers + each);
        cb->b.f = &prepared_curves[curve->slot].field;
        cb->b.c = &verify_curves[curve->slot].coefficients;
        cb->windows = (curve->q_bits + ITEM_W - 1) / ITEM_W;
    }
    return memory;
}

static void check_many_var(const struct gostkey_curve *curve, uint8_t *good,
                           const uint64_t *xy, int one_point, const uint64_t *u,
                           const uint64_t *v, const uint64_t *r, size_t n)
{
    const size_t vectors = (n + 7) / 8;
    const size_t parts = (vectors + MOST_CHECKED - 1) / MOST_CHECKED;
    const size_t each = parts != 0 ? even((vectors + parts - 1) / parts) : 0;
    uint8_t *memory = NULL;
    struct check_batch cb;

    if (n >= (one_point ? LEAST_OF_ONE_POINT : LEAST_CHECKED) &&
        verify_curves[curve->slot].has_base) {
        memory = make_room(&cb, curve, each, one_point);
    }
    if (memory != NULL && one_point &&
        !make_rows_var((uint64_t(*)[ROWS_ENTRIES][ROW])(void *)cb.tables, xy, cb.b.f,
                       cb.b.c)) {
        free(memory);
        memory = NULL;
    }
    if (memory == NULL) {
        GOSTKEY_SCALAR.check_many_var(curve, good, xy, one_point, u, v, r, n);
        return;
    }
    for (size_t done = 0; done < n;) {
        const size_t count = n - done < 8 * each ? n - done : 8 * each, at = LIMBS * done;

        if (one_point) {
            check_together_one_var(curve, &cb, good + done,
                                   (uint64_t(*)[ROWS_ENTRIES][ROW])(void *)cb.tables, xy,
                                   u + at, v + at, r + at, count);
        } else {
            check_together_var(curve, &cb, good + done, xy + 2 * at, u + at, v + at,
                               r + at, count);
        }
        done += count;
    }
    free(memory);
}

/* limbs := x, below p, in the field's form. */
static void to_form(uint64_t *limbs, const uint64_t *x, const struct field *f)
{
    vec words[LIMBS];
    struct fe8 z;

    for (int i = 0; i < LIMBS; i++) {
        words[i] = all(x[i]);
    }
    fe8_from_words(&z, words, f);
    for (int i = 0; i < LIMBS52; i++) {
        limbs[i] = (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(z.v[i]));
    }
}

/* After base_prepare_var. */
static void verify_prepare_var(const struct gostkey_curve *curve)
{
    struct coefficients *c = &verify_curves[curve->slot].coefficients;
    const struct field *f = &prepared_curves[curve->slot].field;
    uint64_t half[LIMBS], xy[ROW];

    /* (p + 1) / 2 */
    for (int i = 0; i < LIMBS; i++) {
        half[i] = curve->p[i] >> 1 | (i < LIMBS - 1 ? curve->p[i + 1] << 63 : 0);
    }
    half[0] += 1; /* not all ones: p + 1 is no multiple of 2^64 */
    to_form(c->half, half, f);
    to_form(c->a, curve->a, f);
    to_form(c->b, curve->b, f);
    to_form(c->order2_x, curve->order2_x, f);
    to_form(c->order4_x, curve->order4_x, f);
    memcpy(xy, curve->x, sizeof curve->x / GOSTKEY_MAX_LIMBS * LIMBS);
    memcpy(xy + LIMBS, curve->y, sizeof curve->y / GOSTKEY_MAX_LIMBS * LIMBS);
    verify_curves[curve->slot].has_base =
        make_rows_var(verify_curves[curve->slot].base, xy, f, c);
}
