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
#if !defined(ROUNDS)
#define ROUNDS (LIMBS == 4 ? 6 : 11)
#endif
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

/* z := w - y - 2 x; elements.  As 3 k p >= 3 E and E + 3 k p < 8, it is in
 * weakly_reduce's range. */
ALWAYS_INLINE void subtract_and_twice(struct fe8 *z, const struct fe8 *w,
                                      const struct fe8 *y, const struct fe8 *x,
                                      const struct field *f)
{
    vec v[LIMBS52];

    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        const vec taken = add(y->v[i], add(x->v[i], x->v[i]));

        v[i] = add(sub(w->v[i], taken), all(f->above3[i]));
    }
    weakly_reduce(z, v, f);
}

/* sum := sum + entry; first: both are affine.  Differences are below E + k p, at most 4,
 * so that products of two of them are elements also for ANY: 16 / 2^SPARE + p. */
ALWAYS_INLINE void add_entry(struct xyzz8 *sum, const struct affine8 *entry, int first,
                             const struct field *f)
{
    struct fe8 p, r, pp, rr, ppp, q, t;

    if (first) {
        fe8_difference(&p, &entry->x, &sum->x, f);
        fe8_difference(&r, &entry->y, &sum->y, f);
    } else {
        fe8_multiply(&p, &entry->x, &sum->zz, f);
        fe8_multiply(&r, &entry->y, &sum->zzz, f);
        fe8_difference(&p, &p, &sum->x, f);
        fe8_difference(&r, &r, &sum->y, f);
    }
    fe8_square(&pp, &p, f);
    fe8_square(&rr, &r, f);
    fe8_multiply(&ppp, &p, &pp, f);
    fe8_multiply(&q, &sum->x, &pp, f);
    if (first) {
        sum->zz = pp;
        sum->zzz = ppp;
    } else {
        fe8_multiply(&sum->zz, &sum->zz, &pp, f);
    }
    subtract_and_twice(&sum->x, &rr, &ppp, &q, f);
    fe8_multiply(&t, &sum->y, &ppp, f);
    if (!first) {
        fe8_multiply(&sum->zzz, &sum->zzz, &ppp, f);
    }
    fe8_difference(&q, &q, &sum->x, f);
    fe8_multiply(&sum->y, &r, &q, f);
    fe8_subtract(&sum->y, &sum->y, &t, f);
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

    fe8_lanes(&zz, &sum->zz, other);
    fe8_lanes(&zzz, &sum->zzz, other);
    fe8_multiply(&u, &sum->x, &zz, f);
    fe8_multiply(&s, &sum->y, &zzz, f);
    fe8_select(&a, up, &sum->zzz, &sum->zz);
    fe8_select(&b, up, &zzz, &zz);
    fe8_multiply(&z, &a, &b, f);

    fe8_lanes(&zz, &u, other); /* U1 in the upper lane */
    fe8_lanes(&zzz, &s, other);
    fe8_select(&a, up, &zzz, &zz);
    fe8_select(&b, up, &s, &u);
    fe8_difference(&p_or_r, &a, &b, f);
    fe8_square(&g, &p_or_r, f);

    fe8_lanes(&pp, &g, lower);
    fe8_lanes(&rr, &g, upper);
    fe8_select(&a, up, &zz, &p_or_r);
    fe8_multiply(&k, &a, &pp, f);

    fe8_lanes(&ppp, &k, lower);
    fe8_lanes(&q, &k, upper);
    fe8_select(&a, up, &ppp, &pp);
    fe8_multiply(&z, &z, &a, f);
    subtract_and_twice(&sum->x, &rr, &ppp, &q, f);
    fe8_difference(&q, &sum->x, &q, f);
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
    gostkey_invert(words, words, f->curve->p, LIMBS);
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

/* --- Preparing ------------------------------------------------------------- */

/* How far a round's table is: twice the point it starts with, the entry that was
 * made last, and what the next one needs. */
struct progress {
    struct affine8 two, last;
    struct fe8 dx, products;
};

/* z := every other one of 16 points, plain, in the lanes. */
static void load_lanes_var(struct affine8 *z, const uint64_t *xy,
                           const struct field *f)
{
    struct fe8 *coordinates[2] = {&z->x, &z->y};

    for (int c = 0; c < 2; c++) {
        vec words[LIMBS];

        for (int i = 0; i < LIMBS; i++) {
            uint64_t lanes[8];

            for (int j = 0; j < 8; j++) {
                lanes[j] = xy[2 * LIMBS * (2 * j) + LIMBS * c + i];
            }
            words[i] = _mm512_loadu_si512(lanes);
        }
        fe8_from_words(coordinates[c], words, f);
    }
}

/* The same numbers below p: elements are below 1 + p, at most 5 p. */
static void pack_var(struct packed8 *z, const struct affine8 *x, const struct field *f)
{
    const struct fe8 *coordinates[2] = {&x->x, &x->y};

    for (int c = 0; c < 2; c++) {
        struct fe8 r = *coordinates[c];

        for (int i = 0; i < 5; i++) {
            fe8_reduce_once(&r, f);
        }
        for (int i = 0; i < LIMBS; i++) {
            z->words[LIMBS * c + i] = word_of_limbs(&r, i);
        }
    }
}

/* last := last + two in each of the rounds, with one inversion.  They never are equal
 * or opposite: an odd multiple of a point and twice the point. */
static void next_entries_var(struct progress *rounds, int count, const struct field *f)
{
    struct fe8 inverse, here, t, x;

    for (int r = 0; r < count; r++) {
        struct progress *at = &rounds[r];

        fe8_difference(&at->dx, &at->two.x, &at->last.x, f);
        at->products = at->dx;
        if (r > 0) {
            fe8_multiply(&at->products, &at->dx, &rounds[r - 1].products, f);
        }
    }
    /* A product, not the difference alone. */
    fe8_broadcast(&t, f->one);
    fe8_multiply(&t, &t, &rounds[count - 1].products, f);
    fe8_invert(&inverse, &t, f);
    for (int r = count; r-- > 0;) {
        struct progress *at = &rounds[r];

        here = inverse;
        if (r > 0) {
            fe8_multiply(&here, &inverse, &rounds[r - 1].products, f);
            fe8_multiply(&inverse, &inverse, &at->dx, f);
        }
        fe8_difference(&t, &at->two.y, &at->last.y, f);
        fe8_multiply(&here, &here, &t, f); /* lambda */
        fe8_square(&x, &here, f);
        fe8_subtract2(&x, &x, &at->two.x, &at->last.x, f);
        fe8_difference(&t, &at->last.x, &x, f);
        fe8_multiply(&t, &t, &here, f);
        fe8_subtract(&at->last.y, &t, &at->last.y, f);
        at->last.x = x;
    }
}

/* After base_prepare_var, whose code makes the points that all starts with. */
static void singles_prepare_var(const struct gostkey_curve *curve)
{
    const struct field *f = &prepared_curves[curve->slot].field;
    struct packed8 *table = singles[curve->slot];
    uint64_t k[16 * ROUNDS][LIMBS], xy[16 * ROUNDS][2 * LIMBS];
    struct progress rounds[ROUNDS];

    /* In lane j 2^n G at 2 j and 2^(n + 1) G at 2 j + 1. */
    memset(k, 0, sizeof k);
    for (unsigned i = 0; i < 16 * ROUNDS; i++) {
        const unsigned bit = CHUNK_BITS * (i % 16 / 2) + ROUND_SHIFT(i / 16) + i % 2;

        k[i][bit / 64] = (uint64_t)1 << bit % 64;
        gostkey_scalar_reduce(curve, k[i], k[i]);
    }
    base_points(curve, xy[0], k[0], 16 * ROUNDS);
    for (int r = 0; r < ROUNDS; r++) {
        load_lanes_var(&rounds[r].last, xy[16 * r], f);
        load_lanes_var(&rounds[r].two, xy[16 * r + 1], f);
    }
    for (int e = 0; e < ROUND_ENTRIES(0); e++) {
        const int count = e < NARROW_ENTRIES ? ROUNDS : WIDE;

        if (e > 0) {
            next_entries_var(rounds, count, f);
        }
        for (int r = 0; r < count; r++) {
            pack_var(&table[ROUND_PLACE(r) + e], &rounds[r].last, f);
        }
    }
}
