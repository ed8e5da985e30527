/* Tests of ifma_field.h and of the field's part of ifma_comb.h against slow arithmetic on
 * words, which shares no code with them.  A template: included after the kernel's
 * own file, so that what is tested is what is compiled there, and in a target region;
 * defines GOSTKEY_IFMA_CHECK(curve), the number of failures.
 *
 * Random numbers never meet a carry of exactly 2^52 or a value just below its bound, so
 * those are made on purpose.  What each function promises of its result (limbs below
 * 2^52, value below its bound) is tested beside the value mod p. */

int GOSTKEY_IFMA_CHECK(const struct gostkey_curve *curve);

#include "ifma_field_check_numbers.h"

/* Lane l of x and y := numbers i + l and j + 3 l of the edges. */
static void load_pair(struct fe8 *x, struct fe8 *y, const struct edges *a,
                      const struct edges *b, int i, int j)
{
    for (int l = 0; l < 8; l++) {
        set_lane(x->v, LIMBS52, l, a->limbs[(i + l) % a->count]);
        set_lane(y->v, LIMBS52, l, b->limbs[(j + 3 * l) % b->count]);
    }
}

static void check_sums(const struct edges *elements, const struct edges *below3)
{
    const struct field *f = now.f;

    for (int i = 0; i < elements->count; i++) {
        for (int j = 0; j < elements->count; j += 8) {
            struct fe8 x, y, w, z, d, loose, all3;

            load_pair(&x, &y, elements, elements, i, j);
            fe8_add(&z, &x, &y, f);
            for (int l = 0; l < 8; l++) {
                uint64_t a[BIG], b[BIG], got[BIG];

                big_of_lane(a, &x, l, 0);
                big_of_lane(b, &y, l, 0);
                big_add(a, b);
                big_of_lane(got, &z, l, 0);
                expect(same_mod_p(got, a), "sum", i, j);
                expect(is_element(&z, l), "bound of a sum", i, j);
            }
            load_pair(&x, &y, below3, elements, i % below3->count, j);
            load_pair(&w, &y, elements, elements, j, i);
            fe8_subtract(&z, &x, &y, f);
            fe8_difference(&d, &x, &y, f);
            fe8_difference_loosely(&loose, &x, &y, f);
            fe8_subtract2(&all3, &x, &y, &w, f);
            for (int l = 0; l < 8; l++) {
                uint64_t a[BIG], b[BIG], got[BIG];

                big_of_lane(a, &x, l, 0);
                big_of_lane(b, &y, l, 0);
                big_minus_mod_p(a, b);
                big_of_lane(got, &z, l, 0);
                expect(same_mod_p(got, a), "difference", i, j);
                expect(is_element(&z, l), "bound of a difference", i, j);
                big_of_lane(got, &d, l, 0);
                expect(same_mod_p(got, a), "difference as a factor", i, j);
                expect(is_within(&d, l, 128, 0), "bound of such a one", i, j);
                big_of_lane(got, &loose, l, 1);
                expect(same_mod_p(got, a), "loose difference", i, j);
                big_of_lane(b, &w, l, 0);
                big_minus_mod_p(a, b);
                big_of_lane(got, &all3, l, 0);
                expect(same_mod_p(got, a), "difference of three", i, j);
                expect(is_element(&all3, l), "bound of such a one", i, j);
            }
        }
        /* Equal values: 0 mod p. */
        {
            struct fe8 x, y, z;

            load_pair(&x, &y, elements, elements, i, i);
            fe8_subtract(&z, &x, &x, f);
            expect(fe8_zero_lanes(&z, f) == 0xff, "x - x is zero", i, 0);
            fe8_difference(&z, &x, &x, f);
            fe8_subtract(&y, &z, &z, f);
            expect(fe8_zero_lanes(&y, f) == 0xff, "factors' x - x is zero", i, 0);
        }
    }
}

/* got R = wanted mod p. */
static void expect_product(const struct fe8 *z, int lane, int loose, const uint64_t *wanted,
                           const char *what, int i, int j)
{
    uint64_t got[BIG];

    big_of_lane(got, z, lane, loose);
    big_times_r(got, got);
    expect(same_mod_p(got, wanted), what, i, j);
}

static void check_products(const struct edges *factors, const struct edges *small,
                           const struct edges *elements)
{
    const struct field *f = now.f;

    for (int i = 0; i < factors->count; i++) {
        struct fe8 x, y, z, loose, w;

        /* In steps of 8 all pairs are met, since 3 l takes all values mod 8. */
        for (int j = 0; j < factors->count; j += 8) {
            load_pair(&x, &y, factors, factors, i, j);
            fe8_multiply(&z, &x, &y, f);
            fe8_multiply_loosely(&loose, &x, &y, f);
            for (int l = 0; l < 8; l++) {
                uint64_t a[BIG], b[BIG];

                big_of_lane(a, &x, l, 0);
                big_of_lane(b, &y, l, 0);
                big_multiply(a, a, b);
                expect_product(&z, l, 0, a, "product", i, j);
                expect_product(&loose, l, 1, a, "loose product", i, j);
#if defined(GOSTKEY_P_ANY)
                /* 8 * 8 / 2^SPARE + p: in sixteenths 2^10 / 2^SPARE. */
                expect(is_within(&z, l, 1024 >> SPARE, 1), "bound of a product", i, j);
#else
                expect(is_element(&z, l), "bound of a product", i, j);
#endif
            }
        }
        /* Junk above the lowest 52 bits of a loose factor, the top limb's excepted. */
        load_pair(&x, &y, factors, factors, i, 5 * i);
        w = x;
        for (int k = 0; k < TOP; k++) {
            w.v[k] = add(w.v[k], all((uint64_t)0xfff << 52));
        }
        fe8_multiply(&z, &x, &y, f);
        fe8_multiply(&loose, &w, &y, f);
        expect(memcmp(&z, &loose, sizeof z) == 0, "junk in a loose factor", i, 0);

        fe8_square(&z, &x, f);
        for (int l = 0; l < 8; l++) {
            uint64_t a[BIG];

            big_of_lane(a, &x, l, 0);
            big_multiply(a, a, a);
            expect_product(&z, l, 0, a, "square", i, 0);
        }
        /* x y - w with x y < 32. */
        for (int j = 0; j < elements->count; j += 8) {
            load_pair(&x, &y, small, small, i % small->count, j);
            load_pair(&w, &z, elements, elements, j, i);
            fe8_multiply_subtract(&z, &x, &y, &w, f);
            for (int l = 0; l < 8; l++) {
                uint64_t a[BIG], b[BIG];

                big_of_lane(a, &x, l, 0);
                big_of_lane(b, &y, l, 0);
                big_multiply(a, a, b);
                big_of_lane(b, &w, l, 0);
                big_times_r(b, b);
                big_minus_mod_p(a, b);
                expect_product(&z, l, 0, a, "x y - w", i, j);
                expect(is_element(&z, l), "bound of x y - w", i, j);
            }
        }
    }
}

/* next_x of ifma_comb.h: lambda^2 - dx - 2 x, for lambda < 3. */
static void check_next_x(const struct edges *below3, const struct edges *elements)
{
    const struct field *f = now.f;

    for (int i = 0; i < elements->count; i++) {
        struct fe8 lambda, x, x2, dx, z;

        load_pair(&lambda, &x, below3, elements, i % below3->count, 7 * i);
        load_pair(&x2, &z, elements, elements, 3 * i, i);
        fe8_difference(&dx, &x2, &x, f);
        next_x(&z, &lambda, &dx, &x, f);
        for (int l = 0; l < 8; l++) {
            uint64_t a[BIG], b[BIG];

            big_of_lane(a, &lambda, l, 0);
            big_multiply(a, a, a);
            big_of_lane(b, &x2, l, 0);
            big_times_r(b, b);
            big_minus_mod_p(a, b);
            big_of_lane(b, &x, l, 0);
            big_times_r(b, b);
            big_minus_mod_p(a, b);
            expect_product(&z, l, 0, a, "lambda^2 - x2 - x", i, 0);
            expect(is_element(&z, l), "bound of lambda^2 - x2 - x", i, 0);
        }
    }
}

/* weakly_reduce of columns, with every o, and carries that start at every limb and make
 * each limb from there on exactly 2^52. */
static void check_weak_reduction(void)
{
    for (uint64_t o = 0; o < 8; o++) {
        for (int start = -2; start < TOP; start++) {
            uint64_t columns[LIMBS52], wanted[8][BIG];
            struct fe8 z;
            vec v[LIMBS52];

            for (int l = 0; l < 8; l++) {
                const uint64_t here = l < 4 ? o : (uint64_t)l;

                for (int i = 0; i < LIMBS52; i++) {
                    columns[i] = start == -2 ? ((uint64_t)1 << 57) - 1
                                 : start == -1 ? random64() >> 7
                                 : i < start   ? 0
                                 : i == start  ? MASK52 + 1 + (uint64_t)l
                                               : MASK52;
                }
                columns[TOP] = here << TOP_BITS |
                               (l % 2 && start < 0 ? 0 : ((uint64_t)1 << TOP_BITS) - 33);
                big_of_columns(wanted[l], columns, LIMBS52);
                set_lane(v, LIMBS52, l, columns);
            }
            weakly_reduce(&z, v, now.f);
            for (int l = 0; l < 8; l++) {
                uint64_t got[BIG];

                big_of_lane(got, &z, l, 0);
                expect(same_mod_p(got, wanted[l]), "weak reduction", (int)o, start);
                expect(is_element(&z, l), "bound of weak reduction", (int)o, start);
            }
        }
    }
}

/* The columns of a product such that in the last carry the limbs from `start` on become
 * exactly 2^52, or a multiple of it. */
static void check_exact_carries(void)
{
    const struct field *f = now.f;

    for (int start = 0; start < TOP; start++) {
        for (uint64_t more = 0; more < 4; more++) {
            uint64_t t[2 * LIMBS52] = {0}, wanted[BIG], got[BIG];
            struct fe8 z, loose;
            vec v[2 * LIMBS52];
            uint64_t *column = t;
#if defined(GOSTKEY_P_ANY)
            column = t + LIMBS52; /* the lower half is 0: nothing is added */
#endif
            for (int i = 0; i < LIMBS52; i++) {
                column[i] = i < start    ? 0
                            : i == start ? (MASK52 + 1) << more
                            : i < TOP    ? MASK52 + 1 - ((uint64_t)1 << (i == start + 1 ? more : 0))
                                         : 77;
            }
#if defined(GOSTKEY_P_PLUS)
            {
                /* r[i] = t[i] + lend and the carry are to be 0 mod 2^52. */
                const uint64_t lend = ((uint64_t)1 << 54) - 4;
                const uint64_t above = ((uint64_t)1 << 23) - 4;
                uint64_t carried = 0;

                for (int i = start; i < TOP; i++) {
                    const uint64_t o =
                        ((lend + 77) >> TOP_BITS) + (above << SPARE);
                    const uint64_t first = ((uint64_t)1 << 54) + (f->c << (SPARE + 24)) +
                                           f->c - ((o * 2 * f->c) & MASK52);
                    const uint64_t fixed = i == 0 ? first : lend;

                    t[i] = (0 - (fixed + carried)) & MASK52;
                    t[i] += more << 52;
                    carried = (fixed + carried + t[i]) >> 52;
                }
            }
#endif
            big_of_columns(wanted, t, 2 * LIMBS52);
            for (int l = 0; l < 8; l++) {
                set_lane(v, 2 * LIMBS52, l, t);
            }
            reduce_product(&z, v, f);
            for (int l = 0; l < 8; l++) {
                set_lane(v, 2 * LIMBS52, l, t);
            }
            reduce_product_loosely(&loose, v, f);
            for (int l = 0; l < 8; l++) {
                expect_product(&z, l, 0, wanted, "exact carries", start, (int)more);
                expect_product(&loose, l, 1, wanted, "loose ones", start, (int)more);
                big_of_lane(got, &z, l, 0);
                expect(is_within(&z, l, 128, 0), "bound of exact carries", start,
                       (int)more);
            }
        }
    }
}

static void check_canonical(const struct edges *elements, const struct edges *factors)
{
    const struct edges *numbers = elements;
    struct fe8 x, y, z;

#if defined(GOSTKEY_P_ANY)
    numbers = factors;
#else
    (void)factors;
#endif
    for (int i = 0; i < numbers->count; i++) {
        __mmask8 zero;

        load_pair(&x, &y, numbers, numbers, i, 0);
        fe8_canonical(&z, &x, now.f);
        zero = fe8_zero_lanes(&x, now.f);
        for (int l = 0; l < 8; l++) {
            uint64_t got[BIG], wanted[BIG], none[BIG] = {0}, limbs[LIMBS52];

            big_of_lane(wanted, &x, l, 0);
            big_reduce(wanted, wanted);
            big_of_lane(got, &z, l, 0);
            expect(big_less(got, now.p), "canonical is below p", i, l);
            lane_of(limbs, &z, l);
            for (int k = 0; k < LIMBS52; k++) {
                expect(limbs[k] <= MASK52, "limb of canonical", i, l);
            }
            expect_product(&z, l, 0, wanted, "canonical", i, l);
            expect((zero >> l & 1) == (memcmp(wanted, none, sizeof none) == 0),
                   "zero lanes", i, l);
        }
    }
}

/* Numbers below p: words to limbs, limbs to words, minus in chosen lanes. */
static void check_conversions(const struct edges *elements)
{
    for (int i = 0; i < elements->count; i++) {
        struct fe8 x, y, z, negative;
        vec words[LIMBS];
        uint64_t plain[8][BIG];

        load_pair(&x, &y, elements, elements, i, 0);
        for (int l = 0; l < 8; l++) {
            big_of_lane(plain[l], &x, l, 0);
            big_reduce(plain[l], plain[l]);
            set_lane(words, LIMBS, l, plain[l]);
        }
        fe8_from_words(&z, words, now.f);
        fe8_canonical(&y, &z, now.f);
        negative = y;
        negate_lanes(&negative, 0xa6, now.f);
        for (int l = 0; l < 8; l++) {
            uint64_t got[BIG], wanted[BIG], none[BIG] = {0}, lanes[8];

            big_of_lane(got, &y, l, 0);
            expect(memcmp(got, plain[l], sizeof got) == 0, "from words", i, l);
            for (int k = 0; k < LIMBS; k++) {
                const vec word = word_of_limbs(&y, k);

                memcpy(lanes, &word, sizeof lanes);
                expect(lanes[l] == plain[l][k], "to words", i, k);
            }
            if (memcmp(plain[l], none, sizeof none) == 0) {
                continue; /* the y of a point never is */
            }
            memcpy(wanted, plain[l], sizeof wanted);
            if (0xa6 >> l & 1) {
                big_subtract(wanted, now.p, plain[l]);
            }
            expect(is_within(&negative, l, 16, 0), "bound of p - x", i, l);
            big_of_lane(got, &negative, l, 0);
            expect(memcmp(got, wanted, sizeof got) == 0, "p - x", i, l);
        }
    }
}

static void check_inverses(const struct edges *below3)
{
    uint64_t one[BIG] = {1}, none[BIG] = {0};

    for (int i = 0; i < below3->count; i++) {
        struct fe8 x, y, z;

        for (int l = 0; l < 8; l++) {
            int k = (i + l * l) % below3->count;
            uint64_t value[BIG];

            /* All lanes alike in some cases: eight times 1, or p - 1. */
            k = i % 3 == 0 ? i : k;
            do {
                set_lane(x.v, LIMBS52, l, below3->limbs[k]);
                big_of_lane(value, &x, l, 0);
                big_reduce(value, value);
                k = (k + 1) % below3->count;
            } while (memcmp(value, none, sizeof none) == 0);
        }
        fe8_invert(&z, &x, now.f);
        fe8_multiply(&y, &z, &x, now.f);
        for (int l = 0; l < 8; l++) {
            uint64_t wanted[BIG], got[BIG];

            big_times_r(wanted, one);
            big_of_lane(got, &y, l, 0);
            expect(same_mod_p(got, wanted), "x / x", i, l);
            expect(is_within(&z, l, 48, 0), "bound of an inverse", i, l);
        }
    }
}

static void check_transpose(void)
{
    uint64_t from[8][8], to[8][8];
    vec x[8], z[8];

    for (int i = 0; i < 8; i++) {
        for (int j = 0; j < 8; j++) {
            from[i][j] = random64();
        }
        x[i] = _mm512_loadu_si512(from[i]);
    }
    transpose8x8(z, x);
    for (int i = 0; i < 8; i++) {
        _mm512_storeu_si512(to[i], z[i]);
    }
    for (int i = 0; i < 8; i++) {
        for (int j = 0; j < 8; j++) {
            expect(to[i][j] == from[j][i], "transpose", i, j);
        }
    }
}

int GOSTKEY_IFMA_CHECK(const struct gostkey_curve *curve)
{
    static struct edges elements, below3, below5, factors;
    static struct field field;

    memset(&now, 0, sizeof now);
    memcpy(now.p, curve->p, 8 * LIMBS);
    field_prepare_var(&field, curve->p);
    now.f = &field;
    memset(&elements, 0, sizeof elements);
    put_elements(&elements);
    below3 = elements;
    put_factors(&below3, 48);
    below5 = elements;
    put_factors(&below5, 80); /* 5 * 5 < 32 */
    factors = elements;
    put_factors(&factors, 128);

    check_sums(&elements, &below3);
    check_products(&factors, &below5, &elements);
    check_next_x(&below3, &elements);
    check_weak_reduction();
    check_exact_carries();
    check_canonical(&elements, &factors);
    check_conversions(&elements);
    check_inverses(&below3);
    check_transpose();
    return now.failures;
}
