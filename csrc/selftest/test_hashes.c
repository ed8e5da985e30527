/* Self-test of hashes, HMAC, key derivation and generator: the shared vectors,
 * with each kernel; both portable paths of Streebog against each other; and texts in
 * pieces. */

#include <stdio.h>
#include <string.h>

#include "gostkey_generators.h"
#include "hash.h"
#include "kernels.h"
#include "vectors_hashes.h"

#define MOST 2048
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct {
    uint8_t bytes[MOST];
    size_t size;
} octets;

static int failures;

static octets from_hex(const char *hex)
{
    octets out;
    size_t n = strlen(hex) / 2;

    memset(&out, 0, sizeof out);
    if (n > MOST) {
        printf("hashes: vector of %lu bytes is too long\n", (unsigned long)n);
        failures++;
        return out;
    }
    for (size_t i = 0; i < 2 * n; i++) {
        char c = hex[i];
        unsigned digit = c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;

        out.bytes[i / 2] = (uint8_t)((unsigned)out.bytes[i / 2] << 4 | digit);
    }
    out.size = n;
    return out;
}

static void check(const char *what, size_t number, const uint8_t *got,
                  const octets *expected)
{
    if (memcmp(got, expected->bytes, expected->size) != 0) {
        printf("hashes: %s %lu is wrong\n", what, (unsigned long)number);
        failures++;
    }
}

/* Every vector on both paths, in one piece and in pieces of 1 to 70 bytes. */
static void test_hashes_of_vectors(void)
{
    for (size_t i = 0; i < COUNT(hash_vectors); i++) {
        octets message = from_hex(hash_vectors[i].message);
        octets digest = from_hex(hash_vectors[i].digest);

        for (int secret = 0; secret < 2; secret++) {
            uint8_t out[64];
            gostkey_hash hash;
            size_t place = 0, piece = 1;

            gostkey_hash_init(&hash, hash_vectors[i].name, secret);
            gostkey_hash_update(&hash, message.bytes, message.size);
            gostkey_hash_final(&hash, out);
            check(secret ? "constant-time digest" : "digest", i, out, &digest);
            gostkey_hash_init(&hash, hash_vectors[i].name, secret);
            while (place < message.size) {
                size_t rest = message.size - place;
                size_t taken = piece < rest ? piece : rest;

                gostkey_hash_update(&hash, message.bytes + place, taken);
                place += taken;
                piece = piece % 70 + 23;
            }
            gostkey_hash_digest(&hash, out);
            check("digest in pieces", i, out, &digest);
            gostkey_hash_final(&hash, out);
            check("digest asked twice", i, out, &digest);
        }
    }
}

static uint64_t next_random(uint64_t *state)
{
    /* xorshift64* [Marsaglia03]; any numbers that are all over the place. */
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1d;
}

/* The two compression functions on numbers at random, and with each byte value
 * in each place of the block. */
static void test_paths_agree(void)
{
    uint64_t seed = 1;

    for (unsigned i = 0; i < 512; i++) {
        uint64_t h[8], n[8], m[8], other[8];

        for (unsigned k = 0; k < 8; k++) {
            h[k] = i < 256 ? 0 : next_random(&seed);
            n[k] = i < 256 ? 0 : next_random(&seed);
            m[k] = i < 256 ? UINT64_C(0x0101010101010101) * i : next_random(&seed);
            other[k] = h[k];
        }
        gostkey_streebog_compress(h, n, m);
        gostkey_streebog_compress_var(other, n, m);
        if (memcmp(h, other, sizeof h) != 0) {
            printf("hashes: the paths of Streebog differ in case %u\n", i);
            failures++;
            return;
        }
    }
}

static void test_many(void)
{
    uint8_t messages[5 * 77], out[5 * 64], one[64];

    for (size_t i = 0; i < sizeof messages; i++) {
        messages[i] = (uint8_t)(7 * i);
    }
    for (int name = 0; name < 2; name++) {
        size_t size = gostkey_hash_size(name);

        gostkey_streebog_many_var(name, out, messages, 77, 5);
        for (size_t i = 0; i < 5; i++) {
            gostkey_hash hash;

            gostkey_hash_init(&hash, name, 1);
            gostkey_hash_update(&hash, messages + 77 * i, 77);
            gostkey_hash_final(&hash, one);
            if (memcmp(one, out + size * i, size) != 0) {
                printf("hashes: message %lu of many is wrong\n", (unsigned long)i);
                failures++;
            }
        }
    }
}

static void test_keyed(void)
{
    uint8_t out[MOST];

    for (size_t i = 0; i < COUNT(hmac_vectors); i++) {
        octets key = from_hex(hmac_vectors[i].key);
        octets data = from_hex(hmac_vectors[i].data);
        octets mac = from_hex(hmac_vectors[i].mac);

        gostkey_hmac(hmac_vectors[i].name, out, key.bytes, key.size, data.bytes,
                     data.size);
        check("HMAC", i, out, &mac);
    }
    for (size_t i = 0; i < COUNT(pbkdf2_vectors); i++) {
        octets password = from_hex(pbkdf2_vectors[i].password);
        octets salt = from_hex(pbkdf2_vectors[i].salt);
        octets key = from_hex(pbkdf2_vectors[i].out);

        gostkey_pbkdf2(GOSTKEY_STREEBOG512, out, key.size, password.bytes,
                       password.size, salt.bytes, salt.size,
                       pbkdf2_vectors[i].iterations);
        check("PBKDF2", i, out, &key);
    }
    for (size_t i = 0; i < COUNT(container_vectors); i++) {
        octets password = from_hex(container_vectors[i].password);
        octets salt = from_hex(container_vectors[i].salt);
        octets key = from_hex(container_vectors[i].key);

        gostkey_container_key(container_vectors[i].name, out, password.bytes,
                              password.size, salt.bytes, salt.size,
                              container_vectors[i].iterations);
        check("container key", i, out, &key);
    }
}

static void test_generator(void)
{
    uint8_t blocks[256], filled[200], again[64];
    const octets zero = {{0}, 32};
    gostkey_drbg *drbg = gostkey_drbg_new();

    if (drbg == NULL) {
        printf("hashes: no memory for a generator\n");
        failures++;
        return;
    }
    for (size_t i = 0; i < COUNT(drbg_vectors); i++) {
        octets seed = from_hex(drbg_vectors[i].seed);
        octets out = from_hex(drbg_vectors[i].out);

        if (gostkey_drbg_reseed(drbg, seed.bytes, seed.size) != 0) {
            printf("hashes: seed %lu is refused\n", (unsigned long)i);
            failures++;
        }
        gostkey_drbg_blocks(drbg, blocks, out.size / 64);
        check("generator", i, blocks, &out);

        /* A fill gives the same bytes, then goes on from 48 bytes of the next
         * block. */
        (void)gostkey_drbg_reseed(drbg, seed.bytes, seed.size);
        gostkey_drbg_blocks(drbg, blocks, 4);
        (void)gostkey_drbg_reseed(drbg, blocks + 192, 48);
        gostkey_drbg_blocks(drbg, blocks + 192, 1);
        (void)gostkey_drbg_reseed(drbg, seed.bytes, seed.size);
        gostkey_drbg_fill(drbg, filled, 130);
        gostkey_drbg_blocks(drbg, again, 1);
        if (memcmp(filled, blocks, 130) != 0 || memcmp(again, blocks + 192, 64) != 0) {
            printf("hashes: generator %lu fills wrongly\n", (unsigned long)i);
            failures++;
        }
    }
    if (gostkey_drbg_reseed(drbg, zero.bytes, 32) != GOSTKEY_DRBG_SEED_ZERO ||
        gostkey_drbg_reseed(drbg, blocks, 33) != GOSTKEY_DRBG_SEED_SIZE) {
        printf("hashes: a bad seed is taken\n");
        failures++;
    }
    gostkey_drbg_free(drbg);
}

int test_hashes(void);

int test_hashes(void)
{
    const struct gostkey_streebog_kernel *before = gostkey_streebog_kernel, *kernel;

    failures = 0;
    test_paths_agree();
    for (int i = 0; (kernel = gostkey_streebog_kernel_at(i)) != NULL; i++) {
        const int failed = failures;

        gostkey_streebog_use(kernel);
        test_hashes_of_vectors();
        test_many();
        test_keyed();
        test_generator();
        if (failures != failed) {
            printf("hashes: that was the kernel %s\n", kernel->name);
        }
    }
    gostkey_streebog_use(before);
    return failures;
}
