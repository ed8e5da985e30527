/* Arithmetic mod p on eight elements at once with AVX-512 IFMA; a template.
 *
 * The file that includes it, inside a target region, defines GOSTKEY_LIMBS (4 or 8
 * words of 64 bits, as in field.h) and one of
 *
 *     GOSTKEY_P_MINUS      p = 2^N - c        N = 256 or 512, c < 2^10
 *     GOSTKEY_P_PLUS       p = 2^(N - 1) + c  c < 2^12
 *     GOSTKEY_P_ANY        any odd p > 2^(N - 2), Montgomery with R = 2^(52 LIMBS52)
 *
 * A vector holds one limb of 52 bits of eight elements, one in each 64-bit lane; an
 * element has 5 or 10 limbs, 260 or 520 bits: 4 or 8 bits more than N.  The
 * instruction vpmadd52 multiplies the low 52 bits of its factors and silently
 * drops what is above, so all limbs of a factor must be below 2^52.  Sums in between,
 * "columns", may be larger, up to 63 bits, and negative where it is said.
 *
 * Bounds.  In units of 2^N, with p = 1 (MINUS), 1/2 (PLUS), or between 1/4 and 1:
 *
 *     an element      limbs below 2^52, value < E = 1 + p, plus 2^-30; MINUS: 1 + 2^-30
 *     a factor        limbs below 2^52, value < 8
 *
 * Every function takes elements and makes elements unless it says "factor"; an
 * element is a factor.  All that depends on values is arithmetic and the order of
 * lanes in a register: constant time.
 *
 * With GOSTKEY_CHECK_BOUNDS each of these is asserted at run time.
 *
 * Source: S. Gueron, V. Krasnov, Software implementation of modular exponentiation,
 * using advanced vector instructions architectures (the use of 52-bit limbs). */

#include <string.h>

#include "inverse.h"
#include "wipe.h"

#define N_BITS (64 * GOSTKEY_LIMBS)
#define LIMBS GOSTKEY_LIMBS
#define LIMBS52 (LIMBS == 4 ? 5 : 10)
#define TOP (LIMBS52 - 1)
/* Bits of the top limb below 2^N, and how many are left above. */
#define TOP_BITS (N_BITS - 52 * TOP)
#define SPARE (52 - TOP_BITS)

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define UNROLL _Pragma("GCC unroll 16")
#else
#define UNROLL
#endif

#if defined(__GNUC__) || defined(__clang__)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
/* Not every file that includes this needs all of it. */
#define NEVER_INLINE static __attribute__((noinline, unused))
#else
#define ALWAYS_INLINE static __forceinline
#define NEVER_INLINE static __declspec(noinline)
#endif

/* Products of ten limbs are large: one copy of each. */
#if GOSTKEY_LIMBS == 4
#define PRODUCT ALWAYS_INLINE
#else
#define PRODUCT NEVER_INLINE
#endif

typedef __m512i vec;

struct fe8 {
    vec v[LIMBS52];
};

/* What the code needs to know of p, made by field_prepare; limbs of numbers that are
 * the same in all lanes are kept once. */
struct field {
    uint64_t p[LIMBS52];
    uint64_t c;           /* MINUS, PLUS */
    uint64_t negative_inverse; /* ANY: -1/p mod 2^52 */
    uint64_t one[LIMBS52];     /* 1 in the field's form */
    uint64_t r2[LIMBS52];      /* ANY: R^2 mod p */
    /* k p, 2 k p and 3 k p, with k p at least E + 1/32; k p <= 2.  All columns but the
     * top one have 2^54 more, which they borrow from the next, so that no
     * column of a difference of elements plus these is negative. */
    uint64_t above[LIMBS52], above2[LIMBS52], above3[LIMBS52];
    /* fold[i][o] = limb i of o 2^N mod p for o = 0..7; limbs signed for PLUS. */
    uint64_t fold[LIMBS52][8];
    uint64_t modulus[LIMBS]; /* p in words */
};

#define MASK52 (((uint64_t)1 << 52) - 1)

ALWAYS_INLINE vec all(uint64_t x)
{
    return _mm512_set1_epi64((long long)x);
}

ALWAYS_INLINE vec add(vec x, vec y)
{
    return _mm512_add_epi64(x, y);
}

ALWAYS_INLINE vec sub(vec x, vec y)
{
    return _mm512_sub_epi64(x, y);
}

ALWAYS_INLINE vec and_(vec x, vec y)
{
    return _mm512_and_si512(x, y);
}

/* sum + low or high half of the 104-bit product of the low 52 bits of x and y. */
ALWAYS_INLINE vec madd_low(vec sum, vec x, vec y)
{
    return _mm512_madd52lo_epu64(sum, x, y);
}

ALWAYS_INLINE vec madd_high(vec sum, vec x, vec y)
{
    return _mm512_madd52hi_epu64(sum, x, y);
}

#if defined(GOSTKEY_CHECK_BOUNDS)
#include <stdio.h>
#include <stdlib.h>

/* Stop unless all limbs are below 2^52 and the value is below bound / 16 * 2^N. */
NEVER_INLINE void check_bound(const struct fe8 *x, uint64_t bound, const char *what)
{
    uint64_t lanes[8];

    for (int i = 0; i < LIMBS52; i++) {
        memcpy(lanes, &x->v[i], sizeof lanes);
        for (int j = 0; j < 8; j++) {
            uint64_t limit = i < TOP ? MASK52 + 1 : bound << (TOP_BITS - 4);

            if (lanes[j] >= limit || lanes[j] > MASK52) {
                fprintf(stderr, "%s: limb %d of lane %d is %llx, not below %llx\n", what,
                        i, j, (unsigned long long)lanes[j], (unsigned long long)limit);
                abort();
            }
        }
    }
}

#define CHECK(x, sixteenths, what) check_bound((x), (sixteenths), (what))
#else
#define CHECK(x, sixteenths, what) ((void)0)
#endif

/* The bound E in sixteenths, for CHECK, a little generous. */
#if defined(GOSTKEY_P_MINUS)
#define ELEMENT_16 17
#elif defined(GOSTKEY_P_PLUS)
#define ELEMENT_16 25
#else
#define ELEMENT_16 33
#endif
#define FACTOR_16 128

/* Hand the carry of each column to the next; all limbs come out below 2^52 if the
 * value is not negative and fits.  Columns may be negative. */
ALWAYS_INLINE void carry_signed(vec *v)
{
    UNROLL
    for (int i = 0; i < TOP; i++) {
        v[i + 1] = add(v[i + 1], _mm512_srai_epi64(v[i], 52));
        v[i] = and_(v[i], all(MASK52));
    }
}

/* The same for columns that are not negative. */
ALWAYS_INLINE void carry(vec *v)
{
    UNROLL
    for (int i = 0; i < TOP; i++) {
        v[i + 1] = add(v[i + 1], _mm512_srli_epi64(v[i], 52));
        v[i] = and_(v[i], all(MASK52));
    }
}

/* The same, where the bits above the lowest 52 need not be cleared. */
ALWAYS_INLINE void carry_loosely(vec *v)
{
    UNROLL
    for (int i = 0; i < TOP; i++) {
        v[i + 1] = add(v[i + 1], _mm512_srli_epi64(v[i], 52));
    }
}

/* An element from columns v that are not negative, each below 2^57, of a number below
 * 8 * 2^N: with o = what the top column has at 2^N and above, 0..7,
 *
 *     o 2^N + rest = rest + fold[o] mod p
 *
 * rest is below 2^N plus what is carried into the top limb, 2^5 2^(52 TOP) at
 * most, and fold[o] < p.  For PLUS fold[o], o > 0, is 2^(N - 1) + c - 2 c o, whose
 * lowest limb is negative; the sum with rest is not. */
ALWAYS_INLINE void weakly_reduce(struct fe8 *z, vec *v, const struct field *f)
{
    const vec o = _mm512_srli_epi64(v[TOP], TOP_BITS);

    v[TOP] = and_(v[TOP], all(((uint64_t)1 << TOP_BITS) - 1));
#if defined(GOSTKEY_P_MINUS)
    v[0] = add(v[0], _mm512_permutexvar_epi64(o, _mm512_loadu_si512(f->fold[0])));
    carry(v);
#elif defined(GOSTKEY_P_PLUS)
    v[0] = add(v[0], _mm512_permutexvar_epi64(o, _mm512_loadu_si512(f->fold[0])));
    v[TOP] = add(v[TOP], _mm512_permutexvar_epi64(o, _mm512_loadu_si512(f->fold[TOP])));
    carry_signed(v);
#else
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        v[i] = add(v[i], _mm512_permutexvar_epi64(o, _mm512_loadu_si512(f->fold[i])));
    }
    carry(v);
#endif
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = v[i];
    }
    CHECK(z, ELEMENT_16, "weakly_reduce");
}

/* z := x + y. */
ALWAYS_INLINE void fe8_add(struct fe8 *z, const struct fe8 *x, const struct fe8 *y,
                           const struct field *f)
{
    vec v[LIMBS52];

    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        v[i] = add(x->v[i], y->v[i]);
    }
    weakly_reduce(z, v, f);
}

/* z := x - y; x may be a factor below 3. */
ALWAYS_INLINE void fe8_subtract(struct fe8 *z, const struct fe8 *x, const struct fe8 *y,
                                const struct field *f)
{
    vec v[LIMBS52];

    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        v[i] = add(sub(x->v[i], y->v[i]), all(f->above[i]));
    }
    weakly_reduce(z, v, f);
}

/* z := x - y as a factor; x may be a factor below 3. */
ALWAYS_INLINE void fe8_difference(struct fe8 *z, const struct fe8 *x,
                                  const struct fe8 *y, const struct field *f)
{
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = add(sub(x->v[i], y->v[i]), all(f->above[i]));
    }
    carry(z->v);
    CHECK(z, FACTOR_16, "difference");
}

/* The same as a loose factor (see below). */
ALWAYS_INLINE void fe8_difference_loosely(struct fe8 *z, const struct fe8 *x,
                                          const struct fe8 *y, const struct field *f)
{
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = add(sub(x->v[i], y->v[i]), all(f->above[i]));
    }
    carry_loosely(z->v);
}

/* z := x - y - w; x may be a factor below 3. */
ALWAYS_INLINE void fe8_subtract2(struct fe8 *z, const struct fe8 *x,
                                 const struct fe8 *y, const struct fe8 *w,
                                 const struct field *f)
{
    vec v[LIMBS52];

    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        v[i] = add(sub(sub(x->v[i], y->v[i]), w->v[i]), all(f->above2[i]));
    }
    weakly_reduce(z, v, f);
}

/* --- Products ---------------------------------------------------------------
 *
 * A product is made in three steps: 2 LIMBS52 columns t; LIMBS52 columns r, and one more
 * on top, of a smaller number that is the same mod p; an element or a factor.  Between
 * the last two, something may be subtracted for the price of the subtraction
 * alone.  A "loose" factor is one whose limbs' bits above the lowest 52 are left as they
 * came and mean nothing: vpmadd52 does not look at them, and nothing else may. */

/* r := columns, none negative, the same mod p as the columns t, lowest first, all below
 * 2 LIMBS52 2^52 < 2^57, of a number below 64 * 2^(2 N).
 *
 *     MINUS   r[i] < 2^58, r[LIMBS52] < 2^18
 *     PLUS    2^53 < r[i] < 2^58 but for the top one, r[LIMBS52] < 2^23
 *     ANY     r[i] < 2^59, r[LIMBS52] = 0; the number is below t / R + p */
ALWAYS_INLINE void shorten(vec *r, vec *t, const struct field *f)
{
#if defined(GOSTKEY_P_ANY)
    /* Montgomery: add m p with m such that the lowest column becomes a multiple of
     * 2^52, and hand that on.  A column gets at most LIMBS52 more low and
     * high halves and a carry. */
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        const vec m = madd_low(all(0), t[i], all(f->negative_inverse));

        t[i] = madd_low(t[i], m, all(f->p[0]));
        t[i + 1] = add(t[i + 1], _mm512_srli_epi64(t[i], 52));
        UNROLL
        for (int j = 1; j < LIMBS52; j++) {
            t[i + j] = madd_low(t[i + j], m, all(f->p[j]));
        }
        UNROLL
        for (int j = 0; j < LIMBS52; j++) {
            t[i + j + 1] = madd_high(t[i + j + 1], m, all(f->p[j]));
        }
    }
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        r[i] = t[LIMBS52 + i];
    }
    r[LIMBS52] = all(0);
#else
    /* t = l + 2^(52 LIMBS52) h.  The columns of h get their carries, and vpmadd52 reads
     * the low 52 bits of each; h < 2^(2 N + 6 - 52 LIMBS52), so the top one is below
     * 2^52.  The columns of l stay as they are. */
    UNROLL
    for (int i = LIMBS52; i < 2 * LIMBS52 - 1; i++) {
        t[i + 1] = add(t[i + 1], _mm512_srli_epi64(t[i], 52));
    }
#if defined(GOSTKEY_P_MINUS)
    {
        /* 2^(52 LIMBS52) = 2^SPARE c =: d < 2^18. */
        const vec d = all(f->c << SPARE);

        r[LIMBS52] = madd_high(all(0), t[2 * LIMBS52 - 1], d);
        UNROLL
        for (int i = LIMBS52 - 1; i > 0; i--) {
            r[i] = madd_high(madd_low(t[i], t[LIMBS52 + i], d), t[LIMBS52 + i - 1], d);
        }
        r[0] = madd_low(t[0], t[LIMBS52], d);
    }
#else
    {
        /* 2^(52 LIMBS52) = -d with d = 2^(SPARE + 1) c < 2^18: subtract.  So that no
         * column and no sum is negative, add 2^(SPARE + 24) p = 2^(N + SPARE + 23) +
         * 2^(SPARE + 24) c: what is subtracted is below d 2^(2 N + 6 - 52 LIMBS52) <
         * 2^(N + 24).  Its top is put into the column above the top; and each column
         * borrows 2^54 from the next. */
        const vec d = all(f->c << (SPARE + 1));
        const vec lend = all(((uint64_t)1 << 54) - 4);

        r[0] = sub(add(t[0], all(((uint64_t)1 << 54) + (f->c << (SPARE + 24)))),
                   madd_low(all(0), t[LIMBS52], d));
        UNROLL
        for (int i = 1; i < LIMBS52; i++) {
            const vec q =
                madd_high(madd_low(all(0), t[LIMBS52 + i], d), t[LIMBS52 + i - 1], d);

            r[i] = sub(add(t[i], lend), q);
        }
        r[LIMBS52] = sub(all(((uint64_t)1 << 23) - 4),
                         madd_high(all(0), t[2 * LIMBS52 - 1], d));
    }
#endif
#endif
}

/* MINUS and PLUS: take what is at 2^N and above out of the columns that shorten made,
 * from which two elements and a factor may have been subtracted, and above3 added: all
 * but the top one between -2^53 and 2^54 more; the value stays positive and below
 * 2^N + p, plus carries, once these are handed on. */
ALWAYS_INLINE void fold_top(vec *r, const struct field *f)
{
#if defined(GOSTKEY_P_ANY)
    (void)r;
    (void)f;
#else
    const vec o = add(_mm512_srli_epi64(r[TOP], TOP_BITS),
                      _mm512_slli_epi64(r[LIMBS52], SPARE));

    r[TOP] = and_(r[TOP], all(((uint64_t)1 << TOP_BITS) - 1));
#if defined(GOSTKEY_P_MINUS)
    /* 2^N = c; o < 2^27, o c < 2^37. */
    r[0] = madd_low(r[0], o, all(f->c));
#else
    /* 2^N = -2 c; o < 2^(24 + SPARE), 2 c o < 2^46, which the lowest column can spare.
     * p is added, so that the sum stays positive. */
    r[TOP] = add(r[TOP], all((uint64_t)1 << (TOP_BITS - 1)));
    r[0] = sub(add(r[0], all(f->c)), madd_low(all(0), o, all(2 * f->c)));
#endif
#endif
}

/* t := the columns of x y. */
ALWAYS_INLINE void product_columns(vec *t, const struct fe8 *x, const struct fe8 *y)
{
    UNROLL
    for (int i = 0; i < 2 * LIMBS52; i++) {
        t[i] = all(0);
    }
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        UNROLL
        for (int j = 0; j < LIMBS52; j++) {
            t[i + j] = madd_low(t[i + j], x->v[i], y->v[j]);
        }
        UNROLL
        for (int j = 0; j < LIMBS52; j++) {
            t[i + j + 1] = madd_high(t[i + j + 1], x->v[i], y->v[j]);
        }
    }
}

/* t := the columns of x^2: mixed products once, doubled. */
ALWAYS_INLINE void square_columns(vec *t, const struct fe8 *x)
{
    UNROLL
    for (int i = 0; i < 2 * LIMBS52; i++) {
        t[i] = all(0);
    }
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        UNROLL
        for (int j = i + 1; j < LIMBS52; j++) {
            t[i + j] = madd_low(t[i + j], x->v[i], x->v[j]);
        }
        UNROLL
        for (int j = i + 1; j < LIMBS52; j++) {
            t[i + j + 1] = madd_high(t[i + j + 1], x->v[i], x->v[j]);
        }
    }
    UNROLL
    for (int i = 1; i < 2 * LIMBS52 - 1; i++) {
        t[i] = add(t[i], t[i]);
    }
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        t[2 * i] = madd_low(t[2 * i], x->v[i], x->v[i]);
        t[2 * i + 1] = madd_high(t[2 * i + 1], x->v[i], x->v[i]);
    }
}

ALWAYS_INLINE void check_factors(const struct fe8 *x, const struct fe8 *y)
{
#if defined(GOSTKEY_CHECK_BOUNDS)
    const struct fe8 *both[2] = {x, y};

    for (int k = 0; k < 2; k++) {
        struct fe8 masked;

        for (int i = 0; i < LIMBS52; i++) {
            /* Nothing may be above the top limb. */
            masked.v[i] = i < TOP ? and_(both[k]->v[i], all(MASK52)) : both[k]->v[i];
        }
        CHECK(&masked, FACTOR_16, "factor");
    }
#else
    (void)x;
    (void)y;
#endif
}

/* z := the number with the columns t as an element (MINUS, PLUS) or a factor (ANY). */
ALWAYS_INLINE void reduce_product(struct fe8 *z, vec *t, const struct field *f)
{
    vec r[LIMBS52 + 1];

    shorten(r, t, f);
    fold_top(r, f);
    carry(r);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = r[i];
    }
#if !defined(GOSTKEY_P_ANY)
    CHECK(z, ELEMENT_16, "product");
#endif
}

/* The same as a loose factor. */
ALWAYS_INLINE void reduce_product_loosely(struct fe8 *z, vec *t, const struct field *f)
{
    vec r[LIMBS52 + 1];

    shorten(r, t, f);
    fold_top(r, f);
    carry_loosely(r);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = r[i];
    }
}

/* z := the number with the columns t, minus the one with the columns taken, which are
 * below 2^54, plus `more`, one of f's above: an element.  All three together are between
 * 1/32 and 8 (ANY; the others need no upper bound). */
ALWAYS_INLINE void reduce_difference(struct fe8 *z, vec *t, const vec *taken,
                                     const uint64_t *more, const struct field *f)
{
    vec r[LIMBS52 + 1];

    shorten(r, t, f);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        r[i] = add(sub(r[i], taken[i]), all(more[i]));
    }
#if defined(GOSTKEY_P_ANY)
    weakly_reduce(z, r, f);
#else
    fold_top(r, f);
    carry(r);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = r[i];
    }
    CHECK(z, ELEMENT_16, "product with a difference");
#endif
}

/* z := x y; factors, loose ones too.  ANY: the result is a factor below
 * x y / 2^SPARE + p: below 5, and below 3 if x y < 32. */
PRODUCT void fe8_multiply(struct fe8 *z, const struct fe8 *x, const struct fe8 *y,
                          const struct field *f)
{
    vec t[2 * LIMBS52];

    check_factors(x, y);
    product_columns(t, x, y);
    reduce_product(z, t, f);
}

/* z := x y as a loose factor, else like fe8_multiply. */
PRODUCT void fe8_multiply_loosely(struct fe8 *z, const struct fe8 *x,
                                  const struct fe8 *y, const struct field *f)
{
    vec t[2 * LIMBS52];

    check_factors(x, y);
    product_columns(t, x, y);
    reduce_product_loosely(z, t, f);
}

/* z := x y - w for an element w and factors x y < 32, loose ones too: an element. */
PRODUCT void fe8_multiply_subtract(struct fe8 *z, const struct fe8 *x,
                                   const struct fe8 *y, const struct fe8 *w,
                                   const struct field *f)
{
    vec t[2 * LIMBS52];

    check_factors(x, y);
    product_columns(t, x, y);
    reduce_difference(z, t, w->v, f->above, f);
}

/* z := x^2 of a factor; else like fe8_multiply. */
PRODUCT void fe8_square(struct fe8 *z, const struct fe8 *x, const struct field *f)
{
    vec t[2 * LIMBS52];

    check_factors(x, x);
    square_columns(t, x);
    reduce_product(z, t, f);
}

/* z := the number with these limbs, the same in all lanes. */
ALWAYS_INLINE void fe8_broadcast(struct fe8 *z, const uint64_t *limbs)
{
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = all(limbs[i]);
    }
}

/* z := no, or yes in the lanes of the mask. */
ALWAYS_INLINE void fe8_select(struct fe8 *z, __mmask8 mask, const struct fe8 *yes,
                              const struct fe8 *no)
{
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = _mm512_mask_mov_epi64(no->v[i], mask, yes->v[i]);
    }
}

/* z := z - p in the lanes where that is not negative; limbs below 2^52. */
ALWAYS_INLINE void fe8_reduce_once(struct fe8 *z, const struct field *f)
{
    struct fe8 less;

    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        less.v[i] = sub(z->v[i], all(f->p[i]));
    }
    carry_signed(less.v);
    fe8_select(z, _mm512_movepi64_mask(less.v[TOP]), z, &less);
}

/* z := x mod p, plain, all limbs below 2^52; x is an element.  ANY: x may be a
 * factor, since what Montgomery makes of x * 1 is at most p. */
NEVER_INLINE void fe8_canonical(struct fe8 *z, const struct fe8 *x,
                                const struct field *f)
{
    struct fe8 r = *x;
#if defined(GOSTKEY_P_ANY)
    const uint64_t one[LIMBS52] = {1};
    struct fe8 ones;

    fe8_broadcast(&ones, one);
    fe8_multiply(&r, &r, &ones, f);
#elif defined(GOSTKEY_P_PLUS)
    /* Below 3 p and a little. */
    fe8_reduce_once(&r, f);
    fe8_reduce_once(&r, f);
#endif
    fe8_reduce_once(&r, f);
    *z = r;
}

/* The lanes in which the element x is 0 mod p. */
ALWAYS_INLINE __mmask8 fe8_zero_lanes(const struct fe8 *x, const struct field *f)
{
    struct fe8 r;
    vec any;

    fe8_canonical(&r, x, f);
    any = r.v[0];
    UNROLL
    for (int i = 1; i < LIMBS52; i++) {
        any = _mm512_or_si512(any, r.v[i]);
    }
    return _mm512_testn_epi64_mask(any, any);
}

/* Word j of the plain number whose limbs these are. */
ALWAYS_INLINE vec word_of_limbs(const struct fe8 *x, int j)
{
    const int limb = 64 * j / 52, shift = 64 * j % 52;
    vec word = _mm512_srli_epi64(x->v[limb], (unsigned)shift);

    word = _mm512_or_si512(word,
                           _mm512_slli_epi64(x->v[limb + 1], (unsigned)(52 - shift)));
    /* 12 bits less the shift are missing if two limbs are not enough: 104 - shift < 64. */
    if (104 - shift < 64 && limb + 2 < LIMBS52) {
        word = _mm512_or_si512(
            word, _mm512_slli_epi64(x->v[limb + 2], (unsigned)(104 - shift)));
    }
    return word;
}

/* Limb i of the number whose words, one of each lane's number in a vector, these are. */
ALWAYS_INLINE vec limb_of_words(const vec *words, int i)
{
    const int word = 52 * i / 64, shift = 52 * i % 64;
    vec limb = _mm512_srli_epi64(words[word], (unsigned)shift);

    if (shift + 52 > 64 && word + 1 < LIMBS) {
        limb = _mm512_or_si512(
            limb, _mm512_slli_epi64(words[word + 1], (unsigned)(64 - shift)));
    }
    return and_(limb, all(MASK52));
}

/* z := the numbers below p with these words, in the field's form. */
ALWAYS_INLINE void fe8_from_words(struct fe8 *z, const vec *words,
                                  const struct field *f)
{
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        z->v[i] = limb_of_words(words, i);
    }
#if defined(GOSTKEY_P_ANY)
    {
        struct fe8 r2;

        fe8_broadcast(&r2, f->r2);
        fe8_multiply(z, z, &r2, f);
    }
#else
    (void)f;
#endif
}

/* z[j] := lane j of the eight vectors: the transpose of 8 x 8 words. */
ALWAYS_INLINE void transpose8x8(vec *z, const vec *x)
{
    vec a[8], b[8];

    UNROLL
    for (int i = 0; i < 4; i++) {
        a[2 * i] = _mm512_unpacklo_epi64(x[2 * i], x[2 * i + 1]);
        a[2 * i + 1] = _mm512_unpackhi_epi64(x[2 * i], x[2 * i + 1]);
    }
    /* a[2 i + s] has pairs (row 2 i, row 2 i + 1) of columns s, s + 2, s + 4, s + 6. */
    UNROLL
    for (int i = 0; i < 2; i++) {
        UNROLL
        for (int s = 0; s < 2; s++) {
            const vec low = a[4 * i + s], high = a[4 * i + 2 + s];

            b[4 * i + s] = _mm512_shuffle_i64x2(low, high, 0x88);
            b[4 * i + 2 + s] = _mm512_shuffle_i64x2(low, high, 0xdd);
        }
    }
    /* b[4 i + s]: rows 4 i, 4 i + 1 of columns s, s + 4, then rows 4 i + 2, 4 i + 3 of the
     * same; b[4 i + 2 + s]: of columns s + 2, s + 6. */
    UNROLL
    for (int s = 0; s < 4; s++) {
        z[s] = _mm512_shuffle_i64x2(b[s], b[4 + s], 0x88);
        z[s + 4] = _mm512_shuffle_i64x2(b[s], b[4 + s], 0xdd);
    }
}

/* z := 1/x in every lane, with one inversion for all; no lane is 0.  x is a factor
 * below 3 or an element; the result is one too. */
NEVER_INLINE void fe8_invert(struct fe8 *z, const struct fe8 *x, const struct field *f)
{
    struct fe8 fours, twos, ones, product, r;
    uint64_t words[LIMBS];

    /* fours: the factor four lanes on, then products of two and of four; in the end
     * every lane has the product of all eight. */
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        fours.v[i] = _mm512_shuffle_i64x2(x->v[i], x->v[i], 0x4e);
    }
    fe8_multiply(&product, x, &fours, f);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        twos.v[i] = _mm512_permutex_epi64(product.v[i], 0x4e);
    }
    fe8_multiply(&product, &product, &twos, f);
    UNROLL
    for (int i = 0; i < LIMBS52; i++) {
        ones.v[i] = _mm512_permutex_epi64(product.v[i], 0xb1);
    }
    fe8_multiply(&product, &product, &ones, f);

    fe8_canonical(&r, &product, f);
    for (int j = 0; j < LIMBS; j++) {
        words[j] = (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(word_of_limbs(&r, j)));
    }
    gostkey_invert(words, words, f->modulus, LIMBS);
    for (int j = 0; j < LIMBS; j++) {
        product.v[j] = all(words[j]);
    }
    fe8_from_words(&r, product.v, f);
    /* The inverse of the product of all, times the others. */
    fe8_multiply(&r, &r, &ones, f);
    fe8_multiply(&r, &r, &twos, f);
    fe8_multiply(z, &r, &fours, f);
    gostkey_wipe(words, sizeof words);
}

/* --- Preparing ------------------------------------------------------------- */

static void limbs_from_words(uint64_t *limbs, const uint64_t *words)
{
    for (int i = 0; i < LIMBS52; i++) {
        int word = 52 * i / 64, shift = 52 * i % 64;
        uint64_t limb = words[word] >> shift;

        if (shift + 52 > 64 && word + 1 < LIMBS) {
            limb |= words[word + 1] << (64 - shift);
        }
        limbs[i] = limb & MASK52;
    }
}

/* x := x + y mod p; limbs below 2^52, x and y below p. */
static void add_mod_var(uint64_t *x, const uint64_t *y, const uint64_t *p)
{
    uint64_t less[LIMBS52], borrow = 0, carried = 0;

    for (int i = 0; i < LIMBS52; i++) {
        x[i] += y[i] + carried;
        carried = x[i] >> 52;
        x[i] &= MASK52;
    }
    for (int i = 0; i < LIMBS52; i++) {
        less[i] = x[i] - p[i] - borrow;
        borrow = less[i] >> 63;
        less[i] &= MASK52;
    }
    if (!borrow) {
        memcpy(x, less, sizeof less);
    }
}

/* z := k p for a small k, in limbs that borrow 2^54 from the next. */
static void multiple_above(uint64_t *z, const uint64_t *p, uint64_t k)
{
    uint64_t carried = 0;

    for (int i = 0; i < LIMBS52; i++) {
        uint64_t limb = k * p[i] + carried; /* k <= 15 */

        carried = i < TOP ? limb >> 52 : 0;
        z[i] = i < TOP ? limb & MASK52 : limb;
    }
    for (int i = 0; i < TOP; i++) {
        z[i] += (uint64_t)1 << 54;
        z[i + 1] -= 4;
    }
}

/* f->fold from power = 2^N mod p. */
static void fold_prepare_var(struct field *f, const uint64_t *power)
{
    uint64_t sum[LIMBS52] = {0};

    for (int o = 0; o < 8; o++) {
        for (int i = 0; i < LIMBS52; i++) {
            f->fold[i][o] = sum[i];
        }
        add_mod_var(sum, power, f->p);
    }
#if defined(GOSTKEY_P_PLUS)
    /* The same in two limbs. */
    memset(f->fold, 0, sizeof f->fold);
    for (uint64_t o = 1; o < 8; o++) {
        f->fold[0][o] = f->c - 2 * f->c * o;
        f->fold[TOP][o] = (uint64_t)1 << (TOP_BITS - 1);
    }
#endif
}

/* modulus: LIMBS words. */
static void field_prepare_var(struct field *f, const uint64_t *modulus)
{
    uint64_t power[LIMBS52] = {1}, inverse = 1, k = 1;

    memcpy(f->modulus, modulus, sizeof f->modulus);
    limbs_from_words(f->p, modulus);
#if defined(GOSTKEY_P_MINUS)
    f->c = 0 - modulus[0];
#elif defined(GOSTKEY_P_PLUS)
    f->c = modulus[0];
#endif
    /* Newton: each turn doubles the bits, from 1. */
    for (int i = 0; i < 6; i++) {
        inverse *= 2 - modulus[0] * inverse;
    }
    f->negative_inverse = (0 - inverse) & MASK52;
    memset(f->one, 0, sizeof f->one);
    f->one[0] = 1;
    for (int i = 1; i <= 2 * 52 * LIMBS52; i++) {
        add_mod_var(power, power, f->p);
        if (i == N_BITS) {
            fold_prepare_var(f, power);
        }
#if defined(GOSTKEY_P_ANY)
        if (i == 52 * LIMBS52) {
            memcpy(f->one, power, sizeof power);
        } else if (i == 2 * 52 * LIMBS52) {
            memcpy(f->r2, power, sizeof power);
        }
#endif
    }
#if defined(GOSTKEY_P_MINUS)
    k = 2;
#else
    /* The top limbs tell enough of (k - 1) p >= 1 + 1/32. */
    while ((k - 1) * f->p[TOP] <
           ((uint64_t)1 << TOP_BITS) + ((uint64_t)1 << (TOP_BITS - 5))) {
        k++;
    }
#endif
    multiple_above(f->above, f->p, k);
    multiple_above(f->above2, f->p, 2 * k);
    multiple_above(f->above3, f->p, 3 * k);
}
