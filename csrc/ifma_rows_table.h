/* Making the tables of ifma_verify.h: a template after it. */

/* table := odd multiples of the points 2^(8 i) P, which are given, plain, one after the
 * other; return 0 if there is no memory, or where one meets its opposite, which no
 * point of large order does.  A lane is a window. */
static int make_rows_var(rows_table table, const uint64_t *ones, const struct field *f,
                         const struct coefficients *c)
{
    enum { VECTORS = ROWS_WINDOWS / 8 };
    uint8_t suspect[ROWS_ENTRIES * VECTORS] = {0};
    uint8_t *memory = malloc(sizeof(struct sums[ROWS_ENTRIES + 1][VECTORS]) + 63);
    struct sums(*sums)[VECTORS], *powers;
    struct batch b = {.suspect = suspect, .f = f, .c = c};
    int good = 1;

    if (memory == NULL) {
        return 0;
    }
    sums = (struct sums(*)[VECTORS])(void *)(memory + (64 - (uintptr_t)memory % 64) % 64);
    powers = sums[ROWS_ENTRIES];
    for (size_t v = 0; v < VECTORS; v++) {
        load_points(&sums[0][v].x, &sums[0][v].y, ones + ROW * 8 * v, 8, f);
        powers[v] = sums[0][v];
    }
    /* From the odd multiples below 2^i, those below 2^(i + 1), by adding 2^i. */
    for (size_t have = 1; have < ROWS_ENTRIES; have *= 2) {
        b.sums = powers;
        b.vectors = VECTORS;
        double_all_var(&b);
        for (size_t j = 0; j < have; j++) {
            for (size_t v = 0; v < VECTORS; v++) {
                sums[have + j][v] = sums[j][v];
                begin_addition(&sums[have + j][v], &powers[v].x, &powers[v].y, 0, f);
            }
        }
        b.sums = sums[have];
        b.vectors = have * VECTORS;
        add_all_var(&b);
    }
    for (size_t j = 0; j < ROWS_ENTRIES; j++) {
        for (size_t v = 0; v < VECTORS; v++) {
            store_rows(table[8 * v][j], ROWS_ENTRIES * ROW, &sums[j][v].x, &sums[j][v].y,
                       f);
        }
    }
    for (size_t i = 0; i < sizeof suspect; i++) {
        good &= suspect[i] == 0;
    }
    free(memory);
    return good;
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
    uint64_t half[LIMBS], k[ROWS_WINDOWS][LIMBS], xy[ROWS_WINDOWS][ROW];
    uint64_t power[LIMBS] = {1};

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
    for (size_t i = 0; i < ROWS_WINDOWS; i++) {
        memcpy(k[i], power, sizeof power);
        for (int j = 0; j < ROWS_W; j++) {
            gostkey_scalar_add(curve, power, power, power);
        }
    }
    GOSTKEY_SCALAR.base_points(curve, xy[0], k[0], ROWS_WINDOWS);
    verify_curves[curve->slot].has_base =
        make_rows_var(verify_curves[curve->slot].base, xy[0], f, c);
}
