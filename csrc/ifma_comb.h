/* Many multiples of the base point at once with AVX-512 IFMA; a template with
 * ifma_field.h.  The file that includes both also defines
 *
 *     GOSTKEY_SLOTS    how many curves share this field
 *     GOSTKEY_SCALAR   struct gostkey_curve_ops with the scalar code for them
 *
 * The signed odd digits are those of comb.h, with W = 7 bits.  All points stay
 * affine: what costs there, a division for each addition, is done for all
 * points of a batch at once [Montgomery's trick].  An addition then takes six
 * products: one for the running product of all dx, two to take 1 / dx out of its
 * inverse, and for lambda = dy / dx, its square and y3.
 *
 * Why those additions never meet equal or opposite points or infinity is told
 * in comb.h; the one exception there, a doubling in the last
 * step for one scalar of all, has dx = 0 there: it is found, dx is replaced so
 * that the others come out right, and the point made by the scalar code.  That this
 * scalar was met is not kept secret: random ones never are.
 *
 * Entries of a table are picked with vpermt2q from registers that have been loaded
 * from all of it: no address depends on a digit. */

#define W 7
#define ENTRIES (1 << (W - 1))
#define WINDOWS ((N_BITS + W - 1) / W)

/* Vectors of eight keys that share their inversions, at most; what they work on
 * fits a second-level cache of 1 MiB. */
#define MOST_VECTORS (LIMBS == 4 ? 512 : 256)
/* Below that many keys the inversions cost more than making them one by one. */
#define LEAST_KEYS (LIMBS == 4 ? 22 : 26)

static struct {
    struct field field;
    /* [i][l][j] = limb l of x (l < LIMBS52) or y of (2 j + 1) 2^(W i) G, in the
     * field's form. */
    _Alignas(64) uint64_t base[WINDOWS][2 * LIMBS52][ENTRIES];
} prepared_curves[GOSTKEY_SLOTS];

/* What a vector of eight keys works on. */
struct eight {
    struct fe8 x, y;         /* the sums so far */
    struct fe8 dx, products; /* of one window; loose products of all dx up to here */
    vec k[LIMBS];            /* the odd scalars: word i of all eight */
    __mmask8 flipped;        /* those that are q - k */
};

/* odd := k or q - k, whichever is odd; return 1 if it is q - k. */
static unsigned make_odd(uint64_t *odd, const uint64_t *k,
                         const struct gostkey_curve *curve)
{
    const uint64_t even = ~gostkey_mask_bit64(k[0]);
    uint64_t borrow = 0;

    for (int i = 0; i < LIMBS; i++) {
        uint64_t difference = gostkey_subtract_borrow64(&borrow, curve->q[i], k[i]);

        odd[i] = gostkey_select64(even, difference, k[i]);
    }
    return (unsigned)(even & 1);
}

/* odd := eight scalars made odd, word i of all in vector i; of fewer than eight, the last
 * one fills the rest.  Return those that are q - k. */
static __mmask8 load_scalars(vec *odd_words, const uint64_t *k, size_t count,
                             const struct gostkey_curve *curve)
{
    uint64_t words[LIMBS][8], odd[LIMBS];
    unsigned flipped = 0;

    for (size_t j = 0; j < 8; j++) {
        const uint64_t *from = k + LIMBS * (j < count ? j : count - 1);

        flipped |= make_odd(odd, from, curve) << j;
        for (int i = 0; i < LIMBS; i++) {
            words[i][j] = odd[i];
        }
    }
    for (int i = 0; i < LIMBS; i++) {
        odd_words[i] = _mm512_loadu_si512(words[i]);
    }
    gostkey_wipe(words, sizeof words);
    gostkey_wipe(odd, sizeof odd);
    return (__mmask8)flipped;
}

/* Where digit i stands in a table of odd multiples, and whether it is negative. */
struct digit {
    vec place;
    __mmask8 negative, bit4, bit5;
};

/* Return the place; width is how many bits a window has. */
ALWAYS_INLINE vec place_at(__mmask8 *negative, const vec *k, size_t i, size_t windows,
                           const unsigned width)
{
    const size_t word = width * i / 64, shift = width * i % 64;
    vec bits = _mm512_srl_epi64(k[word], _mm_cvtsi64_si128((long long)shift));

    if (shift + width + 1 > 64 && word + 1 < LIMBS) {
        bits = _mm512_or_si512(
            bits,
            _mm512_sll_epi64(k[word + 1], _mm_cvtsi64_si128((long long)(64 - shift))));
    }
    *negative = 0;
    if (i != windows - 1) {
        *negative = _mm512_testn_epi64_mask(bits, all((uint64_t)1 << width));
        bits = _mm512_mask_xor_epi64(bits, *negative, bits, all(~(uint64_t)0));
    }
    return _mm512_srli_epi64(and_(bits, all(((uint64_t)1 << width) - 1)), 1);
}

ALWAYS_INLINE struct digit digit_at(const vec *k, size_t i, size_t windows)
{
    struct digit d;

    d.place = place_at(&d.negative, k, i, windows, W);
    d.bit4 = _mm512_test_epi64_mask(d.place, all(16));
    d.bit5 = _mm512_test_epi64_mask(d.place, all(32));
    return d;
}

/* The limb of each lane's entry; all 64 are loaded. */
ALWAYS_INLINE vec pick(const uint64_t *limbs, const struct digit *d)
{
    const vec *from = (const vec *)(const void *)limbs;
    const vec a = _mm512_permutex2var_epi64(from[0], d->place, from[1]);
    const vec b = _mm512_permutex2var_epi64(from[2], d->place, from[3]);
    const vec c = _mm512_permutex2var_epi64(from[4], d->place, from[5]);
    const vec e = _mm512_permutex2var_epi64(from[6], d->place, from[7]);

    return _mm512_mask_mov_epi64(_mm512_mask_mov_epi64(a, d->bit4, b), d->bit5,
                                 _mm512_mask_mov_epi64(c, d->bit4, e));
}

ALWAYS_INLINE void pick_all(struct fe8 *z, uint64_t limbs[][ENTRIES],
                            const struct digit *d)
{
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = pick(limbs[i], d);
    }
}

/* z := p - z in the lanes of the mask; 0 < z < p with limbs below 2^52. */
ALWAYS_INLINE void negate_lanes(struct fe8 *z, __mmask8 lanes, const struct field *f)
{
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = _mm512_mask_sub_epi64(z->v[i], lanes, all(f->p[i]), z->v[i]);
    }
    carry_signed(z->v);
}

/* z := +-y - w as a loose factor below 1 + 2 k p, y below p, minus in the lanes of the mask. */
ALWAYS_INLINE void signed_difference(struct fe8 *z, const struct fe8 *y,
                                     __mmask8 negative, const struct fe8 *w,
                                     const struct field *f)
{
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        const vec one = _mm512_mask_sub_epi64(y->v[i], negative, all(0), y->v[i]);

        z->v[i] = add(sub(one, w->v[i]), all(f->above2[i]));
    }
    carry_loosely(z->v);
}

/* z := lambda^2 - dx - 2 x = lambda^2 - x2 - x, for a loose factor lambda < 3.  As numbers
 * dx is x2 - x + k p, so the sum with 3 k p is lambda^2 - x2 - x + 2 k p, below 8; in the
 * last window dx is an element, and the sum below lambda^2 + 3 k p, below 8 too. */
PRODUCT void next_x(struct fe8 *z, const struct fe8 *lambda, const struct fe8 *dx,
                    const struct fe8 *x, const struct field *f)
{
    vec t[2 * LIMBS52], taken[LIMBS52];

    check_factors(lambda, lambda);
    square_columns(t, lambda);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        taken[i] = add(dx->v[i], add(x->v[i], x->v[i]));
    }
    reduce_difference(z, t, taken, f->above3, f);
}

/* The first window: the sums are entries. */
static void start(struct eight *e, size_t vectors, size_t windows,
                  uint64_t limbs[][ENTRIES], const struct field *f)
{
    for (size_t v = 0; v < vectors; v++) {
        const struct digit d = digit_at(e[v].k, 0, windows);

        pick_all(&e[v].x, limbs, &d);
        pick_all(&e[v].y, limbs + LIMBS52, &d);
        negate_lanes(&e[v].y, d.negative, f);
    }
}

/* dx and running products of window i.  In the last window dx may be 0: then it is
 * replaced by 1, and the lane's bit set in doubled[v]. */
static void differences(struct eight *e, size_t vectors, size_t i, size_t windows,
                        uint64_t limbs[][ENTRIES], uint8_t *doubled,
                        const struct field *f)
{
    struct fe8 product, x;

    for (size_t v = 0; v < vectors; v++) {
        const struct digit d = digit_at(e[v].k, i, windows);

        pick_all(&x, limbs, &d);
        if (i == windows - 1) {
            struct fe8 one;
            __mmask8 zero;

            fe8_subtract(&x, &x, &e[v].x, f);
            zero = fe8_zero_lanes(&x, f);
            fe8_broadcast(&one, f->one);
            fe8_select(&x, zero, &one, &x);
            doubled[v] = zero;
        } else {
            fe8_difference(&x, &x, &e[v].x, f);
        }
        e[v].dx = x;
        if (v == 0) {
            product = x;
        } else {
            fe8_multiply_loosely(&product, &product, &x, f);
        }
        e[v].products = product;
    }
}

/* The sums of e := themselves plus the points whose dx is in e and whose dy is given;
 * here is 1 / dx. */
ALWAYS_INLINE void add_points(struct eight *e, const struct fe8 *here,
                              const struct fe8 *dy, const struct field *f)
{
    struct fe8 lambda, t, y;

    fe8_multiply_loosely(&lambda, dy, here, f);
    next_x(&t, &lambda, &e->dx, &e->x, f);
    fe8_difference_loosely(&y, &e->x, &t, f);
    e->x = t;
    fe8_multiply_subtract(&e->y, &y, &lambda, &e->y, f);
}

/* here := 1 / dx of vector v, given the inverse of the product of all dx up to v, which
 * becomes that up to v - 1. */
ALWAYS_INLINE void take_inverse(struct fe8 *here, struct fe8 *inverse,
                                const struct eight *e, size_t v, const struct field *f)
{
    if (v > 0) {
        fe8_multiply_loosely(here, inverse, &e[v - 1].products, f);
        fe8_multiply_loosely(inverse, inverse, &e[v].dx, f);
    } else {
        *here = *inverse;
    }
}

/* Add the entries of window i, from the last vector to the first. */
static void additions(struct eight *e, size_t vectors, size_t i, size_t windows,
                      uint64_t limbs[][ENTRIES], const struct field *f)
{
    struct fe8 inverse, here, dy;

    fe8_invert(&inverse, &e[vectors - 1].products, f);
    for (size_t v = vectors; v-- > 0;) {
        const struct digit d = digit_at(e[v].k, i, windows);

        take_inverse(&here, &inverse, e, v, f);
        pick_all(&dy, limbs, &d);
        signed_difference(&dy, &dy, d.negative, &e[v].y, f);
        add_points(&e[v], &here, &dy, f);
    }
}

/* xy := the points, plain, of up to eight keys. */
static void store_points(uint64_t *xy, struct eight *e, size_t count,
                         const struct field *f)
{
    vec words[8], rows[8];

    fe8_canonical(&e->x, &e->x, f);
    fe8_canonical(&e->y, &e->y, f);
    negate_lanes(&e->y, e->flipped, f);
#if GOSTKEY_LIMBS == 4
    UNROLL
    for (int i = 0; i < 4; i++) {
        words[i] = word_of_limbs(&e->x, i);
        words[4 + i] = word_of_limbs(&e->y, i);
    }
    transpose8x8(rows, words);
    for (size_t j = 0; j < count; j++) {
        _mm512_storeu_si512(xy + 8 * j, rows[j]);
    }
#else
    UNROLL
    for (int i = 0; i < 8; i++) {
        words[i] = word_of_limbs(&e->x, i);
    }
    transpose8x8(rows, words);
    for (size_t j = 0; j < count; j++) {
        _mm512_storeu_si512(xy + 16 * j, rows[j]);
    }
    UNROLL
    for (int i = 0; i < 8; i++) {
        words[i] = word_of_limbs(&e->y, i);
    }
    transpose8x8(rows, words);
    for (size_t j = 0; j < count; j++) {
        _mm512_storeu_si512(xy + 16 * j + 8, rows[j]);
    }
#endif
}

/* base_points for up to 8 * MOST_VECTORS keys. */
static void base_points_together(const struct gostkey_curve *curve, struct eight *e,
                                 uint64_t *xy, const uint64_t *k, size_t n)
{
    const size_t windows = (curve->q_bits + W - 1) / W, vectors = (n + 7) / 8;
    uint64_t(*base)[2 * LIMBS52][ENTRIES] = prepared_curves[curve->slot].base;
    const struct field *f = &prepared_curves[curve->slot].field;
    uint8_t doubled[MOST_VECTORS];

    for (size_t v = 0; v < vectors; v++) {
        e[v].flipped = load_scalars(e[v].k, k + 8 * LIMBS * v,
                                    n - 8 * v < 8 ? n - 8 * v : 8, curve);
    }
    start(e, vectors, windows, base[0], f);
    for (size_t i = 1; i < windows; i++) {
        differences(e, vectors, i, windows, base[i], doubled, f);
        additions(e, vectors, i, windows, base[i] + LIMBS52, f);
    }
    for (size_t v = 0; v < vectors; v++) {
        const size_t count = n - 8 * v < 8 ? n - 8 * v : 8;

        store_points(xy + 2 * LIMBS * 8 * v, &e[v], count, f);
        gostkey_declassify(&doubled[v], 1);
        if (doubled[v] != 0) {
            for (size_t j = 0; j < count; j++) {
                if (doubled[v] >> j & 1) {
                    GOSTKEY_SCALAR.base_points(curve, xy + 2 * LIMBS * (8 * v + j),
                                               k + LIMBS * (8 * v + j), 1);
                }
            }
        }
    }
}

static void base_points(const struct gostkey_curve *curve, uint64_t *xy,
                        const uint64_t *k, size_t n)
{
    const size_t vectors = (n + 7) / 8;
    const size_t parts = (vectors + MOST_VECTORS - 1) / MOST_VECTORS;
    const size_t each = parts != 0 ? (vectors + parts - 1) / parts : 0;
    uint8_t *memory;
    struct eight *e;

    memory = n < LEAST_KEYS ? NULL : malloc(each * sizeof *e + 63);
    if (memory == NULL) {
        GOSTKEY_SCALAR.base_points(curve, xy, k, n);
        return;
    }
    e = (struct eight *)(void *)(memory + (64 - (uintptr_t)memory % 64) % 64);
    for (size_t done = 0; done < n;) {
        const size_t count = n - done < 8 * each ? n - done : 8 * each;

        base_points_together(curve, e, xy + 2 * LIMBS * done, k + LIMBS * done, count);
        done += count;
    }
    gostkey_wipe(e, each * sizeof *e);
    free(memory);
}

/* --- Making a table --------------------------------------------------------- */

enum { TABLE_VECTORS = (WINDOWS + 7) / 8 };

/* z := eight numbers below p, `stride` words apart, in the field's form. */
static void load_numbers(struct fe8 *z, const uint64_t *numbers, size_t stride,
                         const struct field *f)
{
    vec words[LIMBS];

    for (size_t l = 0; l < LIMBS; l++) {
        uint64_t lanes[8];

        for (size_t m = 0; m < 8; m++) {
            lanes[m] = numbers[stride * m + l];
        }
        words[l] = _mm512_loadu_si512(lanes);
    }
    fe8_from_words(z, words, f);
}

/* Entry j of the eight windows from first on := x, which is below 5 p. */
static void store_entries(uint64_t (*table)[2 * LIMBS52][ENTRIES], size_t first,
                          size_t at, size_t j, const struct fe8 *x,
                          const struct field *f)
{
    struct fe8 r = *x;

    for (int times = 0; times < 4; times++) {
        fe8_reduce_once(&r, f);
    }
    for (size_t l = 0; l < LIMBS52; l++) {
        uint64_t lanes[8];

        _mm512_storeu_si512(lanes, r.v[l]);
        for (size_t m = 0; m < 8 && first + m < WINDOWS; m++) {
            table[first + m][at + l][j] = lanes[m];
        }
    }
}

/* table := odd multiples of the points B[i] = 2^(W i) P, from them and from 2 B[i], plain
 * points one after the other, 8 * TABLE_VECTORS of each.  A lane is a window; 2 B is
 * added 63 times, and since the order is no small number, never to itself or its
 * opposite. */
static void make_table_var(uint64_t (*table)[2 * LIMBS52][ENTRIES],
                           const uint64_t *ones, const uint64_t *twos,
                           const struct field *f)
{
    struct eight e[TABLE_VECTORS];
    struct fe8 x2[TABLE_VECTORS], y2[TABLE_VECTORS], inverse, here, dy;

    for (size_t v = 0; v < TABLE_VECTORS; v++) {
        const size_t first = 8 * v * 2 * LIMBS;

        load_numbers(&e[v].x, ones + first, 2 * LIMBS, f);
        load_numbers(&e[v].y, ones + first + LIMBS, 2 * LIMBS, f);
        load_numbers(&x2[v], twos + first, 2 * LIMBS, f);
        load_numbers(&y2[v], twos + first + LIMBS, 2 * LIMBS, f);
    }
    for (size_t j = 0; j < ENTRIES; j++) {
        for (size_t v = 0; v < TABLE_VECTORS; v++) {
            store_entries(table, 8 * v, 0, j, &e[v].x, f);
            store_entries(table, 8 * v, LIMBS52, j, &e[v].y, f);
            fe8_difference(&e[v].dx, &x2[v], &e[v].x, f);
            e[v].products = e[v].dx;
            if (v > 0) {
                fe8_multiply_loosely(&e[v].products, &e[v - 1].products, &e[v].dx, f);
            }
        }
        if (j == ENTRIES - 1) {
            break;
        }
        fe8_invert(&inverse, &e[TABLE_VECTORS - 1].products, f);
        for (size_t v = TABLE_VECTORS; v-- > 0;) {
            take_inverse(&here, &inverse, e, v, f);
            fe8_difference_loosely(&dy, &y2[v], &e[v].y, f);
            add_points(&e[v], &here, &dy, f);
        }
    }
}

static void base_prepare_var(const struct gostkey_curve *curve)
{
    enum { COUNT = 8 * TABLE_VECTORS };
    struct field *f = &prepared_curves[curve->slot].field;
    uint64_t k[2][COUNT][LIMBS] = {{{0}}}, xy[2][COUNT][2 * LIMBS];
    uint64_t power[LIMBS] = {1};

    GOSTKEY_SCALAR.prepare_var(curve);
    field_prepare_var(f, curve->p);
    for (size_t i = 0; i < COUNT; i++) {
        memcpy(k[0][i], power, sizeof power);
        for (int j = 0; j < W; j++) {
            gostkey_scalar_add(curve, power, power, power);
            if (j == 0) {
                memcpy(k[1][i], power, sizeof power);
            }
        }
    }
    GOSTKEY_SCALAR.base_points(curve, xy[0][0], k[0][0], 2 * COUNT);
    make_table_var(prepared_curves[curve->slot].base, xy[0][0], xy[1][0], f);
}
