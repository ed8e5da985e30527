/* One multiple of the base point with AVX-512 IFMA, as quickly as it goes; a template
 * with ifma_field.h and ifma_comb.h.
 *
 * The eight lanes share one scalar: lane j takes its bits C j .. C (j + 1) - 1, with C =
 * 32 or 64, and adds up entries of a table of its own in ROUNDS rounds of windows of
 * five or six bits.  Then the lanes are added to each other in three steps, the
 * neighbours first.  The digits are the signed odd ones of multiples.h.
 *
 * Why no addition meets equal or opposite points or infinity, which its formula
 * cannot do.  Say a block is any run of bits m .. n - 1 of the odd scalar k < q, and
 *
 *     D = ((bits m .. n of k) | 1) - 2^(n - m),
 *     D = (k >> m) | 1                            if it is the highest block
 *
 * so D is odd and, but for the highest block, below 2^(n - m) in size.  For two blocks
 * side by side, l .. m - 1 and m .. n - 1, it is easily seen that the digit of
 * both as one block is D' + 2^(m - l) D; so a sum of windows that follow each other is
 * 2^l times the digit of one block, and all additions here add two such sums,
 *
 *     s = 2^l D',  t = 2^m D,  |s| < 2^m <= |t|,
 *
 * of which neither is 0 nor are they equal or opposite as integers.  If t is not
 * the highest block, |s| + |t| < 2^n < q, so neither are they mod q.  If it is, then
 * |s| + |t| <= 2^m + k + 2^m < 2 q, as 2^(m + 1) < q; so s + t or s - t is a
 * multiple of q only if it is +-q, which is odd, hence only if l = 0: in the very last
 * addition, where s + t = k is not 0 mod q, and s - t = k - 2 t = -q for one k at
 * most: a doubling.  The formula then gives ZZZ = 0; it is seen before the inversion,
 * and the scalar code makes the point.  That this scalar was met is not kept secret:
 * random ones never are.
 *
 * Points are (X, Y, ZZ, ZZZ), x = X / ZZ and y = Y / ZZZ with ZZ^3 = ZZZ^2; a mixed
 * addition takes ten products, at most three of them one after another on a branch.
 *
 * Entries are selected with masks from vectors that are all loaded: no address
 * depends on a digit.
 *
 * Source: [EFD] Explicit-Formulas Database, short Weierstrass, xyzz: madd-2008-s,
 * mmadd-2008-s, add-2008-s. */

/* Rounds; more of them means smaller windows.  The first WIDE have one bit more. */
#define ROUNDS (LIMBS == 4 ? 6 : 12)
#define CHUNK_BITS (8 * LIMBS)
#define NARROW_BITS (CHUNK_BITS / ROUNDS)
#define WIDE (CHUNK_BITS % ROUNDS)
#define NARROW_ENTRIES (1 << (NARROW_BITS - 1))

/* Of round r: bits, first bit, entries, and the entries of the rounds before it. */
#define ROUND_WIDER(r) ((r) < WIDE ? (r) : WIDE)
#define ROUND_BITS(r) ((unsigned)(NARROW_BITS + ((r) < WIDE)))
#define ROUND_SHIFT(r) ((unsigned)(NARROW_BITS * (r) + ROUND_WIDER(r)))
#define ROUND_ENTRIES(r) (NARROW_ENTRIES << ((r) < WIDE))
#define ROUND_PLACE(r) (NARROW_ENTRIES * ((r) + ROUND_WIDER(r)))

/* A point of each lane's table in words, in the field's form: x, then y. */
struct packed8 {
    vec words[2 * LIMBS];
};

/* Entry e of round r, at ROUND_PLACE(r) + e, has in lane j
 * (2 e + 1) 2^(CHUNK_BITS j + ROUND_SHIFT(r)) G. */
static struct packed8 singles[GOSTKEY_SLOTS][ROUND_PLACE(ROUNDS)];

struct affine8 {
    struct fe8 x, y;
};

struct xyzz8 {
    struct fe8 x, y, zz, zzz;
};

/* The scalar in eight chunks; next has the bit that follows a chunk, and is 1 in the
 * last lane, which makes its last digit (rest | 1). */
struct chunks {
    vec bits, next;
};

ALWAYS_INLINE void load_chunks(struct chunks *c, const uint64_t *odd)
{
#if GOSTKEY_LIMBS == 4
    c->bits = _mm512_cvtepu32_epi64(_mm256_loadu_si256((const __m256i *)(const void *)odd));
#else
    c->bits = _mm512_loadu_si512(odd);
#endif
    c->next = and_(_mm512_alignr_epi64(all(1), c->bits, 1), all(1));
}

/* The lanes' entries of a round. */
ALWAYS_INLINE void select_entries(struct affine8 *z, const struct packed8 *table, int round,
                                  const struct chunks *c, const struct field *f)
{
    const unsigned shift = ROUND_SHIFT(round), width = ROUND_BITS(round);
    const int entries = ROUND_ENTRIES(round);
    vec words[2 * LIMBS], bits, place;
    __mmask8 negative;

    table += ROUND_PLACE(round);
    /* A shift by 64 gives 0. */
    bits = _mm512_or_si512(
        _mm512_srl_epi64(c->bits, _mm_cvtsi32_si128((int)shift)),
        _mm512_sll_epi64(c->next, _mm_cvtsi32_si128((int)(CHUNK_BITS - shift))));
    negative = _mm512_testn_epi64_mask(bits, all((uint64_t)1 << width));
    bits = _mm512_mask_xor_epi64(bits, negative, bits, all(~(uint64_t)0));
    place = _mm512_srli_epi64(and_(bits, all(((uint64_t)1 << width) - 1)), 1);
    UNROLL
    for (int i = 0; i < 2 * LIMBS; i++) {
        words[i] = table[0].words[i];
    }
    for (int e = 1; e < entries; e++) {
        const __mmask8 here = _mm512_cmpeq_epi64_mask(place, all((uint64_t)e));

        UNROLL
        for (int i = 0; i < 2 * LIMBS; i++) {
            words[i] = _mm512_mask_mov_epi64(words[i], here, table[e].words[i]);
        }
    }
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->x.v[i] = limb_of_words(words, i);
        z->y.v[i] = limb_of_words(words + LIMBS, i);
    }
    negate_lanes(&z->y, negative, f);
}

/* Columns y + 2 x, below 2^54. */
ALWAYS_INLINE void one_and_twice(vec *v, const struct fe8 *y, const struct fe8 *x)
{
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        v[i] = add(y->v[i], add(x->v[i], x->v[i]));
    }
}

/* z := r^2 - y - 2 x; elements and a factor r of at most 4.  As 3 k p >= 3 E + 1/32, and
 * E + 3 k p < 8, this is in the range of what takes it. */
PRODUCT void square_minus(struct fe8 *z, const struct fe8 *r, const struct fe8 *y,
                          const struct fe8 *x, const struct field *f)
{
    vec t[2 * LIMBS52], taken[LIMBS52];

    check_factors(r, r);
    square_columns(t, r);
    one_and_twice(taken, y, x);
    reduce_difference(z, t, taken, f->above3, f);
}

/* sum := sum + entry; first: both are affine.  Differences are below E + k p, at most 4,
 * so that products of two of them are elements also for ANY: 16 / 2^SPARE + p. */
ALWAYS_INLINE void add_entry(struct xyzz8 *sum, const struct affine8 *entry, int first,
                             const struct field *f)
{
    struct fe8 p, r, pp, ppp, q, t;

    if (first) {
        fe8_difference(&p, &entry->x, &sum->x, f);
        fe8_difference(&r, &entry->y, &sum->y, f);
    } else {
        fe8_multiply_subtract(&p, &entry->x, &sum->zz, &sum->x, f);
        fe8_multiply_subtract(&r, &entry->y, &sum->zzz, &sum->y, f);
    }
    fe8_square(&pp, &p, f);
    fe8_multiply(&ppp, &p, &pp, f);
    fe8_multiply(&q, &sum->x, &pp, f);
    square_minus(&sum->x, &r, &ppp, &q, f);
    fe8_multiply(&t, &sum->y, &ppp, f);
    if (first) {
        sum->zz = pp;
        sum->zzz = ppp;
    } else {
        fe8_multiply_loosely(&sum->zz, &sum->zz, &pp, f);
        fe8_multiply_loosely(&sum->zzz, &sum->zzz, &ppp, f);
    }
    fe8_difference_loosely(&q, &q, &sum->x, f);
    fe8_multiply_subtract(&sum->y, &r, &q, &t, f);
}

/* z's lane i := x's lane from[i]. */
ALWAYS_INLINE void fe8_lanes(struct fe8 *z, const struct fe8 *x, vec from)
{
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = _mm512_permutexvar_epi64(from, x->v[i]);
    }
}

/* sum := sum + the sum `distance` lanes away, in both lanes.  The upper one of the two
 * is the one with that bit set in its number.  Where the formula has products that
 * do not need each other, the lower lane makes one and the upper another; with U, S
 * and so on of [EFD], 1 the lower and 2 the upper:
 *
 *     lower                upper
 *     U1, S1               U2, S2
 *     ZZ1 ZZ2              ZZZ1 ZZZ2
 *     PP = (U2 - U1)^2     RR = (S1 - S2)^2
 *     PPP = P PP           Q = U1 PP
 *     S1 PPP               R (Q - X3) = (-R) (X3 - Q)
 *     ZZ3 = ZZ1 ZZ2 PP     ZZZ3 = ZZZ1 ZZZ2 PPP */
ALWAYS_INLINE void fold(struct xyzz8 *sum, uint64_t distance, const struct field *f)
{
    const vec lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    const vec other = _mm512_xor_si512(lane, all(distance));
    const vec lower = and_(lane, all(~distance));
    const vec upper = _mm512_or_si512(lane, all(distance));
    const __mmask8 up = _mm512_test_epi64_mask(lane, all(distance));
    struct fe8 zz, zzz, u, s, z, p_or_r, g, a, b, pp, ppp, rr, q, k;
    vec taken[LIMBS52];

    fe8_lanes(&zz, &sum->zz, other);
    fe8_lanes(&zzz, &sum->zzz, other);
    fe8_multiply(&u, &sum->x, &zz, f);
    fe8_multiply(&s, &sum->y, &zzz, f);
    fe8_select(&a, up, &sum->zzz, &sum->zz);
    fe8_select(&b, up, &zzz, &zz);
    fe8_multiply_loosely(&z, &a, &b, f);

    fe8_lanes(&zz, &u, other); /* U1 in the upper lane */
    fe8_lanes(&zzz, &s, other);
    fe8_select(&a, up, &zzz, &zz);
    fe8_select(&b, up, &s, &u);
    fe8_difference_loosely(&p_or_r, &a, &b, f);
    fe8_square(&g, &p_or_r, f);

    fe8_lanes(&pp, &g, lower);
    fe8_lanes(&rr, &g, upper);
    fe8_select(&a, up, &zz, &p_or_r);
    fe8_multiply(&k, &a, &pp, f);

    fe8_lanes(&ppp, &k, lower);
    fe8_lanes(&q, &k, upper);
    fe8_select(&a, up, &ppp, &pp);
    fe8_multiply(&z, &z, &a, f);
    one_and_twice(taken, &ppp, &q);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        taken[i] = add(sub(rr.v[i], taken[i]), all(f->above3[i]));
    }
    weakly_reduce(&sum->x, taken, f);
    fe8_difference_loosely(&q, &sum->x, &q, f);
    fe8_select(&a, up, &p_or_r, &s);
    fe8_select(&b, up, &q, &ppp);
    fe8_multiply(&k, &a, &b, f);
    fe8_lanes(&sum->zz, &z, lower);
    fe8_lanes(&sum->zzz, &z, upper);
    fe8_lanes(&a, &k, upper);
    fe8_lanes(&b, &k, lower);
    fe8_subtract(&sum->y, &a, &b, f);
}

/* xy := the point, plain, the same in all lanes of sum, with y negated if the mask is all
 * ones; return 0 if it has ZZZ = 0. */
ALWAYS_INLINE uint64_t store_single(uint64_t *xy, const struct xyzz8 *sum, uint64_t negate,
                                    const struct field *f)
{
    const __mmask8 odd_lanes = 0xaa;
    uint64_t words[LIMBS], any = 0;
    vec inverse_words[LIMBS];
    struct fe8 inverse, z, t;

    fe8_canonical(&z, &sum->zzz, f);
    for (int i = 0; i < LIMBS; i++) {
        words[i] =
            (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(word_of_limbs(&z, i)));
        any |= words[i];
    }
    gostkey_invert(words, words, f->modulus, LIMBS);
    for (int i = 0; i < LIMBS; i++) {
        inverse_words[i] = all(words[i]);
    }
    fe8_from_words(&inverse, inverse_words, f);
    /* 1 / ZZ = (ZZ / ZZZ)^2; y in the odd lanes all along. */
    fe8_select(&t, odd_lanes, &sum->y, &sum->zz);
    fe8_multiply(&z, &t, &inverse, f);
    fe8_square(&t, &z, f);
    fe8_multiply(&t, &t, &sum->x, f);
    fe8_select(&z, odd_lanes, &z, &t);
    fe8_canonical(&z, &z, f);
    negate_lanes(&z, (__mmask8)(odd_lanes & negate), f);
    UNROLL
    for (int i = 0; i < LIMBS; i++) {
        const __m128i both = _mm512_castsi512_si128(word_of_limbs(&z, i));

        xy[i] = (uint64_t)_mm_cvtsi128_si64(both);
        xy[LIMBS + i] = (uint64_t)_mm_extract_epi64(both, 1);
    }
    gostkey_wipe(words, sizeof words);
    return any;
}

static void single_point(const struct gostkey_curve *curve, uint64_t *xy,
                         const uint64_t *k)
{
    const struct packed8 *table = singles[curve->slot];
    const struct field *f = &prepared_curves[curve->slot].field;
    struct affine8 entry;
    struct chunks chunks;
    struct xyzz8 sum;
    uint64_t odd[LIMBS], good;
    const uint64_t flipped = (uint64_t)0 - make_odd(odd, k, curve);

    load_chunks(&chunks, odd);
    select_entries(&entry, table, 0, &chunks, f);
    sum.x = entry.x;
    sum.y = entry.y;
    select_entries(&entry, table, 1, &chunks, f);
    add_entry(&sum, &entry, 1, f);
    for (int round = 2; round < ROUNDS; round++) {
        select_entries(&entry, table, round, &chunks, f);
        add_entry(&sum, &entry, 0, f);
    }
    for (uint64_t distance = 1; distance < 8; distance *= 2) {
        fold(&sum, distance, f);
    }
    good = store_single(xy, &sum, flipped, f);
    gostkey_wipe(odd, sizeof odd);
    gostkey_wipe(&chunks, sizeof chunks);
    gostkey_wipe(&entry, sizeof entry);
    gostkey_wipe(&sum, sizeof sum);
    gostkey_declassify(&good, sizeof good);
    if (good == 0) {
        GOSTKEY_SCALAR.base_points(curve, xy, k, 1);
    }
}

static void base_points_few(const struct gostkey_curve *curve, uint64_t *xy,
                            const uint64_t *k, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        single_point(curve, xy + 2 * LIMBS * i, k + LIMBS * i);
    }
}

/* --- Making the tables ------------------------------------------------------ */

/* z := x, which is below 5 p, and likewise y. */
static void pack_var(struct packed8 *z, const struct fe8 *x, const struct fe8 *y,
                     const struct field *f)
{
    struct fe8 r[2] = {*x, *y};

    for (int c = 0; c < 2; c++) {
        for (int times = 0; times < 4; times++) {
            fe8_reduce_once(&r[c], f);
        }
        for (int i = 0; i < LIMBS; i++) {
            z->words[LIMBS * c + i] = word_of_limbs(&r[c], i);
        }
    }
}

/* e := e + (x2, y2) for each of some rounds, with one inversion. */
static void next_entries_var(struct eight *e, const struct affine8 *twos, int rounds,
                             const struct field *f)
{
    struct fe8 inverse, here, dy;

    for (int r = 0; r < rounds; r++) {
        fe8_difference(&e[r].dx, &twos[r].x, &e[r].x, f);
        e[r].products = e[r].dx;
        if (r > 0) {
            fe8_multiply_loosely(&e[r].products, &e[r - 1].products, &e[r].dx, f);
        }
    }
    fe8_invert(&inverse, &e[rounds - 1].products, f);
    for (int r = rounds; r-- > 0;) {
        take_inverse(&here, &inverse, e, (size_t)r, f);
        fe8_difference_loosely(&dy, &twos[r].y, &e[r].y, f);
        add_points(&e[r], &here, &dy, f);
    }
}

/* All rounds step by step: an odd multiple of a power of two of the base point, plus twice
 * that power; never the same or opposite points, as the order is no small number.  After
 * base_prepare_var. */
static void singles_prepare_var(const struct gostkey_curve *curve)
{
    const struct field *f = &prepared_curves[curve->slot].field;
    struct packed8 *table = singles[curve->slot];
    uint64_t k[ROUNDS][2][8][LIMBS] = {{{{0}}}}, xy[ROUNDS][2][8][2 * LIMBS];
    struct eight e[ROUNDS];
    struct affine8 twos[ROUNDS];

    for (unsigned r = 0; r < ROUNDS; r++) {
        for (unsigned j = 0; j < 8; j++) {
            const unsigned bit = CHUNK_BITS * j + ROUND_SHIFT(r);

            k[r][0][j][bit / 64] = (uint64_t)1 << bit % 64;
            gostkey_scalar_reduce(curve, k[r][0][j], k[r][0][j]);
            gostkey_scalar_add(curve, k[r][1][j], k[r][0][j], k[r][0][j]);
        }
    }
    base_points(curve, xy[0][0][0], k[0][0][0], 16 * ROUNDS);
    for (int r = 0; r < ROUNDS; r++) {
        load_numbers(&e[r].x, xy[r][0][0], 2 * LIMBS, f);
        load_numbers(&e[r].y, xy[r][0][0] + LIMBS, 2 * LIMBS, f);
        load_numbers(&twos[r].x, xy[r][1][0], 2 * LIMBS, f);
        load_numbers(&twos[r].y, xy[r][1][0] + LIMBS, 2 * LIMBS, f);
    }
    for (int i = 0; i < ROUND_ENTRIES(0); i++) {
        const int rounds = i < NARROW_ENTRIES ? ROUNDS : WIDE;

        if (i > 0) {
            next_entries_var(e, twos, rounds, f);
        }
        for (int r = 0; r < rounds; r++) {
            pack_var(&table[ROUND_PLACE(r) + i], &e[r].x, &e[r].y, f);
        }
    }
}
