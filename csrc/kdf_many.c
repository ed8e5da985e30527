/* HMAC, PBKDF2 and the derivation of CryptoPro containers, many at once.
 *
 * Items are taken in groups of as many as a hash has on their way at the same time, or
 * passwords, where there are enough of them, in slices.
 * All that has many compressions an item runs in lanes; what an item of HMAC and PBKDF2
 * does once is done one after the other, and so is what is too little for lanes.
 *
 * Source: RFC 2104, RFC 8018 5.2, RFC 9337; CPKDF as found in containers. */

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "hmac.h"
#include "kdf.h"
#include "wipe.h"

#define GROUP GOSTKEY_STREEBOG_LANES

_Static_assert(GROUP == GOSTKEY_GOSTR3411_94_LANES, "groups of both hashes are alike");

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

/* What takes the next of n items in slices [streebog_slices.h], or NULL; *count gets how
 * many. */
static const struct gostkey_streebog_slices *slices_for(int name, int wanted, size_t n,
                                                        size_t *count)
{
    const struct gostkey_streebog_kernel *kernel = gostkey_streebog_kernel;
    const struct gostkey_streebog_slices *slices = kernel->slices;

    if (slices == NULL || name != wanted || n < kernel->least_sliced) {
        return NULL;
    }
    *count = n < slices->lanes ? n : slices->lanes;
    return slices;
}

/* --- A hash of a group ------------------------------------------------------------ */

/* What a group is hashed with; the owner wipes it. */
typedef struct {
    int name;
    size_t size, block;            /* in bytes */
    size_t least;                  /* items of the smallest group that pays */
    gostkey_gostr3411_94_many old; /* only for that hash */
} hasher;

/* Hashes of a group after one block each. */
typedef union {
    gostkey_streebog streebog[GROUP];
    gostkey_gostr3411_94_lanes old;
} started;

static void set_hash(hasher *hash, int name)
{
    hash->name = name;
    hash->size = gostkey_hash_size(name);
    hash->block = gostkey_hash_block(name);
    hash->least = 1;
    if (!gostkey_hash_is_streebog(name)) {
        /* Its lanes cost the same, whether all or one of them have a message. */
        hash->least = 2;
        gostkey_gostr3411_94_many_init(&hash->old, gostkey_hash_sbox(name));
    }
}

/* Start `count` hashes with blocks that are laid end to end. */
static void start(hasher *hash, started *states, const uint8_t *blocks, size_t count)
{
    if (gostkey_hash_is_streebog(hash->name)) {
        gostkey_streebog_start((int)hash->size, states->streebog,
                               (const uint8_t(*)[GOSTKEY_STREEBOG_BLOCK])blocks, count);
    } else {
        gostkey_gostr3411_94_start(&hash->old, &states->old,
                                   (const uint8_t(*)[GOSTKEY_GOSTR3411_94_BLOCK])blocks,
                                   count);
    }
}

/* out, end to end, := digests of `count` texts, which are the ends of what was started
 * in states if that is not NULL. */
static void digest(hasher *hash, uint8_t *out, const started *states,
                   const uint8_t *const *texts, const uint64_t *sizes, size_t count)
{
    if (gostkey_hash_is_streebog(hash->name)) {
        gostkey_streebog_messages messages = {0};

        messages.apart = texts;
        messages.lengths = sizes;
        messages.starts = states != NULL ? states->streebog : NULL;
        gostkey_streebog_each((int)hash->size, out, &messages, count);
    } else {
        gostkey_gostr3411_94_each(&hash->old, out, states != NULL ? &states->old : NULL,
                                  texts, sizes, count);
    }
}

/* Texts of one size at equal distances. */
static void lay_out(const uint8_t **texts, uint64_t *sizes, const uint8_t *from,
                    size_t size, size_t distance, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        texts[i] = from + distance * i;
        sizes[i] = size;
    }
}

/* --- HMAC and PBKDF2 -------------------------------------------------------------- */

/* The keys of HMAC for a group, as in gostkey_hmac_key. */
typedef struct {
    started inner, outer;
} hmac_group;

static void set_keys(hmac_group *group, hasher *hash, strings *keys, size_t count)
{
    uint8_t blocks[GROUP * GOSTKEY_HASH_MAX_BLOCK] = {0};
    uint8_t digests[GROUP * GOSTKEY_HASH_MAX_SIZE];
    const uint8_t *texts[GROUP] = {NULL};
    uint64_t sizes[GROUP] = {0};
    size_t who[GROUP], many = 0;

    for (size_t i = 0; i < count; i++) {
        size_t key_size;
        const uint8_t *key = take(keys, &key_size);

        if (key_size > hash->block) {
            texts[many] = key;
            sizes[many] = key_size;
            who[many++] = i;
        } else if (key_size != 0) {
            memcpy(blocks + hash->block * i, key, key_size);
        }
    }
    digest(hash, digests, NULL, texts, sizes, many);
    for (size_t i = 0; i < many; i++) {
        memcpy(blocks + hash->block * who[i], digests + hash->size * i, hash->size);
    }
    for (size_t k = 0; k < hash->block * count; k++) {
        blocks[k] ^= 0x36;
    }
    start(hash, &group->inner, blocks, count);
    for (size_t k = 0; k < hash->block * count; k++) {
        blocks[k] ^= 0x36 ^ 0x5c;
    }
    start(hash, &group->outer, blocks, count);
    gostkey_wipe(blocks, sizeof blocks);
    gostkey_wipe(digests, sizeof digests);
}

/* macs[i] := HMAC of text i, for the first `count` keys of the group. */
static void authenticate(const hmac_group *group, hasher *hash, uint8_t *macs,
                         const uint8_t *const *texts, const uint64_t *sizes,
                         size_t count)
{
    uint8_t digests[GROUP * GOSTKEY_HASH_MAX_SIZE];
    const uint8_t *inner[GROUP];
    uint64_t inner_sizes[GROUP];

    digest(hash, digests, &group->inner, texts, sizes, count);
    lay_out(inner, inner_sizes, digests, hash->size, hash->size, count);
    digest(hash, macs, &group->outer, inner, inner_sizes, count);
    gostkey_wipe(digests, sizeof digests);
}

void gostkey_hmac_many(int name, uint8_t *macs, const uint8_t *keys,
                       const uint64_t *key_sizes, const uint8_t *data,
                       const uint64_t *sizes, size_t n)
{
    strings all_keys = {keys, key_sizes}, all_data = {data, sizes};
    hmac_group group;
    hasher hash;

    set_hash(&hash, name);
    while (n >= hash.least) {
        const size_t count = group_of(n);
        const uint8_t *texts[GROUP];
        uint64_t text_sizes[GROUP];

        set_keys(&group, &hash, &all_keys, count);
        for (size_t i = 0; i < count; i++) {
            size_t text_size;

            texts[i] = take(&all_data, &text_size);
            text_sizes[i] = text_size;
        }
        authenticate(&group, &hash, macs, texts, text_sizes, count);
        macs += hash.size * count;
        n -= count;
    }
    if (n != 0) {
        size_t key_size, text_size;
        const uint8_t *key = take(&all_keys, &key_size);
        const uint8_t *text = take(&all_data, &text_size);

        gostkey_hmac(name, macs, key, key_size, text, text_size);
    }
    gostkey_wipe(&group, sizeof group);
    gostkey_wipe(&hash, sizeof hash);
}

/* u := HMAC of salt and number, one item. */
static void first_u(int name, uint8_t *u, const uint8_t *password, size_t password_size,
                    const uint8_t *salt, size_t salt_size, uint32_t number)
{
    gostkey_hmac_key key;
    gostkey_hash running;
    uint8_t octets[4];

    gostkey_hmac_init(&key, name, password, password_size);
    gostkey_store32_be(octets, number);
    running = key.inner;
    gostkey_hash_update(&running, salt, salt_size);
    gostkey_hash_update(&running, octets, sizeof octets);
    gostkey_hmac_final(&key, &running, u);
    gostkey_wipe(&key, sizeof key);
}

/* h and sigma of the inner, and of the outer hash after a key's block. */
typedef uint8_t key_states[4][GOSTKEY_STREEBOG_BLOCK];

static void set_states(key_states states, const uint8_t *password, size_t password_size)
{
    gostkey_hmac_key key;

    gostkey_hmac_init(&key, GOSTKEY_STREEBOG512, password, password_size);
    for (int i = 0; i < 8; i++) {
        gostkey_store64_le(states[0] + 8 * i, key.inner.as.streebog.h[i]);
        gostkey_store64_le(states[1] + 8 * i, key.inner.as.streebog.sigma[i]);
        gostkey_store64_le(states[2] + 8 * i, key.outer.as.streebog.h[i]);
        gostkey_store64_le(states[3] + 8 * i, key.outer.as.streebog.sigma[i]);
    }
    gostkey_wipe(&key, sizeof key);
}

/* gostkey_pbkdf2_many with Streebog of 64 bytes for `count` items, no more than there
 * are lanes; -1 if there is no memory, which is before anything is taken. */
static int pbkdf2_sliced(const struct gostkey_streebog_slices *slices, uint8_t *out,
                         size_t length, strings *passwords, strings *salts,
                         uint32_t iterations, size_t count)
{
    const size_t size = GOSTKEY_HASH_MAX_SIZE;
    const size_t each = sizeof(key_states) + size;
    const strings all_passwords = *passwords, all_salts = *salts;
    uint8_t *memory = malloc(each * count), *u;
    key_states *states = (key_states *)(void *)memory;
    uint32_t number = 1;
    int status = 0;

    if (memory == NULL) {
        return -1;
    }
    u = memory + sizeof(key_states) * count;
    for (size_t i = 0; i < count; i++) {
        size_t password_size;
        const uint8_t *password = take(passwords, &password_size);

        set_states(states[i], password, password_size);
    }
    for (size_t done = 0; done < length && status == 0; done += size, number++) {
        const size_t rest = length - done, taken = rest < size ? rest : size;

        *passwords = all_passwords;
        *salts = all_salts;
        for (size_t i = 0; i < count; i++) {
            size_t password_size, salt_size;
            const uint8_t *password = take(passwords, &password_size);
            const uint8_t *salt = take(salts, &salt_size);

            first_u(GOSTKEY_STREEBOG512, u + size * i, password, password_size, salt,
                    salt_size, number);
        }
        status = slices->pbkdf2(u, (const uint8_t(*)[4][64])states, iterations, count);
        for (size_t i = 0; i < count; i++) {
            memcpy(out + length * i + done, u + size * i, taken);
        }
    }
    gostkey_wipe(memory, each * count);
    free(memory);
    if (status != 0) {
        *passwords = all_passwords;
        *salts = all_salts;
    }
    return status;
}

void gostkey_pbkdf2_many(int name, uint8_t *out, size_t length,
                         const uint8_t *passwords, const uint64_t *password_sizes,
                         const uint8_t *salts, const uint64_t *salt_sizes,
                         uint32_t iterations, size_t n)
{
    strings all_passwords = {passwords, password_sizes}, all_salts = {salts, salt_sizes};
    uint8_t u[GROUP * GOSTKEY_HASH_MAX_SIZE], sum[GROUP * GOSTKEY_HASH_MAX_SIZE];
    const struct gostkey_streebog_slices *slices;
    hmac_group group;
    hasher hash;
    size_t many;

    while ((slices = slices_for(name, GOSTKEY_STREEBOG512, n, &many)) != NULL &&
           pbkdf2_sliced(slices, out, length, &all_passwords, &all_salts, iterations,
                         many) == 0) {
        out += length * many;
        n -= many;
    }
    set_hash(&hash, name);
    while (n >= hash.least) {
        const size_t count = group_of(n);
        strings keys = all_passwords;
        const uint8_t *password[GROUP], *salt[GROUP], *texts[GROUP];
        size_t password_size[GROUP], salt_size[GROUP];
        uint64_t sizes[GROUP];
        uint32_t number = 1;

        set_keys(&group, &hash, &keys, count);
        for (size_t i = 0; i < count; i++) {
            password[i] = take(&all_passwords, &password_size[i]);
            salt[i] = take(&all_salts, &salt_size[i]);
        }
        lay_out(texts, sizes, u, hash.size, hash.size, count);
        for (size_t done = 0; done < length; done += hash.size, number++) {
            const size_t rest = length - done;
            const size_t taken = rest < hash.size ? rest : hash.size;

            for (size_t i = 0; i < count; i++) {
                first_u(name, u + hash.size * i, password[i], password_size[i], salt[i],
                        salt_size[i], number);
            }
            memcpy(sum, u, hash.size * count);
            for (uint32_t t = 1; t < iterations; t++) {
                authenticate(&group, &hash, u, texts, sizes, count);
                for (size_t k = 0; k < hash.size * count; k++) {
                    sum[k] ^= u[k];
                }
            }
            for (size_t i = 0; i < count; i++) {
                memcpy(out + length * i + done, sum + hash.size * i, taken);
            }
        }
        out += length * count;
        n -= count;
    }
    if (n != 0) {
        size_t password_size, salt_size;
        const uint8_t *password = take(&all_passwords, &password_size);
        const uint8_t *salt = take(&all_salts, &salt_size);

        gostkey_pbkdf2(name, out, length, password, password_size, salt, salt_size,
                       iterations);
    }
    gostkey_wipe(&group, sizeof group);
    gostkey_wipe(&hash, sizeof hash);
    gostkey_wipe(u, sizeof u);
    gostkey_wipe(sum, sizeof sum);
}

/* --- Containers ------------------------------------------------------------------- */

/* What an iteration hashes [gostkey_container_mix]: a block of c ^ 0x36, first, a block
 * of c ^ 0x5c, first; c has 32 bytes, and zeros where the block is longer. */
enum { MIXED = 2 * (GOSTKEY_HASH_MAX_BLOCK + 32) };

/* The items of a group. */
typedef struct {
    size_t count;
    const uint8_t *password[GROUP], *salt[GROUP];
    size_t password_size[GROUP], salt_size[GROUP];
    int is_short; /* each password with its salt has no more than SHORT bytes */
} items;

enum { SHORT = 64 };

static void take_items(items *group, strings *passwords, strings *salts, size_t count)
{
    group->count = count;
    group->is_short = 1;
    for (size_t i = 0; i < count; i++) {
        group->password[i] = take(passwords, &group->password_size[i]);
        group->salt[i] = take(salts, &group->salt_size[i]);
        if (group->password_size[i] > SHORT ||
            group->salt_size[i] > SHORT - group->password_size[i]) {
            group->is_short = 0;
        }
    }
}

/* at := bytes; the end of them. */
static uint8_t *put(uint8_t *at, const uint8_t *bytes, size_t size)
{
    if (size != 0) {
        memcpy(at, bytes, size);
    }
    return at + size;
}

/* first[i] := as gostkey_container_first; in lanes, if the items are short. */
static void containers_first(hasher *hash, uint8_t first[][32], const items *group)
{
    uint8_t joined[GROUP][SHORT];
    const uint8_t *texts[GROUP];
    uint64_t sizes[GROUP];

    for (size_t i = 0; i < group->count; i++) {
        if (!group->is_short) {
            gostkey_container_first(hash->name, first[i], group->password[i],
                                    group->password_size[i], group->salt[i],
                                    group->salt_size[i]);
            continue;
        }
        put(put(joined[i], group->salt[i], group->salt_size[i]), group->password[i],
            group->password_size[i]);
        texts[i] = joined[i];
        sizes[i] = group->salt_size[i] + group->password_size[i];
    }
    if (group->is_short) {
        digest(hash, first[0], NULL, texts, sizes, group->count);
        gostkey_wipe(joined, sizeof joined);
    }
}

/* keys[i] := as gostkey_container_last; in lanes, if the items are short. */
static void containers_last(hasher *hash, uint8_t *keys, uint8_t c[][32],
                            const items *group)
{
    uint8_t joined[GROUP][SHORT + 64];
    const uint8_t *texts[GROUP];
    uint64_t sizes[GROUP];

    for (size_t i = 0; i < group->count; i++) {
        uint8_t *end;

        if (!group->is_short) {
            gostkey_container_last(hash->name, keys + 32 * i, c[i], group->password[i],
                                   group->password_size[i], group->salt[i],
                                   group->salt_size[i]);
            continue;
        }
        for (size_t k = 0; k < 32; k++) {
            joined[i][k] = c[i][k] ^ 0x36;
        }
        end = put(joined[i] + 32, group->salt[i], group->salt_size[i]);
        for (size_t k = 0; k < 32; k++) {
            end[k] = c[i][k] ^ 0x5c;
        }
        put(end + 32, group->password[i], group->password_size[i]);
        texts[i] = joined[i];
        sizes[i] = 64 + group->salt_size[i] + group->password_size[i];
    }
    if (group->is_short) {
        digest(hash, c[0], NULL, texts, sizes, group->count);
        lay_out(texts, sizes, c[0], 32, 32, group->count);
        digest(hash, keys, NULL, texts, sizes, group->count);
        gostkey_wipe(joined, sizeof joined);
    }
}

/* gostkey_container_keys with Streebog for `count` items, no more than there are lanes;
 * -1 if there is no memory, which is before anything is taken. */
static int containers_sliced(const struct gostkey_streebog_slices *slices, hasher *hash,
                             uint8_t *keys, strings *passwords, strings *salts,
                             uint32_t iterations, size_t count)
{
    const strings all_passwords = *passwords, all_salts = *salts;
    uint8_t(*memory)[32] = malloc(2 * sizeof *memory * count), (*first)[32];
    items group;
    int status;

    if (memory == NULL) {
        return -1;
    }
    first = memory + count;
    for (size_t done = 0; done < count; done += group.count) {
        take_items(&group, passwords, salts, group_of(count - done));
        containers_first(hash, first + done, &group);
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(memory[i], gostkey_container_start, sizeof *memory);
    }
    status = slices->container(memory[0], first[0], iterations, count);
    *passwords = all_passwords;
    *salts = all_salts;
    for (size_t done = 0; done < count && status == 0; done += group.count) {
        take_items(&group, passwords, salts, group_of(count - done));
        containers_last(hash, keys + 32 * done, memory + done, &group);
    }
    gostkey_wipe(memory, 2 * sizeof *memory * count);
    free(memory);
    return status;
}

void gostkey_container_keys(int name, uint8_t *keys, const uint8_t *passwords,
                            const uint64_t *password_sizes, const uint8_t *salts,
                            const uint64_t *salt_sizes, uint32_t iterations, size_t n)
{
    strings all_passwords = {passwords, password_sizes}, all_salts = {salts, salt_sizes};
    uint8_t mixed[GROUP][MIXED], c[GROUP][32], first[GROUP][32];
    const struct gostkey_streebog_slices *slices;
    hasher hash;
    size_t many;

    set_hash(&hash, name);
    while ((slices = slices_for(name, GOSTKEY_STREEBOG256, n, &many)) != NULL &&
           containers_sliced(slices, &hash, keys, &all_passwords, &all_salts,
                             iterations, many) == 0) {
        keys += 32 * many;
        n -= many;
    }
    while (n >= hash.least) {
        const size_t count = group_of(n), block = hash.block, half = block + 32;
        const uint8_t *texts[GROUP];
        uint64_t sizes[GROUP];
        items group;

        take_items(&group, &all_passwords, &all_salts, count);
        containers_first(&hash, first, &group);
        for (size_t i = 0; i < count; i++) {
            memset(mixed[i], 0x36, block);
            memset(mixed[i] + half, 0x5c, block);
            memcpy(mixed[i] + block, first[i], 32);
            memcpy(mixed[i] + block + half, first[i], 32);
            memcpy(c[i], gostkey_container_start, sizeof c[i]);
        }
        lay_out(texts, sizes, mixed[0], 2 * half, MIXED, count);
        for (uint32_t t = 0; t < iterations; t++) {
            for (size_t i = 0; i < count; i++) {
                for (size_t k = 0; k < 32; k++) {
                    mixed[i][k] = c[i][k] ^ 0x36;
                    mixed[i][half + k] = c[i][k] ^ 0x5c;
                }
            }
            digest(&hash, c[0], NULL, texts, sizes, count);
        }
        containers_last(&hash, keys, c, &group);
        keys += 32 * count;
        n -= count;
    }
    if (n != 0) {
        size_t password_size, salt_size;
        const uint8_t *password = take(&all_passwords, &password_size);
        const uint8_t *salt = take(&all_salts, &salt_size);

        gostkey_container_key(name, keys, password, password_size, salt, salt_size,
                              iterations);
    }
    gostkey_wipe(mixed, sizeof mixed);
    gostkey_wipe(c, sizeof c);
    gostkey_wipe(first, sizeof first);
    gostkey_wipe(&hash, sizeof hash);
}
