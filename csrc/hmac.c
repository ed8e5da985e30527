/* HMAC.  Source: RFC 2104; with Streebog RFC 7836 4.1. */

#include "hmac.h"

#include <string.h>

#include "wipe.h"

void gostkey_hmac_init(gostkey_hmac_key *hmac, int name, const uint8_t *key,
                       size_t key_size)
{
    uint8_t block[GOSTKEY_HASH_MAX_BLOCK] = {0};
    size_t size = gostkey_hash_block(name);

    if (key_size > size) {
        /* A digest is never longer than a block. */
        gostkey_hash_init(&hmac->inner, name, 1);
        gostkey_hash_update(&hmac->inner, key, key_size);
        gostkey_hash_final(&hmac->inner, block);
    } else if (key_size != 0) {
        memcpy(block, key, key_size);
    }
    for (size_t i = 0; i < size; i++) {
        block[i] ^= 0x36;
    }
    gostkey_hash_init(&hmac->inner, name, 1);
    gostkey_hash_update(&hmac->inner, block, size);
    for (size_t i = 0; i < size; i++) {
        block[i] ^= 0x36 ^ 0x5c;
    }
    gostkey_hash_init(&hmac->outer, name, 1);
    gostkey_hash_update(&hmac->outer, block, size);
    gostkey_wipe(block, sizeof block);
}

void gostkey_hmac_final(const gostkey_hmac_key *hmac, gostkey_hash *running,
                        uint8_t *mac)
{
    uint8_t digest[GOSTKEY_HASH_MAX_SIZE];
    size_t size = gostkey_hash_size(hmac->inner.name);

    gostkey_hash_final(running, digest);
    *running = hmac->outer;
    gostkey_hash_update(running, digest, size);
    gostkey_hash_final(running, mac);
    gostkey_wipe(digest, sizeof digest);
}

void gostkey_hmac(int name, uint8_t *mac, const uint8_t *key, size_t key_size,
                  const uint8_t *data, size_t n)
{
    gostkey_hmac_key hmac;
    gostkey_hash running;

    gostkey_hmac_init(&hmac, name, key, key_size);
    running = hmac.inner;
    gostkey_hash_update(&running, data, n);
    gostkey_hmac_final(&hmac, &running, mac);
    gostkey_wipe(&hmac, sizeof hmac);
}
