/* Inverses mod an odd number in constant time. */

#ifndef GOSTKEY_INVERSE_H
#define GOSTKEY_INVERSE_H

#include <stdint.h>

/* z := 1/x mod m, and 0 for 0.
 *
 * In:      x[limbs] < m[limbs], m odd, limbs = 4 or 8; gcd(x, m) = 1 or x = 0
 * Out:     z[limbs] < m; may be x
 * Timing:  constant in x; m is public. */
void gostkey_invert(uint64_t *z, const uint64_t *x, const uint64_t *m, unsigned limbs);

#endif
