/* GOST R 34.10-2012 keys, signatures and VKO over the nine parameter sets.
 *
 * A curve is its number in primitives.CURVES of the Python package, 0 to 8; size is
 * 32 bytes for the first five and 64 for the others.  Private keys, nonces, UKM
 * and coordinates are little-endian; a public key is x || y; a signature is s || r,
 * each big-endian; a digest is what Streebog returns, read as a little-endian
 * number.  Arrays are laid end to end, and a stride, in bytes, may be 0 for one
 * item that serves all.
 *
 * gostkey_elliptic_prepare must have returned for a curve before anything else
 * is asked of it.  After that all functions may run in several threads at once.
 * After an error outputs are all zero.  Keys and nonces are handled in constant
 * time, and copies of them are wiped; that a key is out of range, or that a nonce
 * gave r = 0 or s = 0 and was redrawn, is not treated as a secret.
 *
 * Sources: GOST R 34.10-2012 (RFC 7091), RFC 7836 4.3, RFC 9215 (octet orders). */

#ifndef GOSTKEY_ELLIPTIC_H
#define GOSTKEY_ELLIPTIC_H

#include <stddef.h>
#include <stdint.h>

/* ffi: begin */

enum {
    GOSTKEY_ELLIPTIC_OK = 0,
    GOSTKEY_ELLIPTIC_ARGUMENT = -1,     /* curve number, stride, or not prepared */
    GOSTKEY_ELLIPTIC_PRIVATE_KEY = -2,  /* not in 1..q-1 */
    GOSTKEY_ELLIPTIC_COORDINATE = -3,   /* of a public key: not below p */
    GOSTKEY_ELLIPTIC_NOT_ON_CURVE = -4, /* public key */
    GOSTKEY_ELLIPTIC_SUBGROUP = -5,     /* public key: order is not q */
    GOSTKEY_ELLIPTIC_NONCE = -6,        /* out of range, or r = 0 or s = 0 */
    GOSTKEY_ELLIPTIC_UKM = -7,          /* 0 mod q */
    GOSTKEY_ELLIPTIC_DIVISOR = -8       /* 0 mod q */
};

/* Build the curve's table; returns at once if that was done before.  Takes
 * milliseconds.  Two threads must not call it at once. */
int gostkey_elliptic_prepare(int curve);

/* out[i] := d[i] G, 2 * size bytes each.  If a key is out of range, *bad := the
 * first such i. */
int gostkey_elliptic_public_keys(int curve, uint8_t *out, const uint8_t *private_le,
                                 size_t n, size_t *bad);

/* out[i] := signature of digest i, 2 * size bytes each, with hedged nonces: from key,
 * digest, size bytes of fresh random that are one for all, and first + i, together
 * (gost3410.c tells how). */
int gostkey_elliptic_sign(int curve, uint8_t *out, const uint8_t *private_le,
                          size_t private_stride, const uint8_t *digests,
                          const uint8_t *fresh, uint64_t first, size_t n,
                          size_t *bad);

/* For test vectors only. */
int gostkey_elliptic_sign_with_nonce(int curve, uint8_t *out, const uint8_t *private_le,
                                     const uint8_t *digest, const uint8_t *nonce_le);

/* out[i] := 1 if signature i is good, else 0; a bad public key gives 0. */
int gostkey_elliptic_verify_var(int curve, uint8_t *out, const uint8_t *public_le,
                                size_t public_stride, const uint8_t *digests,
                                const uint8_t *signatures, size_t n);

/* OK, or what is wrong with a public key: one of three codes. */
int gostkey_elliptic_point_fault_var(int curve, const uint8_t *public_le);

/* out, 2 * size bytes := (cofactor * (UKM * d mod q)) * Q; ukm has 1..size bytes. */
int gostkey_elliptic_vko_point(int curve, uint8_t *out, const uint8_t *private_le,
                               const uint8_t *public_le, const uint8_t *ukm_le,
                               size_t ukm_length);

/* out[i] := wide[i] mod q, and 1 instead of 0; wide has size + 8 bytes each, out
 * size. */
int gostkey_elliptic_private_from_wide(int curve, uint8_t *out, const uint8_t *wide_le,
                                       size_t n);

/* out[i] := a[i] * b[i] or a[i] / b[i] mod q; any numbers of size bytes.  If a divisor
 * is 0 mod q, *bad := the first such i. */
int gostkey_elliptic_multiply_mod_q(int curve, uint8_t *out, const uint8_t *a_le,
                                    const uint8_t *b_le, size_t n);
int gostkey_elliptic_divide_mod_q(int curve, uint8_t *out, const uint8_t *a_le,
                                  const uint8_t *b_le, size_t n, size_t *bad);

/* ffi: end */

#endif
