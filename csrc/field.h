/* Arithmetic mod p, for one shape of p and one number of limbs; a template.
 *
 * The file that includes it defines GOSTKEY_LIMBS (4 or 8) and one of
 *
 *     GOSTKEY_P_MINUS c    p = 2^(64 limbs) - c      c < 2^16
 *     GOSTKEY_P_PLUS       p = 2^(64 limbs - 1) + c  c < 2^16, any such p
 *     GOSTKEY_P_ANY        any odd p > 2^(64 limbs - 2): curve->p, Montgomery
 *
 * and gets static functions on field elements.  An element's words are
 *
 *     MINUS  any number below 2^(64 limbs): a residue below c has two forms
 *     PLUS   any number below 2^(64 limbs): a residue below 2^(64 limbs) - p has
 *            two forms
 *     ANY    the residue times R = 2^(64 limbs), below p
 *
 * and every function keeps that.  Results may be the same object as arguments.
 * All are constant time.
 *
 * Sources: [Montgomery85] P. Montgomery, Modular multiplication without trial
 * division; the reductions for special p are explained where they are. */

#include <string.h>

#include "ct.h"
#include "curve.h"
#include "inverse.h"
#include "wide.h"

#define LIMBS GOSTKEY_LIMBS

/* GOSTKEY_MULX may be defined where the target has BMI2 and ADX. */
#if defined(GOSTKEY_MULX) && (defined(__GNUC__) || defined(__clang__)) &&              \
    !defined(GOSTKEY_NO_INT128)
#define FIELD_MULX
#endif

/* Products are large: a copy at each place that needs one would not fit the
 * instruction cache. */
#if defined(__GNUC__) || defined(__clang__)
#define OUT_OF_LINE __attribute__((noinline))
#elif defined(_MSC_VER)
#define OUT_OF_LINE __declspec(noinline)
#else
#define OUT_OF_LINE
#endif

#include "words.h"

struct fe {
    uint64_t v[LIMBS];
};

#if defined(GOSTKEY_P_MINUS)
#define P_C ((uint64_t)(GOSTKEY_P_MINUS))
#elif defined(GOSTKEY_P_PLUS)
#define P_C (curve->p[0])
#endif

#if defined(FIELD_MULX)
#include "mulx.h"
#endif

#if !defined(GOSTKEY_P_ANY)
/* t[0 .. LIMBS - 1] += t[LIMBS .. 2 LIMBS - 1] * y; return what comes out on top. */
static inline uint64_t words_fold(uint64_t *t, uint64_t y)
{
#if defined(FIELD_MULX) && LIMBS == 8
    return mulx_fold(t, y);
#else
    return words_multiply_row(t, t + LIMBS, y, LIMBS);
#endif
}
#endif

#if defined(GOSTKEY_P_MINUS)

/* z := t mod p.  2^(64 LIMBS) = c, so t = low + c * high; the part of that
 * above the limbs is at most c and is folded in the same way.  If that
 * overflows once more, what is left is below c^2 and c fits in on top. */
static inline void fe_reduce(struct fe *z, uint64_t *t,
                             const struct gostkey_curve *curve)
{
    uint64_t carry, again = 0;

    (void)curve;
    carry = words_fold(t, P_C);
    z->v[0] = gostkey_add_carry64(&again, t[0], carry * P_C);
    for (int i = 1; i < LIMBS; i++) {
        z->v[i] = gostkey_add_carry64(&again, t[i], 0);
    }
    z->v[0] += ((uint64_t)0 - again) & P_C;
}

static inline void fe_add(struct fe *z, const struct fe *x, const struct fe *y,
                          const struct gostkey_curve *curve)
{
    uint64_t carry = words_add(z->v, x->v, y->v);
    uint64_t again = 0;

    (void)curve;
    /* The same folding; after a second overflow the number is below c. */
    z->v[0] = gostkey_add_carry64(&again, z->v[0], ((uint64_t)0 - carry) & P_C);
    for (int i = 1; i < LIMBS; i++) {
        z->v[i] = gostkey_add_carry64(&again, z->v[i], 0);
    }
    z->v[0] += ((uint64_t)0 - again) & P_C;
}

static inline void fe_subtract(struct fe *z, const struct fe *x, const struct fe *y,
                               const struct gostkey_curve *curve)
{
    uint64_t borrow = words_subtract(z->v, x->v, y->v);
    uint64_t again = 0;

    (void)curve;
    /* A borrow added 2^(64 LIMBS) = c, so take c away; if that borrows, the
     * number is within c of the top and its lowest word has room for c. */
    z->v[0] = gostkey_subtract_borrow64(&again, z->v[0], ((uint64_t)0 - borrow) & P_C);
    for (int i = 1; i < LIMBS; i++) {
        z->v[i] = gostkey_subtract_borrow64(&again, z->v[i], 0);
    }
    z->v[0] -= ((uint64_t)0 - again) & P_C;
}

/* z := x - y - 2 w; as for one difference, with three borrows at most. */
static inline void fe_subtract_also_twice(struct fe *z, const struct fe *x,
                                          const struct fe *y, const struct fe *w,
                                          const struct gostkey_curve *curve)
{
    uint64_t n = words_subtract(z->v, x->v, y->v);
    uint64_t again = 0;

    (void)curve;
    n += words_subtract(z->v, z->v, w->v);
    n += words_subtract(z->v, z->v, w->v);
    z->v[0] = gostkey_subtract_borrow64(&again, z->v[0], n * P_C);
    for (int i = 1; i < LIMBS; i++) {
        z->v[i] = gostkey_subtract_borrow64(&again, z->v[i], 0);
    }
    z->v[0] -= ((uint64_t)0 - again) & P_C;
}

#elif defined(GOSTKEY_P_PLUS)

/* B = 2^(64 LIMBS - 1) = -c.  A sum is m B + l, l < B, m = 2 carry + top:
 *
 *     l, B + l, 2 B + l = B + l - c + p, 3 B + l = B + l - 2 c + 2 p
 *
 * and what is left without the multiples of p is at least 0 and below 2 B. */
static inline void fe_add(struct fe *z, const struct fe *x, const struct fe *y,
                          const struct gostkey_curve *curve)
{
    uint64_t carry = words_add(z->v, x->v, y->v);
    uint64_t top = z->v[LIMBS - 1] >> 63;
    uint64_t minus = (((uint64_t)0 - carry) & P_C) + (((uint64_t)0 - (carry & top)) & P_C);
    uint64_t borrow = 0;

    z->v[LIMBS - 1] |= carry << 63;
    for (int i = 0; i < LIMBS; i++) {
        z->v[i] = gostkey_subtract_borrow64(&borrow, z->v[i], i == 0 ? minus : 0);
    }
}

/* A difference is l or B + l; or with a borrow, with the same l and B,
 *
 *     -2 B + l = l + 2 c - 2 p, -B + l = l + c - p
 *
 * and what is left is at least 0 and below 2 B, too. */
static inline void fe_subtract(struct fe *z, const struct fe *x, const struct fe *y,
                               const struct gostkey_curve *curve)
{
    uint64_t borrow = words_subtract(z->v, x->v, y->v);
    uint64_t top = z->v[LIMBS - 1] >> 63;
    uint64_t plus = (((uint64_t)0 - borrow) & P_C) + (((uint64_t)0 - (borrow & ~top)) & P_C);
    uint64_t carry = 0;

    z->v[LIMBS - 1] &= ~(borrow << 63);
    for (int i = 0; i < LIMBS; i++) {
        z->v[i] = gostkey_add_carry64(&carry, z->v[i], i == 0 ? plus : 0);
    }
}

/* z := x - y - 2 w.  Without multiples of p that is m B + l, l < B; if there were n > 0
 * borrows, m = top - 2 n < 0, and -m p is added. */
static inline void fe_subtract_also_twice(struct fe *z, const struct fe *x,
                                          const struct fe *y, const struct fe *w,
                                          const struct gostkey_curve *curve)
{
    uint64_t n = words_subtract(z->v, x->v, y->v);
    uint64_t top, some, plus, carry = 0;

    n += words_subtract(z->v, z->v, w->v);
    n += words_subtract(z->v, z->v, w->v);
    some = ((uint64_t)0 - n) >> 63;
    top = z->v[LIMBS - 1] >> 63 & some;
    plus = (2 * n - top) * P_C;
    z->v[LIMBS - 1] &= ~(some << 63);
    for (int i = 0; i < LIMBS; i++) {
        z->v[i] = gostkey_add_carry64(&carry, z->v[i], i == 0 ? plus : 0);
    }
}

/* z := t mod p for any t.  With M = 2^(64 LIMBS) = -C, C = 2 c, and k = M - 1 - h, the
 * complement of h,
 *
 *     h M + l = l - C h = l + C k - C M + C = l + C k + C (C + 1)
 *     l + C k = n + m M,  n < M, m <= C       h M + l = n + C (C + 1 - m)
 *
 * If adding the last, which is positive and below 2^35, makes n overflow, M + n = B +
 * n - c + p as for fe_add, and what is left is below B + 2^35. */
static inline void fe_reduce(struct fe *z, uint64_t *t,
                             const struct gostkey_curve *curve)
{
    const uint64_t c2 = 2 * P_C;
    uint64_t m, carry = 0, borrow = 0;

    for (int i = 0; i < LIMBS; i++) {
        t[LIMBS + i] = in_register(~t[LIMBS + i]);
    }
    m = words_fold(t, c2);
    t[0] = gostkey_add_carry64(&carry, t[0], c2 * (c2 + 1 - m));
    for (int i = 1; i < LIMBS; i++) {
        t[i] = gostkey_add_carry64(&carry, t[i], 0);
    }
    t[LIMBS - 1] |= carry << 63;
    z->v[0] = gostkey_subtract_borrow64(&borrow, t[0], ((uint64_t)0 - carry) & P_C);
    for (int i = 1; i < LIMBS; i++) {
        z->v[i] = gostkey_subtract_borrow64(&borrow, t[i], 0);
    }
}

#else /* ANY keeps residues below p. */

static inline void fe_add(struct fe *z, const struct fe *x, const struct fe *y,
                          const struct gostkey_curve *curve)
{
    uint64_t t[LIMBS];
    uint64_t carry = words_add(t, x->v, y->v);

    words_reduce_once(z->v, t, carry, curve->p);
}

static inline void fe_subtract(struct fe *z, const struct fe *x, const struct fe *y,
                               const struct gostkey_curve *curve)
{
    uint64_t borrow = words_subtract(z->v, x->v, y->v);

    words_add_masked(z->v, curve->p, gostkey_barrier((uint64_t)0 - borrow));
}

/* z := x - y - 2 w. */
static inline void fe_subtract_also_twice(struct fe *z, const struct fe *x,
                                          const struct fe *y, const struct fe *w,
                                          const struct gostkey_curve *curve)
{
    struct fe t;

    fe_subtract(&t, x, y, curve);
    fe_subtract(&t, &t, w, curve);
    fe_subtract(z, &t, w, curve);
}

/* z := t / R mod p for t < R p [Montgomery85]: multiples of p clear the low
 * words one by one; the rest is below 2 p. */
static inline void fe_reduce(struct fe *z, uint64_t *t,
                             const struct gostkey_curve *curve)
{
#if defined(FIELD_MULX) && LIMBS == 8
    uint64_t carry = mulx_montgomery(t, curve);
#else
    uint64_t carry = 0;

    for (int i = 0; i < LIMBS; i++) {
        uint64_t m = t[i] * curve->p_negative_inverse;
        uint64_t top = words_multiply_row(t + i, curve->p, m, LIMBS);

        t[LIMBS + i] = gostkey_add_carry64(&carry, t[LIMBS + i], top);
    }
#endif
    words_reduce_once(z->v, t + LIMBS, carry, curve->p);
}

static inline void fe_to_plain(uint64_t *z, const struct fe *x,
                               const struct gostkey_curve *curve)
{
    uint64_t t[2 * LIMBS] = {0};
    struct fe plain;

    memcpy(t, x->v, sizeof x->v);
    fe_reduce(&plain, t, curve);
    memcpy(z, plain.v, sizeof plain.v);
}

#endif

#if !defined(GOSTKEY_P_ANY)
/* z[LIMBS] := the residue itself, below p; 2 p > 2^(64 LIMBS). */
static inline void fe_to_plain(uint64_t *z, const struct fe *x,
                               const struct gostkey_curve *curve)
{
    words_reduce_once(z, x->v, 0, curve->p);
}

#endif

OUT_OF_LINE static void fe_multiply(struct fe *z, const struct fe *x,
                                    const struct fe *y,
                                    const struct gostkey_curve *curve)
{
#if defined(FIELD_MULX) && LIMBS == 4
    mulx_multiply(z->v, x->v, y->v, curve);
#else
    uint64_t t[2 * LIMBS];

#if defined(FIELD_MULX)
    mulx_product(t, x->v, y->v);
#else
    words_multiply(t, x->v, y->v);
#endif
    fe_reduce(z, t, curve);
#endif
}

OUT_OF_LINE static void fe_square(struct fe *z, const struct fe *x,
                                  const struct gostkey_curve *curve)
{
#if defined(FIELD_MULX) && LIMBS == 4
    mulx_square(z->v, x->v, curve);
#else
    uint64_t t[2 * LIMBS];

#if defined(FIELD_MULX)
    mulx_product_of_one(t, x->v);
#else
    words_square(t, x->v);
#endif
    fe_reduce(z, t, curve);
#endif
}

/* z := x; x[LIMBS] is below p. */
static inline void fe_from_plain(struct fe *z, const uint64_t *x,
                                 const struct gostkey_curve *curve)
{
    memcpy(z->v, x, sizeof z->v);
#if defined(GOSTKEY_P_ANY)
    struct fe r2;

    memcpy(r2.v, curve->p_r2, sizeof r2.v);
    fe_multiply(z, z, &r2, curve);
#else
    (void)curve;
#endif
}

/* z := x - 2 w. */
static inline void fe_subtract_twice(struct fe *z, const struct fe *x,
                                     const struct fe *w,
                                     const struct gostkey_curve *curve)
{
    static const struct fe zero;

    fe_subtract_also_twice(z, x, &zero, w, curve);
}

/* z := x / 2 mod p: half of x or of x + p, whichever is even. */
static inline void fe_halve(struct fe *z, const struct fe *x,
                            const struct gostkey_curve *curve)
{
    uint64_t mask = gostkey_mask_bit64(x->v[0]), carry = 0;
    uint64_t t[LIMBS];

    for (int i = 0; i < LIMBS; i++) {
        t[i] = gostkey_add_carry64(&carry, x->v[i], in_register(curve->p[i] & mask));
    }
    for (int i = 0; i < LIMBS; i++) {
        z->v[i] = in_register(t[i] >> 1 | (i < LIMBS - 1 ? t[i + 1] : carry) << 63);
    }
}

static inline void fe_double(struct fe *z, const struct fe *x,
                             const struct gostkey_curve *curve)
{
    fe_add(z, x, x, curve);
}

/* All ones if x is zero. */
static inline uint64_t fe_mask_zero(const struct fe *x,
                                    const struct gostkey_curve *curve)
{
    uint64_t any = 0;
#if !defined(GOSTKEY_P_ANY)
    uint64_t t[LIMBS];

    fe_to_plain(t, x, curve);
#else
    const uint64_t *t = x->v;

    (void)curve;
#endif
    for (int i = 0; i < LIMBS; i++) {
        any |= t[i];
    }
    return gostkey_mask_zero64(any);
}

static inline void fe_negate(struct fe *z, const struct fe *x,
                             const struct gostkey_curve *curve)
{
    static const struct fe zero;

    fe_subtract(z, &zero, x, curve);
}

/* z := yes where mask is all ones, else no. */
static inline void fe_select(struct fe *z, uint64_t mask, const struct fe *yes,
                             const struct fe *no)
{
    for (int i = 0; i < LIMBS; i++) {
        z->v[i] = in_register(gostkey_select64(mask, yes->v[i], no->v[i]));
    }
}

/* z := 1/x, and 0 for 0. */
static void fe_invert(struct fe *z, const struct fe *x,
                      const struct gostkey_curve *curve)
{
    uint64_t t[LIMBS];

#if defined(GOSTKEY_P_ANY)
    /* The words are x R: their inverse is 1 / (x R), and lacks R^2. */
    gostkey_invert(t, x->v, curve->p, LIMBS);
    fe_from_plain(z, t, curve);
    fe_from_plain(z, z->v, curve);
#else
    fe_to_plain(t, x, curve);
    gostkey_invert(t, t, curve->p, LIMBS);
    fe_from_plain(z, t, curve);
#endif
}
