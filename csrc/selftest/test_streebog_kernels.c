/* Self-test of every kernel of Streebog that this machine can run, by name, against
 * the portable tables: each function of the kernel, and what is built of them. */

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "gostkey_generators.h"
#include "hash.h"
#include "hmac.h"
#include "kdf.h"
#include "kernels.h"

#define LONGEST 260
/* More than the lanes of streebog_many.c twice over. */
#define MOST 40

static int failures;
static const char *kernel;
static uint64_t seed;

static void fail(const char *what, size_t a, size_t b)
{
    if (failures++ < 20) {
        printf("streebog kernel %s: %s is wrong (%lu, %lu)\n", kernel, what,
               (unsigned long)a, (unsigned long)b);
    }
}

static uint64_t next_random(void)
{
    /* xorshift64* [Marsaglia03]; any numbers that are all over the place. */
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * 0x2545f4914f6cdd1d;
}

static void random_bytes(uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t)(next_random() >> 56);
    }
}

static void random_words(uint64_t out[8])
{
    for (int i = 0; i < 8; i++) {
        out[i] = next_random();
    }
}

/* The digest by the portable tables, without any kernel's running hash. */
static void expect(int size, uint8_t *out, const uint8_t *data, size_t n)
{
    const struct gostkey_streebog_kernel *before = gostkey_streebog_kernel;
    gostkey_streebog state;

    gostkey_streebog_use(&gostkey_streebog_portable);
    gostkey_streebog_init(&state, size, 0);
    gostkey_streebog_update(&state, data, n);
    gostkey_streebog_final(&state, out);
    gostkey_streebog_use(before);
}

/* Compressions of every number of messages, in both forms, with every byte value in
 * every place of the block, and of first blocks. */
static void test_compressions(const struct gostkey_streebog_kernel *k)
{
    gostkey_streebog_work works[MOST], *places[MOST];
    uint64_t wanted[MOST][8];

    for (size_t count = 0; count <= MOST; count++) {
        for (int form = 0; form < 4; form++) {
            const int size = form == 2 ? 32 : 64;

            if (form >= 2 && k->begin == NULL) {
                continue;
            }
            for (size_t i = 0; i < count; i++) {
                gostkey_streebog_work *w = &works[i];

                places[count - 1 - i] = w;
                random_words(w->h);
                random_words(w->n);
                random_words(w->m);
                if (form >= 2) {
                    memset(wanted[i], size == 32, sizeof wanted[i]);
                    memset(w->n, 0, sizeof w->n);
                } else {
                    memcpy(wanted[i], w->h, sizeof wanted[i]);
                }
                gostkey_streebog_compress_var(wanted[i], w->n, w->m);
                if (form >= 2) {
                    random_words(w->n);
                }
            }
            if (form >= 2) {
                k->begin(size, places, count);
            } else {
                (form ? k->compress : k->compress_var)(places, count);
            }
            for (size_t i = 0; i < count; i++) {
                if (memcmp(works[i].h, wanted[i], sizeof wanted[i]) != 0) {
                    fail("a compression", count, (size_t)form);
                    return;
                }
            }
        }
    }
    for (unsigned value = 0; value < 256; value++) {
        memset(&works[0], (int)value, sizeof works[0]);
        memset(wanted[0], (int)value, sizeof wanted[0]);
        gostkey_streebog_compress_var(wanted[0], works[0].n, works[0].m);
        k->compress(places + MOST - 1, 1);
        if (memcmp(works[0].h, wanted[0], sizeof wanted[0]) != 0) {
            fail("the compression of a byte", value, 0);
        }
    }
}

/* Whole blocks with sums whose carries run through all words, and stop at each. */
static void test_carries(const struct gostkey_streebog_kernel *k)
{
    uint8_t data[4 * 64];

    for (int word = 0; word <= 8; word++) {
        uint64_t state[2][3][8];

        memset(data, 0xff, sizeof data);
        data[64] = 1;
        random_bytes(data + 128, 64);
        for (int i = 0; i < 8; i++) {
            state[0][0][i] = next_random();
            state[0][1][i] = i == 0 ? UINT64_MAX - 511 : UINT64_MAX;
            state[0][2][i] = UINT64_MAX - (i == word);
        }
        if (word < 8) {
            state[0][1][word] -= word != 0;
        }
        memcpy(state[1], state[0], sizeof state[1]);
        gostkey_streebog_portable.blocks_var(state[0][0], state[0][1], state[0][2], data,
                                             4);
        for (int form = 0; form < 2; form++) {
            uint64_t other[3][8];

            memcpy(other, state[1], sizeof other);
            (form ? k->blocks : k->blocks_var)(other[0], other[1], other[2], data, 4);
            if (memcmp(other, state[0], sizeof other) != 0) {
                fail("a carry", (size_t)word, (size_t)form);
            }
        }
    }
}

/* One stream of every length, in one piece and in two. */
static void test_streams(void)
{
    uint8_t data[LONGEST], out[64], wanted[64];

    random_bytes(data, sizeof data);
    for (size_t n = 0; n <= LONGEST; n++) {
        for (int form = 0; form < 4; form++) {
            const int size = form & 1 ? 64 : 32, secret = form >> 1;
            const size_t first = n == 0 ? 0 : (size_t)(next_random() % n);
            gostkey_streebog state;

            expect(size, wanted, data, n);
            gostkey_streebog_init(&state, size, secret);
            gostkey_streebog_update(&state, data, first);
            gostkey_streebog_update(&state, data + first, n - first);
            gostkey_streebog_final(&state, out);
            if (memcmp(out, wanted, (size_t)size) != 0) {
                fail("a digest", n, (size_t)form);
            }
        }
    }
}

/* Every number of messages of equal and of mixed lengths, end to end and apart, from
 * the start and as ends of others. */
static void test_many(void)
{
    static uint8_t data[MOST * LONGEST], out[MOST * 64];
    static gostkey_streebog starts[MOST];
    static const size_t equal[] = {0, 1, 63, 64, 65, 122, 127, 128, 192};
    uint64_t lengths[MOST];
    const uint8_t *apart[MOST];
    uint8_t wanted[64];

    random_bytes(data, sizeof data);
    for (size_t n = 0; n <= MOST; n++) {
        for (size_t form = 0; form < 24; form++) {
            const int size = form & 1 ? 64 : 32, mixed = form & 2, away = form & 4;
            const int ends = form >= 16, var = form & 8;
            gostkey_streebog_messages all = {0};
            const uint8_t *at = data;

            all.length = equal[(n + form / 8) % 9];
            for (size_t i = 0; i < n; i++) {
                lengths[i] = mixed ? next_random() % LONGEST : all.length;
                apart[i] = away ? data + next_random() % 512 : at;
                at += lengths[i];
                gostkey_streebog_init(&starts[i], size, 0);
                gostkey_streebog_update(&starts[i], data + i, 64 * (i % 3));
            }
            all.joined = away ? NULL : data;
            all.apart = away ? apart : NULL;
            all.lengths = mixed ? lengths : NULL;
            all.starts = ends ? starts : NULL;
            memset(out, 0, sizeof out);
            (var ? gostkey_streebog_each_var : gostkey_streebog_each)(size, out, &all, n);
            for (size_t i = 0; i < n; i++) {
                if (ends) {
                    uint8_t whole[128 + LONGEST];

                    memcpy(whole, data + i, 64 * (i % 3));
                    memcpy(whole + 64 * (i % 3), apart[i], (size_t)lengths[i]);
                    expect(size, wanted, whole, 64 * (i % 3) + (size_t)lengths[i]);
                } else {
                    expect(size, wanted, apart[i], (size_t)lengths[i]);
                }
                if (memcmp(out + (size_t)size * i, wanted, (size_t)size) != 0) {
                    fail("one of many", n, form);
                }
            }
            if (n < MOST && out[(size_t)size * n] != 0) {
                fail("what follows many digests", n, form);
            }
        }
    }
}

/* The generator's blocks, one at a time and all at once, across carries. */
static void test_generator(void)
{
    uint8_t numbers[63], one[64];
    static uint8_t many[130 * 64];
    gostkey_drbg *drbg = gostkey_drbg_new();

    if (drbg == NULL) {
        fail("memory", 0, 0);
        return;
    }
    memset(numbers, 0xff, sizeof numbers);
    for (size_t n = 0; n <= 130; n += n < 3 ? 1 : 63) {
        memset(numbers, 0, sizeof numbers);
        memset(numbers, 0xff, 48);
        (void)gostkey_drbg_reseed(drbg, numbers, 48);
        gostkey_drbg_blocks(drbg, many, n);
        for (size_t i = 0; i < n; i++) {
            numbers[62] = (uint8_t)(i + 1);
            expect(64, one, numbers, sizeof numbers);
            if (memcmp(one, many + 64 * i, 64) != 0) {
                fail("a block of the generator", n, i);
            }
        }
    }
    gostkey_drbg_free(drbg);
}

/* Numbers of items around groups of lanes, keys shorter and longer than a block. */
static void test_keyed(void)
{
    enum { MOST_ITEMS = 33, ITERATIONS = 3, LENGTH = 70 };
    static uint8_t keys[MOST_ITEMS * 150], texts[MOST_ITEMS * LONGEST];
    static uint8_t out[MOST_ITEMS * LENGTH];
    uint64_t key_sizes[MOST_ITEMS], sizes[MOST_ITEMS];
    uint8_t wanted[LENGTH];

    random_bytes(keys, sizeof keys);
    random_bytes(texts, sizeof texts);
    for (size_t n = 0; n <= MOST_ITEMS; n += n % 16 == 1 ? 14 : 1) {
        for (int name = 0; name < 2; name++) {
            const size_t size = gostkey_hash_size(name);
            const uint8_t *key = keys, *text = texts;

            for (size_t i = 0; i < n; i++) {
                key_sizes[i] = next_random() % 150;
                sizes[i] = next_random() % LONGEST;
            }
            gostkey_hmac_many(name, out, keys, key_sizes, texts, sizes, n);
            for (size_t i = 0; i < n; i++) {
                gostkey_hmac(name, wanted, key, key_sizes[i], text, sizes[i]);
                if (memcmp(wanted, out + size * i, size) != 0) {
                    fail("one of many HMACs", n, i);
                }
                key += key_sizes[i];
                text += sizes[i];
            }
            gostkey_pbkdf2_many(name, out, LENGTH, keys, key_sizes, texts, sizes,
                                ITERATIONS, n);
            key = keys;
            text = texts;
            for (size_t i = 0; i < n; i++) {
                gostkey_pbkdf2(name, wanted, LENGTH, key, key_sizes[i], text, sizes[i],
                               ITERATIONS);
                if (memcmp(wanted, out + LENGTH * i, LENGTH) != 0) {
                    fail("one of many of PBKDF2", n, i);
                }
                key += key_sizes[i];
                text += sizes[i];
            }
            if (size != 32) {
                continue;
            }
            gostkey_container_keys(name, out, keys, key_sizes, texts, sizes, ITERATIONS,
                                   n);
            key = keys;
            text = texts;
            for (size_t i = 0; i < n; i++) {
                gostkey_container_key(name, wanted, key, key_sizes[i], text, sizes[i],
                                      ITERATIONS);
                if (memcmp(wanted, out + 32 * i, 32) != 0) {
                    fail("one of many container keys", n, i);
                }
                key += key_sizes[i];
                text += sizes[i];
            }
        }
    }
}

/* Passwords in slices, of every number around words and vectors, in all places, against
 * one message at a time. */
static void test_slices(const struct gostkey_streebog_slices *slices)
{
    enum { LANES = 256 };
    static uint8_t c[LANES + 1][32], first[LANES][32], u[LANES + 1][64];
    static uint8_t wanted[LANES][64], states[LANES][4][64];
    const size_t lanes = slices->lanes;
    const size_t numbers[] = {1, 2, 63, 64, 65, 127, 128, 129, 192, 255, lanes};

    if (lanes > LANES) {
        fail("the number of slices", lanes, 0);
        return;
    }
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
        const size_t n = numbers[k] < lanes ? numbers[k] : lanes;
        const uint32_t iterations = (uint32_t)(n < lanes ? k % 3 : 3);

        random_bytes(c[0], sizeof c);
        random_bytes(first[0], sizeof first);
        for (size_t i = 0; i < n; i++) {
            memcpy(wanted[i], c[i], 32);
            memset(wanted[i] + 32, 0, 32);
            for (uint32_t t = 0; t < iterations; t++) {
                gostkey_container_mix(GOSTKEY_STREEBOG256, wanted[i], wanted[i], 64,
                                      first[i], 32, first[i], 32);
            }
        }
        memset(c[n], 0x5a, 32);
        if (slices->container(c[0], first[0], iterations, n) != 0) {
            fail("memory for slices", n, 0);
            return;
        }
        for (size_t i = 0; i < n; i++) {
            if (memcmp(c[i], wanted[i], 32) != 0) {
                fail("a container's slice", n, i);
                return;
            }
        }
        if (c[n][0] != 0x5a || c[n][31] != 0x5a) {
            fail("what follows containers' slices", n, 0);
        }
        if (n < lanes && k % 4 != 0) {
            continue;
        }
        memset(u[n], 0x5a, 64);
        for (size_t i = 0; i < n; i++) {
            gostkey_hmac_key key;
            gostkey_hash running;

            gostkey_hmac_init(&key, GOSTKEY_STREEBOG512, c[i], 32);
            for (int w = 0; w < 8; w++) {
                gostkey_store64_le(states[i][0] + 8 * w, key.inner.as.streebog.h[w]);
                gostkey_store64_le(states[i][1] + 8 * w, key.inner.as.streebog.sigma[w]);
                gostkey_store64_le(states[i][2] + 8 * w, key.outer.as.streebog.h[w]);
                gostkey_store64_le(states[i][3] + 8 * w, key.outer.as.streebog.sigma[w]);
            }
            /* U_1 of the salt that the password's four bytes 0, 0, 0, 1 are. */
            running = key.inner;
            gostkey_hash_update(&running, (const uint8_t *)"\0\0\0\1", 4);
            gostkey_hmac_final(&key, &running, u[i]);
            gostkey_pbkdf2(GOSTKEY_STREEBOG512, wanted[i], 64, c[i], 32, c[i], 0, 3);
        }
        if (slices->pbkdf2(u[0], (const uint8_t(*)[4][64])states, 3, n) != 0) {
            fail("memory for slices", n, 1);
            return;
        }
        for (size_t i = 0; i < n; i++) {
            if (memcmp(u[i], wanted[i], 64) != 0) {
                fail("a slice of PBKDF2", n, i);
                return;
            }
        }
        if (u[n][0] != 0x5a || u[n][63] != 0x5a) {
            fail("what follows slices of PBKDF2", n, 0);
        }
    }
}

/* Many passwords by way of the slices: just too few, just enough, and more than there
 * is room for at once. */
static void test_many_passwords(const struct gostkey_streebog_kernel *k)
{
    enum { MOST_ITEMS = 256 + 20, ITERATIONS = 2, LENGTH = 70 };
    static uint8_t passwords[MOST_ITEMS * 90], salts[MOST_ITEMS * 20];
    static uint8_t out[MOST_ITEMS * LENGTH];
    static uint64_t password_sizes[MOST_ITEMS], salt_sizes[MOST_ITEMS];
    const size_t numbers[] = {k->least_sliced - 1, k->least_sliced,
                              k->slices->lanes + 20};
    uint8_t wanted[LENGTH];

    random_bytes(passwords, sizeof passwords);
    random_bytes(salts, sizeof salts);
    for (size_t number = 0; number < 3; number++) {
        const size_t n = numbers[number];
        const uint8_t *password = passwords, *salt = salts;

        for (size_t i = 0; i < n; i++) {
            /* Groups that are short by turns with others. */
            password_sizes[i] = next_random() % (i / 16 % 2 ? 46 : 90);
            salt_sizes[i] = next_random() % 20;
        }
        for (int name = 0; name < 2; name++) {
            const size_t length = name == GOSTKEY_STREEBOG256 ? 32 : LENGTH;

            if (name == GOSTKEY_STREEBOG256) {
                gostkey_container_keys(name, out, passwords, password_sizes, salts,
                                       salt_sizes, ITERATIONS, n);
            } else {
                gostkey_pbkdf2_many(name, out, LENGTH, passwords, password_sizes, salts,
                                    salt_sizes, ITERATIONS, n);
            }
            password = passwords;
            salt = salts;
            for (size_t i = 0; i < n; i++) {
                if (name == GOSTKEY_STREEBOG256) {
                    gostkey_container_key(name, wanted, password,
                                          (size_t)password_sizes[i], salt,
                                          (size_t)salt_sizes[i], ITERATIONS);
                } else {
                    gostkey_pbkdf2(name, wanted, LENGTH, password,
                                   (size_t)password_sizes[i], salt,
                                   (size_t)salt_sizes[i], ITERATIONS);
                }
                if (memcmp(wanted, out + length * i, length) != 0) {
                    fail("one of many passwords", n, i);
                }
                password += password_sizes[i];
                salt += salt_sizes[i];
            }
        }
    }
}

int test_streebog_kernels(void);

int test_streebog_kernels(void)
{
    const struct gostkey_streebog_kernel *before = gostkey_streebog_kernel;
    const struct gostkey_streebog_slices *slices = NULL;
    const struct gostkey_streebog_kernel *k;
    static int done;

    /* Every kernel in turn, whatever the family is: once is all. */
    if (done++ != 0) {
        return 0;
    }
    failures = 0;
    for (int i = 0; (k = gostkey_streebog_kernel_at(i)) != NULL; i++) {
        seed = 1;
        kernel = k->name;
        gostkey_streebog_use(k);
        test_compressions(k);
        test_carries(k);
        test_streams();
        test_many();
        test_generator();
        test_keyed();
        if (k->slices != NULL && k->slices != slices) {
            slices = k->slices;
            test_slices(slices);
            test_many_passwords(k);
        }
        printf("streebog kernel %s tested\n", k->name);
    }
    gostkey_streebog_use(before);
    return failures;
}
