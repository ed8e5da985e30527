/* Streebog (GOST R 34.11-2012): the compression function, twice, and the
 * running hash over either.
 *
 * A block of 512 bits is eight 64-bit words, the lowest first: word i is bytes
 * 8 i .. 8 i + 7 of the message or digest, little-endian.
 *
 * Source: GOST R 34.11-2012 (RFC 6986). */

#ifndef GOSTKEY_STREEBOG_H
#define GOSTKEY_STREEBOG_H

#include <stddef.h>
#include <stdint.h>

#define GOSTKEY_STREEBOG_BLOCK 64

/* h := g_n(h, m) [8 of the RFC].
 *
 * Timing:  _var: table look-ups by the data, for public data only;
 *          without it: constant. */
void gostkey_streebog_compress_var(uint64_t h[8], const uint64_t n[8],
                                   const uint64_t m[8]);
void gostkey_streebog_compress(uint64_t h[8], const uint64_t n[8],
                               const uint64_t m[8]);

/* A running hash; the owner wipes it.  May be copied by assignment. */
typedef struct {
    uint64_t h[8];
    uint64_t n[8];     /* bits hashed, without those in rest */
    uint64_t sigma[8]; /* sum of the blocks */
    uint8_t rest[GOSTKEY_STREEBOG_BLOCK];
    size_t used; /* bytes in rest, < 64 */
    int size;    /* bytes of the digest: 32 or 64 */
    int secret;  /* not 0: constant time */
} gostkey_streebog;

/* Start a hash with a digest of size = 32 or 64 bytes. */
void gostkey_streebog_init(gostkey_streebog *state, int size, int secret);

/* Hash n more bytes. */
void gostkey_streebog_update(gostkey_streebog *state, const uint8_t *data, size_t n);

/* Write the digest, state->size bytes; the state is wiped. */
void gostkey_streebog_final(gostkey_streebog *state, uint8_t *digest);

/* out[i] := digest of `size` bytes, 32 or 64, of message i, for n messages of
 * `length` bytes laid end to end, as the digests are.  Timing: constant. */
void gostkey_streebog_many(int size, uint8_t *out, const uint8_t *messages,
                           size_t length, size_t n);

#endif
