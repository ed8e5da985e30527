/* One running hash for all names: hands on to Streebog or GOST R 34.11-94. */

#include "hash.h"

#include <stdlib.h>
#include <string.h>

#include "wipe.h"

int gostkey_hash_is_streebog(int name)
{
    return name == GOSTKEY_STREEBOG256 || name == GOSTKEY_STREEBOG512;
}

size_t gostkey_hash_size(int name)
{
    if (name < 0 || name >= GOSTKEY_HASH_COUNT) {
        return 0;
    }
    return name == GOSTKEY_STREEBOG512 ? 64 : 32;
}

size_t gostkey_hash_block(int name)
{
    if (name < 0 || name >= GOSTKEY_HASH_COUNT) {
        return 0;
    }
    return gostkey_hash_is_streebog(name) ? GOSTKEY_STREEBOG_BLOCK : GOSTKEY_GOSTR3411_94_BLOCK;
}

unsigned gostkey_hash_sbox(int name)
{
    return name == GOSTKEY_GOSTR341194_TEST ? GOSTKEY_SBOX_HASH_TEST
                                            : GOSTKEY_SBOX_HASH_CRYPTOPRO;
}

void gostkey_hash_init(gostkey_hash *hash, int name, int secret)
{
    hash->name = name;
    if (gostkey_hash_is_streebog(name)) {
        gostkey_streebog_init(&hash->as.streebog, (int)gostkey_hash_size(name), secret);
    } else {
        gostkey_gostr3411_94_init(&hash->as.old, gostkey_hash_sbox(name));
    }
}

void gostkey_hash_final(gostkey_hash *hash, uint8_t *digest)
{
    if (gostkey_hash_is_streebog(hash->name)) {
        gostkey_streebog_final(&hash->as.streebog, digest);
    } else {
        gostkey_gostr3411_94_final(&hash->as.old, digest);
    }
}

gostkey_hash *gostkey_hash_new(int name, int secret)
{
    gostkey_hash *hash = malloc(sizeof *hash);

    if (hash != NULL) {
        gostkey_hash_init(hash, name, secret);
    }
    return hash;
}

gostkey_hash *gostkey_hash_copy(const gostkey_hash *hash)
{
    gostkey_hash *copy = malloc(sizeof *copy);

    if (copy != NULL) {
        *copy = *hash;
    }
    return copy;
}

void gostkey_hash_free(gostkey_hash *hash)
{
    if (hash != NULL) {
        gostkey_wipe(hash, sizeof *hash);
        free(hash);
    }
}

void gostkey_hash_wipe(gostkey_hash *hash)
{
    gostkey_wipe(hash, sizeof *hash);
}

void gostkey_hash_update(gostkey_hash *hash, const uint8_t *data, size_t n)
{
    if (gostkey_hash_is_streebog(hash->name)) {
        gostkey_streebog_update(&hash->as.streebog, data, n);
    } else {
        gostkey_gostr3411_94_update(&hash->as.old, data, n);
    }
}

void gostkey_hash_digest(const gostkey_hash *hash, uint8_t *digest)
{
    gostkey_hash copy = *hash;

    gostkey_hash_final(&copy, digest);
}

void gostkey_streebog_one_var(int name, uint8_t *out, const uint8_t *data, size_t n)
{
    gostkey_streebog state;

    gostkey_streebog_init(&state, (int)gostkey_hash_size(name), 0);
    gostkey_streebog_update(&state, data, n);
    gostkey_streebog_final(&state, out);
}

void gostkey_streebog_many_var(int name, uint8_t *out, const uint8_t *messages,
                               size_t length, size_t n)
{
    gostkey_streebog_messages all = {0};

    all.joined = messages;
    all.length = length;
    gostkey_streebog_each_var((int)gostkey_hash_size(name), out, &all, n);
}

int gostkey_streebog_joined_var(int name, uint8_t *out, const uint8_t *messages,
                                size_t size, const uint64_t *lengths, size_t n)
{
    gostkey_streebog_messages all = {0};
    uint64_t rest = size;

    for (size_t i = 0; i < n; i++) {
        if (lengths[i] > rest) {
            return -1;
        }
        rest -= lengths[i];
    }
    if (rest != 0) {
        return -1;
    }
    all.joined = messages;
    all.lengths = lengths;
    gostkey_streebog_each_var((int)gostkey_hash_size(name), out, &all, n);
    return 0;
}

void gostkey_streebog_apart_var(int name, uint8_t *out, const uint8_t *const *messages,
                                const uint64_t *lengths, size_t n)
{
    gostkey_streebog_messages all = {0};

    all.apart = messages;
    all.lengths = lengths;
    gostkey_streebog_each_var((int)gostkey_hash_size(name), out, &all, n);
}
