/* Self-test of the kernel of GOST R 34.11-94 in use (main.c goes through the families):
 * its steps against the portable ones, with all S-boxes; messages of every number
 * and of many lengths against one at a time; and what is built of them. */

#include <stdio.h>
#include <string.h>

#include "gostkey_kernels.h"
#include "hash.h"
#include "kernels.h"

#define LANES GOSTKEY_GOSTR3411_94_LANES
#define LONGEST 130
/* Two groups, and one more. */
#define MOST (2 * LANES + 1)

static int failures;
static const char *kernel;
static uint64_t seed;

static void fail(const char *what, size_t a, size_t b)
{
    if (failures++ < 20) {
        printf("gostr3411_94 kernel %s: %s is wrong (%lu, %lu)\n", kernel, what,
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

/* Bytes at random, or with runs of 255 and of 0, over which carries run far. */
static void fill(uint8_t *out, size_t n, int runs)
{
    uint8_t run = 0;

    for (size_t i = 0; i < n; i++) {
        const uint64_t x = next_random();

        if (x % 5 == 0) {
            run = (uint8_t)(x >> 40 & 1 ? 255 : 0);
        }
        out[i] = runs && x % 31 != 0 ? run : (uint8_t)(x >> 56);
    }
}

/* Steps and the last one, with lanes left out, on the kernel and on the portable one. */
static void test_steps(void)
{
    enum { BLOCKS = 7, ROUNDS = 12 };
    static uint8_t data[LANES][BLOCKS][32], digests[2][LANES][32];
    const struct gostkey_gostr3411_94_kernel *both[2] = {
        &gostkey_gostr3411_94_portable, gostkey_kernels->gostr3411_94};

    for (unsigned sbox = 0; sbox < GOSTKEY_SBOX_COUNT; sbox++) {
        for (int round = 0; round < ROUNDS; round++) {
            unsigned which[BLOCKS], add[BLOCKS];

            fill(data[0][0], sizeof data, round % 2);
            for (int b = 0; b < BLOCKS; b++) {
                which[b] = b == 0 ? 0xffff : (unsigned)(next_random() >> 48);
                add[b] = next_random() % 4 != 0;
            }
            for (int k = 0; k < 2; k++) {
                gostkey_gostr3411_94_room room;
                gostkey_gostr3411_94_lanes lanes;
                const uint8_t *places[LANES];

                memset(&lanes, 0, sizeof lanes);
                both[k]->prepare(&room, sbox);
                for (int b = 0; b < BLOCKS; b++) {
                    for (int i = 0; i < LANES; i++) {
                        places[i] = data[i][b];
                    }
                    both[k]->step(&room, &lanes, places, which[b], (int)add[b]);
                }
                both[k]->last(&room, &lanes, digests[k], 0xffff);
            }
            if (memcmp(digests[0], digests[1], sizeof digests[0]) != 0) {
                fail("a step", sbox, (size_t)round);
            }
        }
    }
}

/* Every number of messages, of equal and of mixed lengths, from the start and as ends
 * of others. */
static void test_each(void)
{
    static uint8_t data[LANES][32 + LONGEST], out[LANES * 32 + 1];
    static const size_t equal[] = {0, 1, 31, 32, 33, 63, 64, 65, 128};
    gostkey_gostr3411_94_many many;
    gostkey_gostr3411_94_lanes started;

    for (unsigned form = 0; form < 8; form++) {
        const unsigned sbox =
            form & 4 ? GOSTKEY_SBOX_HASH_TEST : GOSTKEY_SBOX_HASH_CRYPTOPRO;
        const size_t begun = form & 2 ? 32 : 0;

        gostkey_gostr3411_94_many_init(&many, sbox);
        for (size_t n = 0; n <= LANES; n++) {
            const uint8_t *messages[LANES] = {NULL};
            uint8_t blocks[LANES][32] = {{0}};
            uint64_t lengths[LANES] = {0};

            fill(data[0], sizeof data, (int)(n & 1));
            for (size_t i = 0; i < n; i++) {
                lengths[i] = form & 1 ? next_random() % LONGEST : equal[n % 9];
                messages[i] = data[i] + begun;
                memcpy(blocks[i], data[i], sizeof blocks[i]);
            }
            memset(out, 0xa5, sizeof out);
            gostkey_gostr3411_94_start(&many, &started, (const uint8_t(*)[32])blocks, n);
            gostkey_gostr3411_94_each(&many, out, begun ? &started : NULL, messages,
                                      lengths, n);
            for (size_t i = 0; i < n; i++) {
                gostkey_gostr3411_94 one;
                uint8_t wanted[32];

                gostkey_gostr3411_94_init(&one, sbox);
                gostkey_gostr3411_94_update(&one, data[i], begun + (size_t)lengths[i]);
                gostkey_gostr3411_94_final(&one, wanted);
                if (memcmp(wanted, out + 32 * i, 32) != 0) {
                    fail("one of many", n, form);
                }
            }
            if (out[32 * n] != 0xa5) {
                fail("what follows many digests", n, form);
            }
        }
    }
}

static void compare(const char *what, const uint8_t *got, const uint8_t *wanted,
                    size_t size, size_t n, size_t i)
{
    if (memcmp(got, wanted, size) != 0) {
        fail(what, n, i);
    }
}

/* Every number of items around groups, keys shorter and longer than a block. */
static void test_keyed(void)
{
    enum { ITERATIONS = 3, LENGTH = 40 };
    static uint8_t keys[MOST * 70], texts[MOST * LONGEST];
    static uint8_t macs[MOST * 32], derived[MOST * LENGTH], stored[MOST * 32];
    uint64_t key_sizes[MOST] = {0}, sizes[MOST] = {0};
    uint8_t wanted[LENGTH];

    fill(keys, sizeof keys, 0);
    fill(texts, sizeof texts, 0);
    for (size_t n = 0; n <= MOST; n++) {
        const int name = n % 2 ? GOSTKEY_GOSTR341194_CRYPTOPRO : GOSTKEY_GOSTR341194_TEST;
        const uint8_t *key = keys, *text = texts;

        for (size_t i = 0; i < n; i++) {
            key_sizes[i] = next_random() % 70;
            sizes[i] = next_random() % LONGEST;
        }
        gostkey_hmac_many(name, macs, keys, key_sizes, texts, sizes, n);
        gostkey_pbkdf2_many(name, derived, LENGTH, keys, key_sizes, texts, sizes,
                            ITERATIONS, n);
        gostkey_container_keys(name, stored, keys, key_sizes, texts, sizes, ITERATIONS,
                               n);
        for (size_t i = 0; i < n; i++) {
            gostkey_hmac(name, wanted, key, key_sizes[i], text, sizes[i]);
            compare("one of many HMACs", macs + 32 * i, wanted, 32, n, i);
            gostkey_pbkdf2(name, wanted, LENGTH, key, key_sizes[i], text, sizes[i],
                           ITERATIONS);
            compare("one of many of PBKDF2", derived + LENGTH * i, wanted, LENGTH, n, i);
            gostkey_container_key(name, wanted, key, key_sizes[i], text, sizes[i],
                                  ITERATIONS);
            compare("one of many container keys", stored + 32 * i, wanted, 32, n, i);
            key += key_sizes[i];
            text += sizes[i];
        }
    }
}

int test_gostr3411_94_kernels(void);

int test_gostr3411_94_kernels(void)
{
    failures = 0;
    seed = 1;
    kernel = gostkey_kernel_of("gostr3411_94");
    test_steps();
    test_each();
    test_keyed();
    return failures;
}
