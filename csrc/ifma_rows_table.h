/* Making tables of rows: a template after ifma_rows.h and ifma_steps.h.
 *
 * Source: [EFD] Explicit-Formulas Database, short Weierstrass, Jacobian. */

/* Bits of a window, and points for each of them. */
enum { ROWS_W = 8, ROWS_ENTRIES = 1 << (ROWS_W - 1), ROWS_WINDOWS = N_BITS / ROWS_W };

/* [i][j] = (2 j + 1) 2^(8 i) P. */
typedef uint64_t rows_table[ROWS_WINDOWS][ROWS_ENTRIES][ROW];

/* (x, y) := 2 (x, y), Jacobian [EFD, dbl-1998-cmo]; z = 0, once it is, stays so. */
NEVER_INLINE void double_jacobian(struct fe8 *x, struct fe8 *y, struct fe8 *z,
                                  const struct field *f, const struct coefficients *c)
{
    struct fe8 s, m, t, yy;

    /* s = 4 x y^2, m = 3 x^2 + a z^4 */
    fe8_square(&yy, y, f);
    fe8_multiply(&s, x, &yy, f);
    fe8_add(&s, &s, &s, f);
    fe8_add(&s, &s, &s, f);
    fe8_square(&t, z, f);
    fe8_square(&t, &t, f);
    fe8_broadcast(&m, c->a);
    fe8_multiply(&m, &m, &t, f);
    fe8_square(&t, x, f);
    fe8_add(&m, &m, &t, f);
    fe8_add(&t, &t, &t, f);
    fe8_add(&m, &m, &t, f);
    fe8_multiply(z, y, z, f);
    fe8_add(z, z, z, f);
    fe8_square(&t, &m, f);
    fe8_subtract2(x, &t, &s, &s, f);
    fe8_difference(&t, &s, x, f);
    fe8_multiply(&t, &m, &t, f);
    fe8_square(&yy, &yy, f);
    fe8_add(&yy, &yy, &yy, f);
    fe8_add(&yy, &yy, &yy, f);
    fe8_add(&yy, &yy, &yy, f);
    fe8_subtract(y, &t, &yy, f);
}

/* Lane i % 8 of sums[i / 8] := 2^(8 i) times the plain point; return 0 if one of these is
 * infinity. */
static int make_powers_var(struct sums *sums, const uint64_t *xy, const struct field *f,
                           const struct coefficients *c)
{
    enum { VECTORS = ROWS_WINDOWS / 8 };
    struct fe8 x, y, z, inverse, t, zs[VECTORS];

    load_points(&x, &y, xy, 1, f);
    fe8_broadcast(&z, f->one);
    for (size_t i = 0; i < ROWS_WINDOWS; i++) {
        const __mmask8 lane = (__mmask8)(1 << i % 8);
        const size_t v = i / 8;

        /* At first in all lanes: none is left unset. */
        fe8_select(&sums[v].x, i % 8 == 0 ? 0xff : lane, &x, &sums[v].x);
        fe8_select(&sums[v].y, i % 8 == 0 ? 0xff : lane, &y, &sums[v].y);
        fe8_select(&zs[v], i % 8 == 0 ? 0xff : lane, &z, &zs[v]);
        for (int j = 0; j < ROWS_W; j++) {
            double_jacobian(&x, &y, &z, f, c);
        }
    }
    fe8_broadcast(&t, f->one);
    for (size_t v = 0; v < VECTORS; v++) {
        sums[v].before = t;
        fe8_multiply(&t, &t, &zs[v], f);
    }
    fe8_invert(&inverse, &t, f);
    if (fe8_zero_lanes(&inverse, f) != 0) {
        return 0;
    }
    for (size_t v = VECTORS; v-- > 0;) {
        fe8_multiply(&z, &inverse, &sums[v].before, f);
        fe8_multiply(&inverse, &inverse, &zs[v], f);
        fe8_square(&t, &z, f);
        fe8_multiply(&x, &sums[v].x, &t, f);
        fe8_multiply(&t, &t, &z, f);
        fe8_multiply(&y, &sums[v].y, &t, f);
        /* Products may be more than elements. */
        fe8_broadcast(&z, zero_limbs);
        fe8_add(&sums[v].x, &x, &z, f);
        fe8_add(&sums[v].y, &y, &z, f);
    }
    return 1;
}

/* table := odd multiples of 2^(8 i) times the plain point; return 0 if there is no
 * memory, or where one meets infinity, which no point of order q does.  A lane is
 * a window. */
static int make_rows_var(rows_table table, const uint64_t *xy, const struct field *f,
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
    if (!make_powers_var(powers, xy, f, c)) {
        free(memory);
        return 0;
    }
    memcpy(sums[0], powers, sizeof sums[0]);
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
