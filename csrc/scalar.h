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

/* z := 1 + wide mod (q - 1), any wide of 2 * limbs words. */
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

#endif
