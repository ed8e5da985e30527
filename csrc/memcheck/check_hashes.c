/* Under memcheck: texts, keys, passwords and seeds are secret
 * in everything but the table path; with each kernel of Streebog that valgrind's
 * processor has (AVX2 without GFNI, for one), and each of GOST R 34.11-94. */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "gostkey_generators.h"
#include "gostkey_kernels.h"
#include "hash.h"
#include "kernels.h"
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
    static const uint64_t key_sizes[3] = {32, 0, 48}, long_sizes[1] = {80};
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

/* Passwords in slices: some of them, and as many as it takes to go there. */
static void check_slices(const struct gostkey_streebog_kernel *kernel)
{
    const struct gostkey_streebog_slices *slices = kernel->slices;
    const size_t n = kernel->least_sliced;
    static uint8_t c[3 * 32], first[3 * 32], u[2 * 64], states[2][4][64];
    static uint8_t passwords[256], keys[256 * 64];
    static uint64_t sizes[256];

    memset(c, 0x5a, sizeof c);
    memset(first, 0x6b, sizeof first);
    memset(u, 0x7c, sizeof u);
    GOSTKEY_SECRET(c, sizeof c);
    GOSTKEY_SECRET(first, sizeof first);
    GOSTKEY_SECRET(u, sizeof u);
    GOSTKEY_SECRET(states, sizeof states);
    (void)slices->container(c, first, 2, 3);
    (void)slices->pbkdf2(u, (const uint8_t(*)[4][64])states, 2, 2);
    for (size_t i = 0; i < n; i++) {
        sizes[i] = 1;
    }
    memset(passwords, 'a', sizeof passwords);
    GOSTKEY_SECRET(passwords, sizeof passwords);
    gostkey_container_keys(GOSTKEY_STREEBOG256, keys, passwords, sizes, passwords, sizes,
                           1, n);
    gostkey_pbkdf2_many(GOSTKEY_STREEBOG512, keys, 64, passwords, sizes, passwords,
                        sizes, 2, n);
    GOSTKEY_PUBLIC(c, sizeof c);
    GOSTKEY_PUBLIC(u, sizeof u);
    GOSTKEY_PUBLIC(keys, sizeof keys);
}

/* Of every family but the one that valgrind cannot run. */
static void check_old_kernels(void)
{
    const char *family;

    for (int i = 0; (family = gostkey_kernel_family(i)) != NULL; i++) {
        if (strcmp(family, "avx512") != 0) {
            gostkey_kernels_select(family);
            printf("hashes: GOST R 34.11-94 %s\n", gostkey_kernel_of("gostr3411_94"));
            check_many(GOSTKEY_GOSTR341194_CRYPTOPRO);
        }
    }
    gostkey_kernels_select("portable");
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
    const struct gostkey_streebog_kernel *before = gostkey_streebog_kernel, *kernel;
    const struct gostkey_streebog_slices *slices = NULL;

    memset(key, 0x5a, sizeof key);
    memset(data, 0xa5, sizeof data);
    memset(salt, 0x3c, sizeof salt);
    GOSTKEY_SECRET(key, sizeof key);
    GOSTKEY_SECRET(data, sizeof data);
    for (int i = 0; (kernel = gostkey_streebog_kernel_at(i)) != NULL; i++) {
        gostkey_streebog_use(kernel);
        for (int name = 0; name < GOSTKEY_HASH_COUNT; name++) {
            check_hash(name);
            check_keyed(name);
            check_many(name);
        }
        check_generator();
        if (kernel->slices != NULL && kernel->slices != slices) {
            slices = kernel->slices;
            check_slices(kernel);
        }
    }
    check_old_kernels();
    gostkey_streebog_use(before);
    GOSTKEY_PUBLIC(key, sizeof key);
    GOSTKEY_PUBLIC(data, sizeof data);
}
