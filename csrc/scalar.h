/* Numbers mod q, the order of a curve's base point: keys, nonces, r, s, e.
 *
 * Arrays have curve->limbs words, least significant first.  A "scalar" is below
 * q; "any" number only fits its array.  Results may be the same array as
 * arguments.  All are constant time unless the name says _var. */

#ifndef GOSTKEY_SCALAR_H
#define GOSTKEY_SCALAR_H

#include <stdint.h>

#include "curve.h"

/* z := bytes as a number; 8 * limbs bytes. */
void gostkey_scalar_load_le(const struct gostkey_curve *curve, uint64_t *z,
                            const uint8_t *bytes);
void gostkey_scalar_load_be(const struct gostkey_curve *curve, uint64_t *z,
                            const uint8_t *bytes);
void gostkey_scalar_store_le(const struct gostkey_curve *curve, uint8_t *bytes,
                             const uint64_t *x);
void gostkey_scalar_store_be(const struct gostkey_curve *curve, uint8_t *bytes,
                             const uint64_t *x);

/* All ones if the number x is zero; all ones if x < y. */
uint64_t gostkey_scalar_mask_zero(const struct gostkey_curve *curve, const uint64_t *x);
uint64_t gostkey_scalar_mask_less(const struct gostkey_curve *curve, const uint64_t *x,
                                  const uint64_t *y);

/* All ones if 1 <= x < q. */
uint64_t gostkey_scalar_mask_valid(const struct gostkey_curve *curve,
                                   const uint64_t *x);

/* z := x mod q, any x. */
void gostkey_scalar_reduce(const struct gostkey_curve *curve, uint64_t *z,
                           const uint64_t *x);

/* z := wide mod q, and 1 instead of 0; any wide of 2 * limbs words. */
void gostkey_scalar_from_wide(const struct gostkey_curve *curve, uint64_t *z,
                              const uint64_t *wide);

/* z := x + y mod q, scalars. */
void gostkey_scalar_add(const struct gostkey_curve *curve, uint64_t *z,
                        const uint64_t *x, const uint64_t *y);

/* z := -x mod q, a scalar. */
void gostkey_scalar_negate(const struct gostkey_curve *curve, uint64_t *z,
                           const uint64_t *x);

/* z := x * y mod q; one of them any number, the other a scalar. */
void gostkey_scalar_multiply(const struct gostkey_curve *curve, uint64_t *z,
                             const uint64_t *x, const uint64_t *y);

/* z := 1/x mod q, and 0 for 0; a scalar. */
void gostkey_scalar_invert(const struct gostkey_curve *curve, uint64_t *z,
                           const uint64_t *x);

/* z := digest mod q, and 1 instead of 0. */
void gostkey_scalar_load_digest(const struct gostkey_curve *curve, uint64_t *z,
                                const uint8_t *digest);

/* What signing and key generation do mod q for many items at once; a kernel that does
 * it faster.  All are constant time, and take any n. */
struct gostkey_scalar_ops {
    /* Prepare for a curve; variable time, not by two threads at once. */
    void (*prepare_var)(const struct gostkey_curve *curve);

    /* z[i] := low[i] + high[i] 2^(64 limbs) mod q, and 1 instead of 0.  Each low has 8
     * limbs bytes or more, and the next is `stride` bytes on; high likewise. */
    void (*from_wide)(const struct gostkey_curve *curve, uint64_t *z,
                      const uint8_t *low_le, const uint8_t *high_le, size_t stride,
                      size_t n);

    /* out[i] := s || r, big-endian, with r = x mod q and s = r d + k e mod q, e being the
     * digest mod q, or 1 if that is 0; zero[i] := 1 if r or s is 0, else 0.  x is the
     * first half of a point xy of 2 limbs words. */
    void (*sign)(const struct gostkey_curve *curve, uint8_t *out, uint8_t *zero,
                 const uint64_t *xy, const uint64_t *d, const uint64_t *k,
                 const uint8_t *digests, size_t n);

    /* s[i] := s / e and e[i] := -r / e mod q, for 1 <= r, s < q; e is any number at first
     * and stands for e mod q, or 1 if that is 0. */
    void (*divide_var)(const struct gostkey_curve *curve, uint64_t *s, uint64_t *e,
                       const uint64_t *r, size_t n);
};

/* One after the other, for both sizes. */
extern const struct gostkey_scalar_ops gostkey_scalar_portable;

/* With AVX-512 IFMA, where target.h has it; for 4 and for 8 limbs. */
extern const struct gostkey_scalar_ops gostkey_scalar256_avx512;
extern const struct gostkey_scalar_ops gostkey_scalar512_avx512;

#endif
