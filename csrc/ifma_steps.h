/* Many points that go through the same doublings and additions at once, all affine; a
 * template after ifma_field.h.  For public data: what is done depends on it.
 *
 * A doubling of (x, y) divides by 2 y, an addition of (x2, y2) by x2 - x:
 *
 *     lambda = (3 x^2 + a) / 2 y     or  (y2 - y) / (x2 - x)
 *     x3     = lambda^2 - 2 x        or  lambda^2 - x2 - x
 *     y3     = lambda (x - x3) - y
 *
 * and one step of all points shares one division [Montgomery's trick]: 5 products and 2
 * squares for a doubling, 5 and 1 for an addition, less than any other formulas, whatever
 * a is.
 *
 * These formulas hold for every pair of finite points as long as the divisor is not 0.
 * It is 0 for equal points, opposite ones, and in the doubling of a point of order 2.
 * Then the product of all divisors is 0, which costs nothing to see: those lanes get 1
 * for a divisor and are marked as suspects, and what becomes of them is for
 * the caller to find out by other means.  A lane that is not marked has met no
 * divisor that is 0, hence is right.
 *
 * A pass over the points ends one step and begins the next, and goes through them in the
 * other direction than the pass before: that one left with each vector the product of
 * the divisors that it had met before.  There are two chains of such products,
 * of even and of odd vectors, so that there is always something to do that does not
 * wait for the result of a product. */

enum { CHAINS = 2 };

static const uint64_t zero_limbs[LIMBS52];

/* What a vector of eight points works on. */
struct sums {
    struct fe8 x, y;
    struct fe8 dx, dy; /* of an addition */
    struct fe8 before; /* loose product of the chain's divisors up to this one */
};

/* Numbers of a curve in the field's form. */
struct coefficients {
    uint64_t a[LIMBS52], b[LIMBS52], half[LIMBS52];
    uint64_t order2_x[LIMBS52], order4_x[LIMBS52];
};

struct batch {
    struct sums *sums;
    size_t vectors;   /* a multiple of CHAINS */
    uint8_t *suspect; /* for each vector, a bit a lane */
    const struct field *f;
    const struct coefficients *c;
    struct fe8 product[CHAINS]; /* of all divisors of a chain */
    int backwards;              /* whether the last pass began at the end */
};

enum step { NOTHING, DOUBLE, ADD };

/* The first of the CHAINS vectors that come in the t-th place of a pass. */
ALWAYS_INLINE size_t vector_at(const struct batch *b, size_t t)
{
    return b->backwards ? b->vectors - CHAINS - t : t;
}

/* Where a step has a divisor that is 0: put 1 and mark the lane; then make the products
 * again. */
NEVER_INLINE void repair_var(struct batch *b, enum step step)
{
    const struct field *f = b->f;
    struct fe8 one, t;
    struct fe8 zero;

    fe8_broadcast(&one, f->one);
    fe8_broadcast(&zero, zero_limbs);
    for (size_t chain = 0; chain < CHAINS; chain++) {
        struct fe8 product = one;

        for (size_t i = 0; i < b->vectors; i += CHAINS) {
            const size_t v = vector_at(b, i) + chain;
            struct fe8 *divisor = step == DOUBLE ? &b->sums[v].y : &b->sums[v].dx;
            __mmask8 lanes;

            /* dx may be more than an element. */
            fe8_add(&t, divisor, &zero, f);
            lanes = fe8_zero_lanes(&t, f);
            fe8_select(divisor, lanes, &one, divisor);
            b->suspect[v] = (uint8_t)(b->suspect[v] | lanes);
            b->sums[v].before = product;
            fe8_multiply(&product, &product, divisor, f);
        }
        b->product[chain] = product;
    }
}

/* inverse[] := the inverses of both products; for a doubling, of which y takes the place
 * of the divisor 2 y, half of them. */
NEVER_INLINE void invert_products_var(struct batch *b, struct fe8 *inverse,
                                      enum step step)
{
    const struct field *f = b->f;
    struct fe8 t;

    fe8_multiply(&t, &b->product[0], &b->product[1], f);
    fe8_invert(&t, &t, f); /* 0 if it is 0 */
    if (fe8_zero_lanes(&t, f) != 0) {
        repair_var(b, step);
        fe8_multiply(&t, &b->product[0], &b->product[1], f);
        fe8_invert(&t, &t, f);
    }
    if (step == DOUBLE) {
        struct fe8 half;

        fe8_broadcast(&half, b->c->half);
        fe8_multiply(&t, &t, &half, f);
    }
    fe8_multiply(&inverse[0], &t, &b->product[1], f);
    fe8_multiply(&inverse[1], &t, &b->product[0], f);
}

/* z := 3 x2 + a, a loose factor below 5.5: x2, a square of an element, is below 1.5. */
ALWAYS_INLINE void three_and_a(struct fe8 *z, const struct fe8 *x2,
                               const struct coefficients *c)
{
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = add(add(x2->v[i], all(c->a[i])), add(x2->v[i], x2->v[i]));
    }
    carry_loosely(z->v);
}

/* z := lambda^2 - 2 x for a loose factor lambda < 3: with 2 k p for the element x taken
 * twice, above 1/16 and below 8. */
PRODUCT void doubled_x(struct fe8 *z, const struct fe8 *lambda, const struct fe8 *x,
                       const struct field *f)
{
    vec t[2 * LIMBS52], taken[LIMBS52];

    check_factors(lambda, lambda);
    square_columns(t, lambda);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        taken[i] = add(x->v[i], x->v[i]);
    }
    reduce_difference(z, t, taken, f->above2, f);
}

/* End the step of CHAINS vectors from e on, taking the inverses of their divisors out of
 * those of the products.
 *
 * The bounds for ANY, where products need them: a product is below x y / 16 + p.  Inverses
 * and products of divisors stay below 3, since a divisor is below 1 + k p <= 3: 3 * 3 / 16
 * + 1 < 3.  So here < 1.6; lambda < 5.5 * 1.6 / 16 + 1 < 1.6, as dy < 1 + p + 2 k p <= 6
 * gives no more than 1.6 * 6 / 16 + 1 too; and lambda times a difference, below 1 + p + k p
 * <= 4, is below 32. */
ALWAYS_INLINE void end_step(struct sums *e, struct fe8 *inverse, const enum step step,
                            const struct batch *b)
{
    const struct field *f = b->f;
    struct fe8 here[CHAINS], t[CHAINS];

    UNROLL
    for (int i = 0; i < CHAINS; i++) {
        fe8_multiply_loosely(&here[i], &inverse[i], &e[i].before, f);
    }
    UNROLL
    for (int i = 0; i < CHAINS; i++) {
        fe8_multiply_loosely(&inverse[i], &inverse[i],
                             step == DOUBLE ? &e[i].y : &e[i].dx, f);
    }
    if (step == DOUBLE) {
        UNROLL
        for (int i = 0; i < CHAINS; i++) {
            fe8_square(&t[i], &e[i].x, f);
            three_and_a(&t[i], &t[i], b->c);
        }
    }
    UNROLL
    for (int i = 0; i < CHAINS; i++) {
        /* here becomes lambda. */
        fe8_multiply_loosely(&here[i], step == DOUBLE ? &t[i] : &e[i].dy, &here[i], f);
    }
    UNROLL
    for (int i = 0; i < CHAINS; i++) {
        if (step == DOUBLE) {
            doubled_x(&t[i], &here[i], &e[i].x, f);
        } else {
            next_x(&t[i], &here[i], &e[i].dx, &e[i].x, f);
        }
    }
    UNROLL
    for (int i = 0; i < CHAINS; i++) {
        struct fe8 difference;

        fe8_difference_loosely(&difference, &e[i].x, &t[i], f);
        e[i].x = t[i];
        fe8_multiply_subtract(&e[i].y, &difference, &here[i], &e[i].y, f);
    }
}

/* Make the divisors of CHAINS vectors part of the products. */
ALWAYS_INLINE void multiply_divisors(struct sums *e, struct fe8 *product,
                                     const enum step step, const struct field *f)
{
    UNROLL
    for (int i = 0; i < CHAINS; i++) {
        e[i].before = product[i];
        fe8_multiply_loosely(&product[i], &product[i], step == DOUBLE ? &e[i].y : &e[i].dx, f);
    }
}

/* dx and dy for adding (x, y), or (x, -y) in the lanes of the mask: elements, or below
 * 2^N.  As numbers dx is x - e->x + k p, see next_x. */
ALWAYS_INLINE void begin_addition(struct sums *e, const struct fe8 *x,
                                  const struct fe8 *y, __mmask8 negative,
                                  const struct field *f)
{
    fe8_difference(&e->dx, x, &e->x, f);
    signed_difference(&e->dy, y, negative, &e->y, f);
}

/* One step of all points from its beginning, which for an addition is begin_addition, to
 * its end. */
ALWAYS_INLINE void whole_step(struct batch *b, const enum step step)
{
    struct fe8 inverse[CHAINS];

    for (int chain = 0; chain < CHAINS; chain++) {
        fe8_broadcast(&b->product[chain], b->f->one);
    }
    b->backwards = 0;
    for (size_t v = 0; v < b->vectors; v += CHAINS) {
        multiply_divisors(&b->sums[v], b->product, step, b->f);
    }
    invert_products_var(b, inverse, step);
    b->backwards = 1;
    for (size_t t = 0; t < b->vectors; t += CHAINS) {
        end_step(&b->sums[vector_at(b, t)], inverse, step, b);
    }
}

NEVER_INLINE void double_all_var(struct batch *b)
{
    whole_step(b, DOUBLE);
}

NEVER_INLINE void add_all_var(struct batch *b)
{
    whole_step(b, ADD);
}
