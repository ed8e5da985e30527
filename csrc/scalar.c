/* Numbers mod q by Montgomery products, for both sizes.
 *
 * Source: [Montgomery85] P. Montgomery, Modular multiplication without trial
 * division. */

#include "scalar.h"

#include <string.h>

#include "bytes.h"
#include "ct.h"
#include "inverse.h"
#include "wide.h"
#include "wipe.h"

#define MAX GOSTKEY_MAX_LIMBS

void gostkey_scalar_load_le(const struct gostkey_curve *curve, uint64_t *z,
                            const uint8_t *bytes)
{
    for (unsigned i = 0; i < curve->limbs; i++) {
        z[i] = gostkey_load64_le(bytes + 8 * i);
    }
}

void gostkey_scalar_load_be(const struct gostkey_curve *curve, uint64_t *z,
                            const uint8_t *bytes)
{
    for (unsigned i = 0; i < curve->limbs; i++) {
        z[curve->limbs - 1 - i] = gostkey_load64_be(bytes + 8 * i);
    }
}

void gostkey_scalar_store_le(const struct gostkey_curve *curve, uint8_t *bytes,
                             const uint64_t *x)
{
    for (unsigned i = 0; i < curve->limbs; i++) {
        gostkey_store64_le(bytes + 8 * i, x[i]);
    }
}

void gostkey_scalar_store_be(const struct gostkey_curve *curve, uint8_t *bytes,
                             const uint64_t *x)
{
    for (unsigned i = 0; i < curve->limbs; i++) {
        gostkey_store64_be(bytes + 8 * i, x[curve->limbs - 1 - i]);
    }
}

uint64_t gostkey_scalar_mask_zero(const struct gostkey_curve *curve, const uint64_t *x)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < curve->limbs; i++) {
        any |= x[i];
    }
    return gostkey_mask_zero64(any);
}

/* z := x - y over n words; return the borrow. */
static uint64_t subtract(uint64_t *z, const uint64_t *x, const uint64_t *y, unsigned n)
{
    uint64_t borrow = 0;

    for (unsigned i = 0; i < n; i++) {
        z[i] = gostkey_subtract_borrow64(&borrow, x[i], y[i]);
    }
    return borrow;
}

uint64_t gostkey_scalar_mask_less(const struct gostkey_curve *curve, const uint64_t *x,
                                  const uint64_t *y)
{
    uint64_t t[MAX];
    uint64_t borrow = subtract(t, x, y, curve->limbs);

    gostkey_wipe(t, sizeof t);
    return gostkey_barrier((uint64_t)0 - borrow);
}

uint64_t gostkey_scalar_mask_valid(const struct gostkey_curve *curve,
                                   const uint64_t *x)
{
    return gostkey_scalar_mask_less(curve, x, curve->q) &
           ~gostkey_scalar_mask_zero(curve, x);
}

/* z[n] := high * 2^(64 n) + z, minus m if that is m or more. */
static void reduce_once(uint64_t *z, uint64_t high, const uint64_t *m, unsigned n)
{
    uint64_t t[MAX + 1];
    uint64_t borrow = subtract(t, z, m, n);
    uint64_t keep = gostkey_barrier((uint64_t)0 - (borrow & ~high & 1));

    gostkey_select_words(keep, z, z, t, n);
    gostkey_wipe(t, sizeof t);
}

/* multiply_montgomery for n limbs; n is a constant where it is called, so that the
 * loops are written out. */
static inline void multiply_limbs(const struct gostkey_curve *curve, uint64_t *z,
                                  const uint64_t *x, const uint64_t *y,
                                  const unsigned n)
{
    uint64_t t[2 * MAX] = {0};
    uint64_t carry, over = 0;

    for (unsigned i = 0; i < n; i++) {
        carry = 0;
        for (unsigned j = 0; j < n; j++) {
            t[i + j] = gostkey_multiply_add64(&carry, x[j], y[i], t[i + j]);
        }
        t[i + n] = carry;
    }
    for (unsigned i = 0; i < n; i++) {
        uint64_t m = t[i] * curve->q_negative_inverse;

        carry = 0;
        for (unsigned j = 0; j < n; j++) {
            t[i + j] = gostkey_multiply_add64(&carry, m, curve->q[j], t[i + j]);
        }
        t[i + n] = gostkey_add_carry64(&over, t[i + n], carry);
    }
    reduce_once(t + n, over, curve->q, n);
    memcpy(z, t + n, 8 * n);
    gostkey_wipe(t, sizeof t);
}

/* z := x * y / 2^(64 limbs) mod q for x * y < 2^(64 limbs) * q [Montgomery85]. */
static void multiply_montgomery(const struct gostkey_curve *curve, uint64_t *z,
                                const uint64_t *x, const uint64_t *y)
{
    if (curve->limbs == 4) {
        multiply_limbs(curve, z, x, y, 4);
    } else {
        multiply_limbs(curve, z, x, y, 8);
    }
}

void gostkey_scalar_reduce(const struct gostkey_curve *curve, uint64_t *z,
                           const uint64_t *x)
{
    static const uint64_t one[MAX] = {1};

    gostkey_scalar_multiply(curve, z, x, one);
}

/* wide = low + high R with R = 2^(64 limbs); Montgomery's product of high and R^2 is
 * high R mod q. */
void gostkey_scalar_from_wide(const struct gostkey_curve *curve, uint64_t *z,
                              const uint64_t *wide)
{
    uint64_t low[MAX], high[MAX];

    gostkey_scalar_reduce(curve, low, wide);
    multiply_montgomery(curve, high, wide + curve->limbs, curve->q_r2);
    gostkey_scalar_add(curve, z, low, high);
    z[0] |= gostkey_scalar_mask_zero(curve, z) & 1;
    gostkey_wipe(low, sizeof low);
    gostkey_wipe(high, sizeof high);
}

void gostkey_scalar_add(const struct gostkey_curve *curve, uint64_t *z,
                        const uint64_t *x, const uint64_t *y)
{
    uint64_t carry = 0;

    for (unsigned i = 0; i < curve->limbs; i++) {
        z[i] = gostkey_add_carry64(&carry, x[i], y[i]);
    }
    reduce_once(z, carry, curve->q, curve->limbs);
}

void gostkey_scalar_negate(const struct gostkey_curve *curve, uint64_t *z,
                           const uint64_t *x)
{
    uint64_t nonzero = ~gostkey_scalar_mask_zero(curve, x);

    subtract(z, curve->q, x, curve->limbs);
    for (unsigned i = 0; i < curve->limbs; i++) {
        z[i] &= nonzero;
    }
}

void gostkey_scalar_multiply(const struct gostkey_curve *curve, uint64_t *z,
                             const uint64_t *x, const uint64_t *y)
{
    multiply_montgomery(curve, z, x, y);
    multiply_montgomery(curve, z, z, curve->q_r2);
}

void gostkey_scalar_invert(const struct gostkey_curve *curve, uint64_t *z,
                           const uint64_t *x)
{
    gostkey_invert(z, x, curve->q, curve->limbs);
}

static void prepare_var(const struct gostkey_curve *curve)
{
    (void)curve;
}

static void from_wide(const struct gostkey_curve *curve, uint64_t *z,
                      const uint8_t *low_le, const uint8_t *high_le, size_t stride,
                      size_t n)
{
    const size_t limbs = curve->limbs;
    uint64_t wide[2 * MAX];

    for (size_t i = 0; i < n; i++) {
        gostkey_scalar_load_le(curve, wide, low_le + stride * i);
        gostkey_scalar_load_le(curve, wide + limbs, high_le + stride * i);
        gostkey_scalar_from_wide(curve, z + limbs * i, wide);
    }
    gostkey_wipe(wide, sizeof wide);
}

void gostkey_scalar_load_digest(const struct gostkey_curve *curve, uint64_t *z,
                                const uint8_t *digest)
{
    gostkey_scalar_load_le(curve, z, digest);
    gostkey_scalar_reduce(curve, z, z);
    z[0] |= gostkey_scalar_mask_zero(curve, z) & 1;
}

static void sign(const struct gostkey_curve *curve, uint8_t *out, uint8_t *zero,
                 const uint64_t *xy, const uint64_t *d, const uint64_t *k,
                 const uint8_t *digests, size_t n)
{
    const size_t limbs = curve->limbs, size = 8 * limbs;
    uint64_t e[MAX], r[MAX], s[MAX], product[MAX];

    for (size_t i = 0; i < n; i++) {
        gostkey_scalar_load_digest(curve, e, digests + size * i);
        gostkey_scalar_reduce(curve, r, xy + 2 * limbs * i);
        gostkey_scalar_multiply(curve, s, r, d + limbs * i);
        gostkey_scalar_multiply(curve, product, k + limbs * i, e);
        gostkey_scalar_add(curve, s, s, product);
        zero[i] = (uint8_t)(1 & (gostkey_scalar_mask_zero(curve, r) |
                                 gostkey_scalar_mask_zero(curve, s)));
        gostkey_scalar_store_be(curve, out + 2 * size * i, s);
        gostkey_scalar_store_be(curve, out + 2 * size * i + size, r);
    }
    gostkey_wipe(product, sizeof product);
    gostkey_wipe(s, sizeof s);
}

/* With one inversion for a few: inverse[i] = e[0] ... e[i] at first. */
static void divide_var(const struct gostkey_curve *curve, uint64_t *s, uint64_t *e,
                       const uint64_t *r, size_t n)
{
    enum { FEW = 32 };
    const size_t limbs = curve->limbs;
    uint64_t inverse[FEW * MAX], rest[MAX], here[MAX];

    for (size_t done = 0; done < n; done += FEW) {
        const size_t count = n - done < FEW ? n - done : FEW;

        for (size_t i = 0; i < count; i++) {
            uint64_t *ei = e + limbs * (done + i);

            gostkey_scalar_reduce(curve, ei, ei);
            ei[0] |= gostkey_scalar_mask_zero(curve, ei) & 1;
            if (i == 0) {
                memcpy(inverse, ei, 8 * limbs);
            } else {
                gostkey_scalar_multiply(curve, inverse + limbs * i,
                                        inverse + limbs * (i - 1), ei);
            }
        }
        gostkey_scalar_invert(curve, rest, inverse + limbs * (count - 1));
        for (size_t i = count; i-- > 0;) {
            uint64_t *ei = e + limbs * (done + i), *si = s + limbs * (done + i);

            if (i > 0) {
                gostkey_scalar_multiply(curve, here, rest, inverse + limbs * (i - 1));
                gostkey_scalar_multiply(curve, rest, rest, ei);
            } else {
                memcpy(here, rest, 8 * limbs);
            }
            gostkey_scalar_multiply(curve, si, si, here);
            gostkey_scalar_multiply(curve, ei, r + limbs * (done + i), here);
            gostkey_scalar_negate(curve, ei, ei);
        }
    }
}

const struct gostkey_scalar_ops gostkey_scalar_portable = {
    .prepare_var = prepare_var,
    .from_wide = from_wide,
    .sign = sign,
    .divide_var = divide_var,
};
