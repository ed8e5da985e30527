/* HMAC [RFC 2104] over any hash of hash.h, constant time. */

#ifndef GOSTKEY_HMAC_H
#define GOSTKEY_HMAC_H

#include "hash.h"

/* A key, kept as the two states after its block: a MAC starts from a copy of
 * them, which saves PBKDF2 two compressions of ten.  The owner wipes it. */
typedef struct {
    gostkey_hash inner, outer;
} gostkey_hmac_key;

/* Set a key of any size. */
void gostkey_hmac_init(gostkey_hmac_key *hmac, int name, const uint8_t *key,
                       size_t key_size);

/* Write the MAC of a running hash that began as a copy of hmac->inner; it is
 * wiped. */
void gostkey_hmac_final(const gostkey_hmac_key *hmac, gostkey_hash *running,
                        uint8_t *mac);

#endif
