/* Under memcheck: texts, keys, passwords and seeds are secret
 * in everything but the table path. */

#include <stdint.h>
#include <string.h>

#include "gostkey_generators.h"
#include "hash.h"
#include "secret.h"

#define SIZE 200

static uint8_t key[80], data[SIZE], salt[12], out[SIZE];

/* What came out is public from here on, so that a next call does not see it. */
static void done(void)
{
    GOSTKEY_PUBLIC(out, sizeof out);
}

static void check_hash(int name)
{
    gostkey_hash hash;

    gostkey_hash_init(&hash, name, 1);
    gostkey_hash_update(&hash, data, 7);
    gostkey_hash_update(&hash, data + 7, SIZE - 7);
    gostkey_hash_digest(&hash, out);
    done();
    gostkey_hash_final(&hash, out);
    done();
}

static void check_keyed(int name)
{
    gostkey_hmac(name, out, key, 32, data, SIZE);
    done();
    /* Longer than a block: hashed first. */
    gostkey_hmac(name, out, key, sizeof key, data, 5);
    done();
    gostkey_pbkdf2(name, out, 100, key, 8, salt, sizeof salt, 3);
    done();
    if (gostkey_hash_size(name) == 32) {
        gostkey_container_key(name, out, key, 32, salt, sizeof salt, 3);
        done();
    }
}

/* Lengths are public. */
static void check_many(int name)
{
    static const uint64_t key_sizes[3] = {32, 0, 30}, long_sizes[1] = {80};
    static const uint64_t sizes[3] = {63, 64, 7};

    gostkey_hmac_many(name, out, key, key_sizes, data, sizes, 3);
    done();
    gostkey_hmac_many(name, out, key, long_sizes, data, sizes, 1);
    done();
    gostkey_pbkdf2_many(name, out, 65, key, key_sizes, data, sizes, 2, 3);
    done();
    if (gostkey_hash_size(name) == 32) {
        gostkey_container_keys(name, out, key, key_sizes, data, sizes, 2, 3);
        done();
    }
    if (gostkey_hash_is_streebog(name)) {
        gostkey_streebog_many((int)gostkey_hash_size(name), out, data, 66, 3);
        done();
    }
}

static void check_generator(void)
{
    gostkey_drbg *drbg = gostkey_drbg_new();

    if (drbg == NULL) {
        return;
    }
    (void)gostkey_drbg_reseed(drbg, key, 48);
    gostkey_drbg_blocks(drbg, out, 2);
    done();
    gostkey_drbg_fill(drbg, out, 130);
    done();
    gostkey_drbg_free(drbg);
}

void check_hashes(void);

void check_hashes(void)
{
    memset(key, 0x5a, sizeof key);
    memset(data, 0xa5, sizeof data);
    memset(salt, 0x3c, sizeof salt);
    GOSTKEY_SECRET(key, sizeof key);
    GOSTKEY_SECRET(data, sizeof data);
    for (int name = 0; name < GOSTKEY_HASH_COUNT; name++) {
        check_hash(name);
        check_keyed(name);
        check_many(name);
    }
    check_generator();
    GOSTKEY_PUBLIC(key, sizeof key);
    GOSTKEY_PUBLIC(data, sizeof data);
}
