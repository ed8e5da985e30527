/* The steps of the derivation of CryptoPro containers, for one and for many. */

#ifndef GOSTKEY_KDF_H
#define GOSTKEY_KDF_H

#include "gostkey_hashes.h"

/* What c is at first. */
extern const uint8_t gostkey_container_start[32];

/* first := H(salt | password) */
void gostkey_container_first(int name, uint8_t first[32], const uint8_t *password,
                             size_t password_size, const uint8_t *salt,
                             size_t salt_size);

/* out := H(c ^ 0x36.. | middle | c ^ 0x5c.. | end), where c has a block of the hash or
 * 32 bytes.  An iteration is this with the whole block, and first for middle and
 * end. */
void gostkey_container_mix(int name, uint8_t out[32], const uint8_t *c, size_t c_size,
                           const uint8_t *middle, size_t middle_size,
                           const uint8_t *end, size_t end_size);

/* key := H(mix of 32 bytes of c with salt and password); c is used up. */
void gostkey_container_last(int name, uint8_t key[32], uint8_t c[32],
                            const uint8_t *password, size_t password_size,
                            const uint8_t *salt, size_t salt_size);

#endif
