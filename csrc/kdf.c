/* Keys from passwords: PBKDF2 and the derivation of CryptoPro containers, one at a time;
 * kdf_many.c has many.
 *
 * Source: RFC 8018 5.2 and RFC 9337; CPKDF as found in containers. */

#include "kdf.h"

#include <string.h>

#include "bytes.h"
#include "hmac.h"
#include "wipe.h"

void gostkey_pbkdf2(int name, uint8_t *out, size_t length, const uint8_t *password,
                    size_t password_size, const uint8_t *salt, size_t salt_size,
                    uint32_t iterations)
{
    const size_t size = gostkey_hash_size(name);
    uint8_t u[GOSTKEY_HASH_MAX_SIZE], sum[GOSTKEY_HASH_MAX_SIZE];
    gostkey_hmac_key hmac;
    gostkey_hash running;

    gostkey_hmac_init(&hmac, name, password, password_size);
    for (uint32_t number = 1; length != 0; number++) {
        size_t taken = length < size ? length : size;
        uint8_t octets[4];

        gostkey_store32_be(octets, number);
        running = hmac.inner;
        gostkey_hash_update(&running, salt, salt_size);
        gostkey_hash_update(&running, octets, sizeof octets);
        gostkey_hmac_final(&hmac, &running, u);
        memcpy(sum, u, size);
        for (uint32_t i = 1; i < iterations; i++) {
            running = hmac.inner;
            gostkey_hash_update(&running, u, size);
            gostkey_hmac_final(&hmac, &running, u);
            for (size_t k = 0; k < size; k++) {
                sum[k] ^= u[k];
            }
        }
        memcpy(out, sum, taken);
        out += taken;
        length -= taken;
    }
    gostkey_wipe(&hmac, sizeof hmac);
    gostkey_wipe(u, sizeof u);
    gostkey_wipe(sum, sizeof sum);
}

void gostkey_container_mix(int name, uint8_t out[32], const uint8_t *c, size_t c_size,
                const uint8_t *middle, size_t middle_size, const uint8_t *end,
                size_t end_size)
{
    uint8_t part[GOSTKEY_HASH_MAX_BLOCK];
    gostkey_hash hash;

    gostkey_hash_init(&hash, name, 1);
    for (size_t i = 0; i < c_size; i++) {
        part[i] = c[i] ^ 0x36;
    }
    gostkey_hash_update(&hash, part, c_size);
    gostkey_hash_update(&hash, middle, middle_size);
    for (size_t i = 0; i < c_size; i++) {
        part[i] = c[i] ^ 0x5c;
    }
    gostkey_hash_update(&hash, part, c_size);
    gostkey_hash_update(&hash, end, end_size);
    gostkey_hash_final(&hash, out);
    gostkey_wipe(part, sizeof part);
}

const uint8_t gostkey_container_start[32] = {
    'D', 'E', 'N', 'E', 'F', 'H', '0', '2', '8', '.', '7', '6', '0', '2', '4', '6',
    '7', '8', '5', '.', 'I', 'U', 'E', 'F', 'H', 'W', 'U', 'I', 'O', '.', 'E', 'F'};

void gostkey_container_first(int name, uint8_t first[32], const uint8_t *password,
                             size_t password_size, const uint8_t *salt,
                             size_t salt_size)
{
    gostkey_hash hash;

    gostkey_hash_init(&hash, name, 1);
    gostkey_hash_update(&hash, salt, salt_size);
    gostkey_hash_update(&hash, password, password_size);
    gostkey_hash_final(&hash, first);
}

void gostkey_container_last(int name, uint8_t key[32], uint8_t c[32],
                            const uint8_t *password, size_t password_size,
                            const uint8_t *salt, size_t salt_size)
{
    gostkey_hash hash;

    gostkey_container_mix(name, c, c, 32, salt, salt_size, password, password_size);
    gostkey_hash_init(&hash, name, 1);
    gostkey_hash_update(&hash, c, 32);
    gostkey_hash_final(&hash, key);
}

void gostkey_container_key(int name, uint8_t key[32], const uint8_t *password,
                           size_t password_size, const uint8_t *salt,
                           size_t salt_size, uint32_t iterations)
{
    const size_t block = gostkey_hash_block(name);
    uint8_t c[GOSTKEY_HASH_MAX_BLOCK] = {0}, first[32];

    gostkey_container_first(name, first, password, password_size, salt, salt_size);
    /* Beyond its 32 bytes c stays zero. */
    memcpy(c, gostkey_container_start, sizeof gostkey_container_start);
    for (uint32_t i = 0; i < iterations; i++) {
        gostkey_container_mix(name, c, c, block, first, sizeof first, first,
                              sizeof first);
    }
    gostkey_container_last(name, key, c, password, password_size, salt, salt_size);
    gostkey_wipe(c, sizeof c);
    gostkey_wipe(first, sizeof first);
}
