/* The modes of GOST R 34.13-2015, and CTR-ACPKM, over Magma and Kuznyechik.
 *
 * Where blocks don't wait for each other (ECB, CTR, and CBC and CFB when they
 * decrypt), BATCH of them go to the cipher at once.
 *
 * A shift register of z blocks, as CBC, CFB and OFB have it, is not kept: its
 * front at block i is block i of the initial value while i < z, later what the
 * mode has made for block i - z.
 *
 * Sources: [GOST34.13-2015, 5]; [RFC8645, 6.2] (ACPKM). */

#include <string.h>

#include "bytes.h"
#include "gost28147.h"
#include "gostkey_ciphers.h"
#include "kuznyechik.h"
#include "wipe.h"

enum { MAGMA, KUZNYECHIK, CIPHER_COUNT };

#define MOST_BLOCK 16
#define BATCH 8

/* A cipher with its key; wiped by its owner. */
typedef struct {
    uint32_t kind;
    size_t block;
    gostkey_gost28147 magma;
    gostkey_kuznyechik kuznyechik;
} block_cipher;

static void set_key(block_cipher *c, const uint8_t key[32])
{
    if (c->kind == MAGMA) {
        gostkey_gost28147_set_key(&c->magma, key, GOSTKEY_GOST28147_BIG);
    } else {
        gostkey_kuznyechik_set_key(&c->kuznyechik, key);
    }
}

static void encrypt(const block_cipher *c, uint8_t *out, const uint8_t *in,
                    size_t blocks)
{
    if (c->kind == MAGMA) {
        gostkey_gost28147_encrypt(&c->magma, out, in, blocks, GOSTKEY_GOST28147_BIG);
    } else {
        gostkey_kuznyechik_encrypt(&c->kuznyechik, out, in, blocks);
    }
}

static void decrypt(const block_cipher *c, uint8_t *out, const uint8_t *in,
                    size_t blocks)
{
    if (c->kind == MAGMA) {
        gostkey_gost28147_decrypt(&c->magma, out, in, blocks, GOSTKEY_GOST28147_BIG);
    } else {
        gostkey_kuznyechik_decrypt(&c->kuznyechik, out, in, blocks);
    }
}

static size_t block_size(uint32_t kind)
{
    return kind == MAGMA ? GOSTKEY_GOST28147_BLOCK : GOSTKEY_KUZNYECHIK_BLOCK;
}

static void start(block_cipher *c, uint32_t kind, const uint8_t *key)
{
    c->kind = kind;
    c->block = block_size(kind);
    gostkey_gost28147_prepare(&c->magma.sbox, GOSTKEY_SBOX_Z);
    set_key(c, key);
}

/* Zero what an output has, and say why. */
static int refuse(uint8_t *out, size_t size)
{
    if (size > 0) {
        memset(out, 0, size);
    }
    return GOSTKEY_CIPHERS_ARGUMENT;
}

static int bad_register(uint32_t cipher, size_t iv_size)
{
    return cipher >= CIPHER_COUNT || iv_size == 0 || iv_size % block_size(cipher) != 0;
}

static void xor_bytes(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        out[i] = a[i] ^ b[i];
    }
}

/* One block; a compiler sees better than above that it is one or two words. */
static void xor_block(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t block)
{
    for (size_t i = 0; i < block; i += 8) {
        gostkey_store64_le(out + i, gostkey_load64_le(a + i) ^ gostkey_load64_le(b + i));
    }
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The front of the shift register for the block at offset at: of the initial
 * value, or of the ciphertext. */
static const uint8_t *front(const uint8_t *iv, size_t iv_size, const uint8_t *text,
                            size_t at)
{
    return at < iv_size ? iv + at : text + (at - iv_size);
}

int gostkey_block_encrypt(uint8_t *out, uint32_t cipher, const uint8_t *key,
                          const uint8_t *in, size_t size)
{
    block_cipher c;

    if (cipher >= CIPHER_COUNT || size % block_size(cipher) != 0) {
        return refuse(out, size);
    }
    start(&c, cipher, key);
    encrypt(&c, out, in, size / c.block);
    gostkey_wipe(&c, sizeof c);
    return 0;
}

int gostkey_block_decrypt(uint8_t *out, uint32_t cipher, const uint8_t *key,
                          const uint8_t *in, size_t size)
{
    block_cipher c;

    if (cipher >= CIPHER_COUNT || size % block_size(cipher) != 0) {
        return refuse(out, size);
    }
    start(&c, cipher, key);
    decrypt(&c, out, in, size / c.block);
    gostkey_wipe(&c, sizeof c);
    return 0;
}

int gostkey_cbc_encrypt(uint8_t *out, uint32_t cipher, const uint8_t *key,
                        const uint8_t *iv, size_t iv_size, const uint8_t *in,
                        size_t size)
{
    block_cipher c;
    uint8_t mixed[MOST_BLOCK];

    if (bad_register(cipher, iv_size) || size % block_size(cipher) != 0) {
        return refuse(out, size);
    }
    start(&c, cipher, key);
    for (size_t at = 0; at < size; at += c.block) {
        xor_block(mixed, in + at, front(iv, iv_size, out, at), c.block);
        encrypt(&c, out + at, mixed, 1);
    }
    gostkey_wipe(mixed, sizeof mixed);
    gostkey_wipe(&c, sizeof c);
    return 0;
}

int gostkey_cbc_decrypt(uint8_t *out, uint32_t cipher, const uint8_t *key,
                        const uint8_t *iv, size_t iv_size, const uint8_t *in,
                        size_t size)
{
    block_cipher c;

    if (bad_register(cipher, iv_size) || size % block_size(cipher) != 0) {
        return refuse(out, size);
    }
    start(&c, cipher, key);
    decrypt(&c, out, in, size / c.block);
    for (size_t at = 0; at < size; at += c.block) {
        xor_block(out + at, out + at, front(iv, iv_size, in, at), c.block);
    }
    gostkey_wipe(&c, sizeof c);
    return 0;
}

int gostkey_cfb_encrypt(uint8_t *out, uint32_t cipher, const uint8_t *key,
                        const uint8_t *iv, size_t iv_size, const uint8_t *in,
                        size_t size)
{
    block_cipher c;
    uint8_t gamma[MOST_BLOCK];

    if (bad_register(cipher, iv_size)) {
        return refuse(out, size);
    }
    start(&c, cipher, key);
    for (size_t at = 0; at < size; at += c.block) {
        encrypt(&c, gamma, front(iv, iv_size, out, at), 1);
        xor_bytes(out + at, in + at, gamma, smaller(c.block, size - at));
    }
    gostkey_wipe(gamma, sizeof gamma);
    gostkey_wipe(&c, sizeof c);
    return 0;
}

int gostkey_cfb_decrypt(uint8_t *out, uint32_t cipher, const uint8_t *key,
                        const uint8_t *iv, size_t iv_size, const uint8_t *in,
                        size_t size)
{
    block_cipher c;
    uint8_t gamma[BATCH * MOST_BLOCK];

    if (bad_register(cipher, iv_size)) {
        return refuse(out, size);
    }
    start(&c, cipher, key);
    for (size_t at = 0; at < size; at += BATCH * c.block) {
        size_t part = smaller(BATCH * c.block, size - at);
        size_t blocks = (part + c.block - 1) / c.block;

        for (size_t i = 0; i < blocks; i++) {
            memcpy(gamma + i * c.block, front(iv, iv_size, in, at + i * c.block),
                   c.block);
        }
        encrypt(&c, gamma, gamma, blocks);
        xor_bytes(out + at, in + at, gamma, part);
    }
    gostkey_wipe(gamma, sizeof gamma);
    gostkey_wipe(&c, sizeof c);
    return 0;
}

int gostkey_ofb(uint8_t *out, uint32_t cipher, const uint8_t *key, const uint8_t *iv,
                size_t iv_size, const uint8_t *in, size_t size)
{
    block_cipher c;
    uint8_t gamma[MOST_BLOCK];

    if (bad_register(cipher, iv_size)) {
        return refuse(out, size);
    }
    start(&c, cipher, key);
    for (size_t at = 0; at < size; at += c.block) {
        if (at < iv_size) {
            memcpy(gamma, iv + at, c.block);
        } else {
            /* The gamma of z blocks ago, from what it was added to. */
            xor_block(gamma, in + (at - iv_size), out + (at - iv_size), c.block);
        }
        encrypt(&c, gamma, gamma, 1);
        xor_bytes(out + at, in + at, gamma, smaller(c.block, size - at));
    }
    gostkey_wipe(gamma, sizeof gamma);
    gostkey_wipe(&c, sizeof c);
    return 0;
}

/* The next section's key: the constants 80h .. 9fh encrypted [RFC8645, 6.2.1]. */
static void acpkm(block_cipher *c)
{
    uint8_t key[32];

    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)(0x80 + i);
    }
    encrypt(c, key, key, sizeof key / c->block);
    set_key(c, key);
    gostkey_wipe(key, sizeof key);
}

/* Add one to a big-endian number; it is no secret. */
static void increment(uint8_t *counter, size_t size)
{
    unsigned carry = 1;

    for (size_t i = size; i-- > 0;) {
        carry += counter[i];
        counter[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

int gostkey_ctr_acpkm(uint8_t *out, uint32_t cipher, const uint8_t *key,
                      const uint8_t *iv, const uint8_t *in, size_t size,
                      size_t section)
{
    block_cipher c;
    uint8_t counter[MOST_BLOCK] = {0}, gamma[BATCH * MOST_BLOCK];
    size_t left = section; /* of this section */

    if (cipher >= CIPHER_COUNT || section % block_size(cipher) != 0) {
        return refuse(out, size);
    }
    start(&c, cipher, key);
    memcpy(counter, iv, c.block / 2);
    for (size_t at = 0; at < size;) {
        size_t part = smaller(BATCH * c.block, size - at), blocks;

        if (section != 0) {
            if (left == 0) {
                acpkm(&c);
                left = section;
            }
            part = smaller(part, left);
            left -= part;
        }
        blocks = (part + c.block - 1) / c.block;
        for (size_t i = 0; i < blocks; i++) {
            memcpy(gamma + i * c.block, counter, c.block);
            increment(counter, c.block);
        }
        encrypt(&c, gamma, gamma, blocks);
        xor_bytes(out + at, in + at, gamma, part);
        at += part;
    }
    gostkey_wipe(gamma, sizeof gamma);
    gostkey_wipe(&c, sizeof c);
    return 0;
}

/* Multiply by x in GF(2^64) or GF(2^128), as OMAC makes its keys [5.6.1]. */
static void twice(uint8_t *value, size_t size)
{
    unsigned reduction = size == 8 ? 0x1b : 0x87;
    unsigned carry = (0u - (value[0] >> 7)) & reduction;

    for (size_t i = size; i-- > 0;) {
        carry ^= (unsigned)value[i] << 1;
        value[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

int gostkey_omac(uint8_t *tag, size_t tag_size, uint32_t cipher, const uint8_t *key,
                 const uint8_t *in, size_t size)
{
    block_cipher c;
    uint8_t state[MOST_BLOCK] = {0}, last[MOST_BLOCK] = {0};
    size_t at = 0;

    if (cipher >= CIPHER_COUNT || tag_size == 0 || tag_size > block_size(cipher)) {
        return refuse(tag, tag_size);
    }
    start(&c, cipher, key);
    /* The key for the last block, K1 or K2. */
    encrypt(&c, last, last, 1);
    twice(last, c.block);
    for (; size - at > c.block; at += c.block) {
        xor_block(state, state, in + at, c.block);
        encrypt(&c, state, state, 1);
    }
    if (size - at < c.block) {
        twice(last, c.block);
        last[size - at] ^= 0x80;
    }
    for (size_t i = 0; i < c.block && at + i < size; i++) {
        last[i] ^= in[at + i];
    }
    xor_block(state, state, last, c.block);
    encrypt(&c, state, state, 1);
    memcpy(tag, state, tag_size);
    gostkey_wipe(state, sizeof state);
    gostkey_wipe(last, sizeof last);
    gostkey_wipe(&c, sizeof c);
    return 0;
}
