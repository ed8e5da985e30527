/* HMAC, PBKDF2 and the derivation of CryptoPro containers, many at once.
 *
 * Items are taken in groups of as many as gostkey_streebog_each has on their way at the
 * same time.  All that has many compressions an item runs in lanes; what an item does
 * once is done one after the other.  The hash of 1994 has no lanes.
 *
 * Source: RFC 2104, RFC 8018 5.2, RFC 9337; CPKDF as found in containers. */

#include <string.h>

#include "bytes.h"
#include "hmac.h"
#include "kdf.h"
#include "streebog.h"
#include "wipe.h"

#define GROUP GOSTKEY_STREEBOG_LANES
#define BLOCK GOSTKEY_STREEBOG_BLOCK

/* Strings laid end to end; next is the one that comes. */
typedef struct {
    const uint8_t *next;
    const uint64_t *sizes;
} strings;

static const uint8_t *take(strings *all, size_t *size)
{
    const uint8_t *taken = all->next;

    *size = (size_t)*all->sizes++;
    if (*size != 0) {
        all->next += *size;
    }
    return taken;
}

static size_t group_of(size_t n)
{
    return n < GROUP ? n : GROUP;
}

/* The keys of HMAC for a group, as in gostkey_hmac_key. */
typedef struct {
    gostkey_streebog inner[GROUP], outer[GROUP];
} hmac_group;

static void set_keys(hmac_group *group, int size, strings *keys, size_t count)
{
    uint8_t blocks[GROUP][BLOCK] = {{0}}, digests[GROUP][64];
    const uint8_t *texts[GROUP];
    uint64_t sizes[GROUP];
    size_t who[GROUP], many = 0;
    gostkey_streebog_messages messages = {0};

    for (size_t i = 0; i < count; i++) {
        size_t key_size;
        const uint8_t *key = take(keys, &key_size);

        if (key_size > BLOCK) {
            texts[many] = key;
            sizes[many] = key_size;
            who[many++] = i;
        } else if (key_size != 0) {
            memcpy(blocks[i], key, key_size);
        }
    }
    messages.apart = texts;
    messages.lengths = sizes;
    gostkey_streebog_each(size, digests[0], &messages, many);
    for (size_t i = 0; i < many; i++) {
        memcpy(blocks[who[i]], digests[0] + (size_t)size * i, (size_t)size);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < BLOCK; k++) {
            blocks[i][k] ^= 0x36;
        }
    }
    gostkey_streebog_start(size, group->inner, (const uint8_t(*)[BLOCK])blocks, count);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < BLOCK; k++) {
            blocks[i][k] ^= 0x36 ^ 0x5c;
        }
    }
    gostkey_streebog_start(size, group->outer, (const uint8_t(*)[BLOCK])blocks, count);
    gostkey_wipe(blocks, sizeof blocks);
    gostkey_wipe(digests, sizeof digests);
}

/* macs[i] := HMAC of text i, for the first `count` keys of the group. */
static void authenticate(const hmac_group *group, int size, uint8_t *macs,
                         gostkey_streebog_messages *texts, size_t count)
{
    uint8_t digests[GROUP * 64];
    gostkey_streebog_messages inner = {0};

    texts->starts = group->inner;
    gostkey_streebog_each(size, digests, texts, count);
    inner.joined = digests;
    inner.length = (size_t)size;
    inner.starts = group->outer;
    gostkey_streebog_each(size, macs, &inner, count);
    gostkey_wipe(digests, sizeof digests);
}

void gostkey_hmac_many(int name, uint8_t *macs, const uint8_t *keys,
                       const uint64_t *key_sizes, const uint8_t *data,
                       const uint64_t *sizes, size_t n)
{
    const size_t size = gostkey_hash_size(name);
    strings all_keys = {keys, key_sizes}, all_data = {data, sizes};
    hmac_group group;

    if (!gostkey_hash_is_streebog(name)) {
        for (; n != 0; n--, macs += size) {
            size_t key_size, text_size;
            const uint8_t *key = take(&all_keys, &key_size);
            const uint8_t *text = take(&all_data, &text_size);

            gostkey_hmac(name, macs, key, key_size, text, text_size);
        }
        return;
    }
    while (n != 0) {
        const size_t count = group_of(n);
        const uint8_t *texts[GROUP];
        uint64_t text_sizes[GROUP];
        gostkey_streebog_messages messages = {0};

        set_keys(&group, (int)size, &all_keys, count);
        for (size_t i = 0; i < count; i++) {
            size_t text_size;

            texts[i] = take(&all_data, &text_size);
            text_sizes[i] = text_size;
        }
        messages.apart = texts;
        messages.lengths = text_sizes;
        authenticate(&group, (int)size, macs, &messages, count);
        macs += size * count;
        n -= count;
    }
    gostkey_wipe(&group, sizeof group);
}

/* u := HMAC of salt and number, one item. */
static void first_u(const hmac_group *group, size_t i, uint8_t *u, const uint8_t *salt,
                    size_t salt_size, uint32_t number)
{
    const size_t size = (size_t)group->inner[i].size;
    gostkey_streebog running = group->inner[i];
    uint8_t octets[4];

    gostkey_store32_be(octets, number);
    gostkey_streebog_update(&running, salt, salt_size);
    gostkey_streebog_update(&running, octets, sizeof octets);
    gostkey_streebog_final(&running, u);
    running = group->outer[i];
    gostkey_streebog_update(&running, u, size);
    gostkey_streebog_final(&running, u);
}

void gostkey_pbkdf2_many(int name, uint8_t *out, size_t length,
                         const uint8_t *passwords, const uint64_t *password_sizes,
                         const uint8_t *salts, const uint64_t *salt_sizes,
                         uint32_t iterations, size_t n)
{
    const size_t size = gostkey_hash_size(name);
    strings all_passwords = {passwords, password_sizes}, all_salts = {salts, salt_sizes};
    uint8_t u[GROUP * 64], sum[GROUP * 64];
    hmac_group group;

    if (!gostkey_hash_is_streebog(name)) {
        for (; n != 0; n--, out += length) {
            size_t password_size, salt_size;
            const uint8_t *password = take(&all_passwords, &password_size);
            const uint8_t *salt = take(&all_salts, &salt_size);

            gostkey_pbkdf2(name, out, length, password, password_size, salt, salt_size,
                           iterations);
        }
        return;
    }
    while (n != 0) {
        const size_t count = group_of(n);
        const uint8_t *texts[GROUP];
        size_t text_sizes[GROUP];
        uint32_t number = 1;

        set_keys(&group, (int)size, &all_passwords, count);
        for (size_t i = 0; i < count; i++) {
            texts[i] = take(&all_salts, &text_sizes[i]);
        }
        for (size_t done = 0; done < length; done += size, number++) {
            const size_t taken = length - done < size ? length - done : size;

            for (size_t i = 0; i < count; i++) {
                first_u(&group, i, u + size * i, texts[i], text_sizes[i], number);
            }
            memcpy(sum, u, size * count);
            for (uint32_t t = 1; t < iterations; t++) {
                gostkey_streebog_messages messages = {0};

                messages.joined = u;
                messages.length = size;
                authenticate(&group, (int)size, u, &messages, count);
                for (size_t k = 0; k < size * count; k++) {
                    sum[k] ^= u[k];
                }
            }
            for (size_t i = 0; i < count; i++) {
                memcpy(out + length * i + done, sum + size * i, taken);
            }
        }
        out += length * count;
        n -= count;
    }
    gostkey_wipe(&group, sizeof group);
    gostkey_wipe(u, sizeof u);
    gostkey_wipe(sum, sizeof sum);
}

/* What an iteration hashes [gostkey_container_mix]: c has 32 bytes and 32 zeros. */
typedef struct {
    uint8_t c_36[64], middle[32], c_5c[64], end[32];
} mixed;

void gostkey_container_keys(int name, uint8_t *keys, const uint8_t *passwords,
                            const uint64_t *password_sizes, const uint8_t *salts,
                            const uint64_t *salt_sizes, uint32_t iterations, size_t n)
{
    strings all_passwords = {passwords, password_sizes}, all_salts = {salts, salt_sizes};
    mixed texts[GROUP];
    uint8_t c[GROUP][32];

    while (n != 0) {
        const size_t count = group_of(n);
        const uint8_t *password[GROUP], *salt[GROUP];
        size_t password_size[GROUP], salt_size[GROUP];
        gostkey_streebog_messages messages = {0};

        for (size_t i = 0; i < count; i++) {
            password[i] = take(&all_passwords, &password_size[i]);
            salt[i] = take(&all_salts, &salt_size[i]);
        }
        if (!gostkey_hash_is_streebog(name)) {
            for (size_t i = 0; i < count; i++) {
                gostkey_container_key(name, keys + 32 * i, password[i],
                                      password_size[i], salt[i], salt_size[i],
                                      iterations);
            }
        } else {
            for (size_t i = 0; i < count; i++) {
                memset(texts[i].c_36, 0x36, sizeof texts[i].c_36);
                memset(texts[i].c_5c, 0x5c, sizeof texts[i].c_5c);
                memcpy(c[i], gostkey_container_start, sizeof c[i]);
                gostkey_container_first(name, texts[i].middle, password[i],
                                        password_size[i], salt[i], salt_size[i]);
                memcpy(texts[i].end, texts[i].middle, sizeof texts[i].end);
            }
            messages.joined = (const uint8_t *)texts;
            messages.length = sizeof *texts;
            for (uint32_t t = 0; t < iterations; t++) {
                for (size_t i = 0; i < count; i++) {
                    for (size_t k = 0; k < 32; k++) {
                        texts[i].c_36[k] = c[i][k] ^ 0x36;
                        texts[i].c_5c[k] = c[i][k] ^ 0x5c;
                    }
                }
                gostkey_streebog_each(32, c[0], &messages, count);
            }
            for (size_t i = 0; i < count; i++) {
                gostkey_container_last(name, keys + 32 * i, c[i], password[i],
                                       password_size[i], salt[i], salt_size[i]);
            }
        }
        keys += 32 * count;
        n -= count;
    }
    gostkey_wipe(texts, sizeof texts);
    gostkey_wipe(c, sizeof c);
}
