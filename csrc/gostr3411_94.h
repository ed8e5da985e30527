/* GOST R 34.11-94, the hash before Streebog: for containers and certificates
 * made before 2012.  Constant time throughout; there is no faster path, since
 * nothing large is hashed with it any more.
 *
 * Source: GOST R 34.11-94 (RFC 5831); S-boxes RFC 4357 11.2. */

#ifndef GOSTKEY_GOSTR3411_94_H
#define GOSTKEY_GOSTR3411_94_H

#include <stddef.h>
#include <stdint.h>

#include "gost28147.h"

#define GOSTKEY_GOSTR3411_94_BLOCK 32

/* A running hash; the owner wipes it.  May be copied by assignment. */
typedef struct {
    gostkey_gost28147_sbox sbox;
    uint64_t h[4];
    uint64_t sigma[4];
    uint64_t bytes; /* hashed so far, with those in rest */
    uint8_t rest[GOSTKEY_GOSTR3411_94_BLOCK];
    size_t used; /* bytes in rest, < 32 */
} gostkey_gostr3411_94;

/* Start a hash; sbox_id is GOSTKEY_SBOX_HASH_CRYPTOPRO or _HASH_TEST. */
void gostkey_gostr3411_94_init(gostkey_gostr3411_94 *state, unsigned sbox_id);

/* Hash n more bytes. */
void gostkey_gostr3411_94_update(gostkey_gostr3411_94 *state, const uint8_t *data,
                                 size_t n);

/* Write the digest; the state is wiped. */
void gostkey_gostr3411_94_final(gostkey_gostr3411_94 *state, uint8_t digest[32]);

#endif
