/* Under memcheck: keys, initial values and texts are secret in every mode. */

#include <stdint.h>
#include <string.h>

#include "gost28147.h"
#include "gostkey_ciphers.h"
#include "secret.h"

/* Longer than a meshing step and than a group of blocks, and no whole block. */
#define SIZE 1100
#define WHOLE 1088

static uint8_t key[32], iv[32], in[SIZE], out[SIZE];

/* What came out is public from here on, so that a next call does not see it. */
static void done(void)
{
    GOSTKEY_PUBLIC(out, sizeof out);
}

static void check_gost28147(void)
{
    for (uint32_t box = 0; box < 6; box++) {
        gostkey_gost28147_ecb_encrypt(out, box, key, in, WHOLE);
        done();
        gostkey_gost28147_ecb_decrypt(out, box, key, in, WHOLE);
        done();
    }
    for (int meshing = 0; meshing < 2; meshing++) {
        gostkey_gost28147_cfb_encrypt(out, 0, key, iv, in, SIZE, meshing);
        done();
        gostkey_gost28147_cfb_decrypt(out, 0, key, iv, in, SIZE, meshing);
        done();
        gostkey_gost28147_cnt(out, 0, key, iv, in, SIZE, meshing);
        done();
        gostkey_gost28147_mac(out, 0, key, iv, in, SIZE, meshing);
        done();
    }
}

/* More items than lanes; the sizes of the texts are public. */
static void check_many(void)
{
    const uint64_t sizes[18] = {0, 8, 9, 50, 32, 64, 7, 12, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9};

    gostkey_gost28147_macs(out, 0, in, 32, in, sizes, 18);
    done();
    gostkey_gost28147_macs(out, 0, key, 0, in, sizes, 18);
    done();
    for (int decrypts = 0; decrypts < 2; decrypts++) {
        gostkey_gost28147_ecb_each(out, 0, in, 32, in, 32, 17, decrypts);
        done();
    }
}

static void check_modes(void)
{
    for (uint32_t c = 0; c < 2; c++) {
        gostkey_block_encrypt(out, c, key, in, WHOLE);
        done();
        gostkey_block_decrypt(out, c, key, in, WHOLE);
        done();
        gostkey_cbc_encrypt(out, c, key, iv, 32, in, WHOLE);
        done();
        gostkey_cbc_decrypt(out, c, key, iv, 32, in, WHOLE);
        done();
        gostkey_cfb_encrypt(out, c, key, iv, 32, in, SIZE);
        done();
        gostkey_cfb_decrypt(out, c, key, iv, 32, in, SIZE);
        done();
        gostkey_ofb(out, c, key, iv, 32, in, SIZE);
        done();
        gostkey_ctr_acpkm(out, c, key, iv, in, SIZE, 64);
        done();
        gostkey_omac(out, 8, c, key, in, SIZE);
        done();
    }
}

/* The block function as GOST R 34.11-94 uses it. */
static void check_encrypt4(void)
{
    gostkey_gost28147_sbox sbox;

    gostkey_gost28147_prepare(&sbox, GOSTKEY_SBOX_HASH_CRYPTOPRO);
    gostkey_gost28147_encrypt4(&sbox, out, in, in + 128);
    done();
}

void check_ciphers(void)
{
    memset(key, 0x5a, sizeof key);
    memset(iv, 0xc3, sizeof iv);
    memset(in, 0x96, sizeof in);
    GOSTKEY_SECRET(key, sizeof key);
    GOSTKEY_SECRET(iv, sizeof iv);
    GOSTKEY_SECRET(in, sizeof in);
    check_gost28147();
    check_many();
    check_modes();
    check_encrypt4();
}
