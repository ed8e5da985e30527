/* The modes of GOST 28147-89, with CryptoPro key meshing.
 *
 * Meshing after each 1024 bytes: the key becomes the decryption of a constant
 * under it, and what the mode feeds back is encrypted once more under the new
 * key (the MAC's state is not).  Where blocks don't wait for each other (ECB,
 * CNT, and CFB when it decrypts), BATCH of them go to the cipher at once; BATCH
 * divides the meshing step.
 *
 * Sources: [RFC5830, 6 to 8]; [RFC4357, 2.3.2] (key meshing). */

#include <string.h>

#include "bytes.h"
#include "gost28147.h"
#include "gostkey_ciphers.h"
#include "wipe.h"

#define BLOCK GOSTKEY_GOST28147_BLOCK
#define BATCH 8
#define MESHING_STEP 1024
#define SBOX_COUNT (GOSTKEY_SBOX_D + 1)

static const uint8_t meshing_key[32] = {
    0x69, 0x00, 0x72, 0x22, 0x64, 0xc9, 0x04, 0x23, 0x8d, 0x3a, 0xdb,
    0x96, 0x46, 0xe9, 0x2a, 0xc4, 0x18, 0xfe, 0xac, 0x94, 0x00, 0xed,
    0x07, 0x12, 0xc0, 0x86, 0xdc, 0xc2, 0xef, 0x4c, 0xa9, 0x2b,
};

static void start(gostkey_gost28147 *c, uint32_t sbox, const uint8_t *key)
{
    gostkey_gost28147_prepare(&c->sbox, sbox);
    gostkey_gost28147_set_key(c, key, GOSTKEY_GOST28147_LITTLE);
}

static void encrypt(const gostkey_gost28147 *c, uint8_t *out, const uint8_t *in,
                    size_t blocks)
{
    gostkey_gost28147_encrypt(c, out, in, blocks, GOSTKEY_GOST28147_LITTLE);
}

static void decrypt(const gostkey_gost28147 *c, uint8_t *out, const uint8_t *in,
                    size_t blocks)
{
    gostkey_gost28147_decrypt(c, out, in, blocks, GOSTKEY_GOST28147_LITTLE);
}

/* Zero what an output has, and say why. */
static int refuse(uint8_t *out, size_t size)
{
    if (size > 0) {
        memset(out, 0, size);
    }
    return GOSTKEY_CIPHERS_ARGUMENT;
}

static void xor_bytes(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        out[i] = a[i] ^ b[i];
    }
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void mesh_key(gostkey_gost28147 *c)
{
    uint8_t key[32];

    decrypt(c, key, meshing_key, sizeof key / BLOCK);
    gostkey_gost28147_set_key(c, key, GOSTKEY_GOST28147_LITTLE);
    gostkey_wipe(key, sizeof key);
}

/* Whether the key is to be meshed before the byte at. */
static int is_meshed(size_t at, int meshing)
{
    return meshing && at > 0 && at % MESHING_STEP == 0;
}

int gostkey_gost28147_ecb_encrypt(uint8_t *out, uint32_t sbox, const uint8_t *key,
                                  const uint8_t *in, size_t size)
{
    gostkey_gost28147 c;

    if (sbox >= SBOX_COUNT || size % BLOCK != 0) {
        return refuse(out, size);
    }
    start(&c, sbox, key);
    encrypt(&c, out, in, size / BLOCK);
    gostkey_wipe(&c, sizeof c);
    return 0;
}

int gostkey_gost28147_ecb_decrypt(uint8_t *out, uint32_t sbox, const uint8_t *key,
                                  const uint8_t *in, size_t size)
{
    gostkey_gost28147 c;

    if (sbox >= SBOX_COUNT || size % BLOCK != 0) {
        return refuse(out, size);
    }
    start(&c, sbox, key);
    decrypt(&c, out, in, size / BLOCK);
    gostkey_wipe(&c, sizeof c);
    return 0;
}

int gostkey_gost28147_cfb_encrypt(uint8_t *out, uint32_t sbox, const uint8_t *key,
                                  const uint8_t *iv, const uint8_t *in, size_t size,
                                  int meshing)
{
    gostkey_gost28147 c;
    uint8_t gamma[BLOCK];

    if (sbox >= SBOX_COUNT) {
        return refuse(out, size);
    }
    start(&c, sbox, key);
    memcpy(gamma, iv, BLOCK);
    for (size_t at = 0; at < size; at += BLOCK) {
        if (at > 0) {
            memcpy(gamma, out + at - BLOCK, BLOCK);
        }
        if (is_meshed(at, meshing)) {
            mesh_key(&c);
            encrypt(&c, gamma, gamma, 1);
        }
        encrypt(&c, gamma, gamma, 1);
        xor_bytes(out + at, in + at, gamma, smaller(BLOCK, size - at));
    }
    gostkey_wipe(gamma, sizeof gamma);
    gostkey_wipe(&c, sizeof c);
    return 0;
}

int gostkey_gost28147_cfb_decrypt(uint8_t *out, uint32_t sbox, const uint8_t *key,
                                  const uint8_t *iv, const uint8_t *in, size_t size,
                                  int meshing)
{
    gostkey_gost28147 c;
    uint8_t gamma[BATCH * BLOCK];

    if (sbox >= SBOX_COUNT) {
        return refuse(out, size);
    }
    start(&c, sbox, key);
    for (size_t at = 0; at < size; at += sizeof gamma) {
        size_t part = smaller(sizeof gamma, size - at);
        size_t blocks = (part + BLOCK - 1) / BLOCK;

        memcpy(gamma, at == 0 ? iv : in + at - BLOCK, BLOCK);
        memcpy(gamma + BLOCK, in + at, (blocks - 1) * BLOCK);
        if (is_meshed(at, meshing)) {
            mesh_key(&c);
            encrypt(&c, gamma, gamma, 1);
        }
        encrypt(&c, gamma, gamma, blocks);
        xor_bytes(out + at, in + at, gamma, part);
    }
    gostkey_wipe(gamma, sizeof gamma);
    gostkey_wipe(&c, sizeof c);
    return 0;
}

int gostkey_gost28147_cnt(uint8_t *out, uint32_t sbox, const uint8_t *key,
                          const uint8_t *iv, const uint8_t *in, size_t size,
                          int meshing)
{
    gostkey_gost28147 c;
    uint8_t counter[BLOCK], gamma[BATCH * BLOCK];

    if (sbox >= SBOX_COUNT) {
        return refuse(out, size);
    }
    start(&c, sbox, key);
    encrypt(&c, counter, iv, 1);
    for (size_t at = 0; at < size; at += sizeof gamma) {
        size_t part = smaller(sizeof gamma, size - at);
        size_t blocks = (part + BLOCK - 1) / BLOCK;

        if (is_meshed(at, meshing)) {
            mesh_key(&c);
            encrypt(&c, counter, counter, 1);
        }
        for (size_t i = 0; i < blocks; i++) {
            uint32_t n3 = gostkey_load32_le(counter) + 0x01010101;
            uint64_t n4 = (uint64_t)gostkey_load32_le(counter + 4) + 0x01010104;

            gostkey_store32_le(counter, n3);
            /* The sum modulo 2^32 - 1, with 2^32 - 1 itself kept. */
            gostkey_store32_le(counter + 4, (uint32_t)(n4 + (n4 >> 32)));
            memcpy(gamma + i * BLOCK, counter, BLOCK);
        }
        encrypt(&c, gamma, gamma, blocks);
        xor_bytes(out + at, in + at, gamma, part);
    }
    gostkey_wipe(counter, sizeof counter);
    gostkey_wipe(gamma, sizeof gamma);
    gostkey_wipe(&c, sizeof c);
    return 0;
}

int gostkey_gost28147_mac(uint8_t *tag, uint32_t sbox, const uint8_t *key,
                          const uint8_t *iv, const uint8_t *in, size_t size,
                          int meshing)
{
    gostkey_gost28147 c;
    uint32_t state[2];
    uint8_t last[BLOCK];

    if (sbox >= SBOX_COUNT) {
        return refuse(tag, 4);
    }
    start(&c, sbox, key);
    state[0] = gostkey_load32_le(iv);
    state[1] = gostkey_load32_le(iv + 4);
    for (size_t at = 0; at < size; at += BLOCK) {
        memset(last, 0, BLOCK);
        memcpy(last, in + at, smaller(BLOCK, size - at));
        if (is_meshed(at, meshing)) {
            mesh_key(&c);
        }
        gostkey_gost28147_mac_step(&c, state, last);
    }
    if (size > 0 && size <= BLOCK) {
        memset(last, 0, BLOCK);
        gostkey_gost28147_mac_step(&c, state, last);
    }
    gostkey_store32_le(tag, state[0]);
    gostkey_wipe(state, sizeof state);
    gostkey_wipe(last, sizeof last);
    gostkey_wipe(&c, sizeof c);
    return 0;
}
