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

#include "ifma_product.h"

#include "ifma_forms.h"

#include "ifma_prepare.h"
