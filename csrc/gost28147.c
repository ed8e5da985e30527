/* GOST 28147-89: 32 rounds of a Feistel network over two 32-bit words, with
 * eight 4-bit S-boxes that a parameter set chooses.
 *
 * An S-box is not looked up but computed: each output bit is a polynomial over
 * GF(2) (algebraic normal form, ANF) in the four bits of the nibble.  One
 * evaluation serves all 32 output bits of a word: each bit of each nibble is
 * spread over its nibble, and the coefficients are masks.  Loops run over
 * blocks ("lanes"), for the compiler to put into vector registers.
 *
 * Sources:
 *   [RFC5830]  GOST 28147-89, translated
 *   [RFC4357]  11.2: S-boxes of CryptoPro
 *   [RFC7836]  C: S-box Z of TC26 */

#include "gost28147.h"

#include <string.h>

#include "bytes.h"
#include "wipe.h"

/* Blocks worked on side by side. */
#define LANES 8

/* The tables are those of the sources above, turned. */
const uint32_t gostkey_gost28147_columns[GOSTKEY_SBOX_COUNT][16] = {
    {   /* Z: id-tc26-gost-28147-param-Z, 1.2.643.7.1.2.5.1.1 */
        0x1857cb6c, 0x7edf8384, 0xe2f52526, 0xd56a1832,
        0x0698d29a, 0x59214fa5, 0x81c6fa5b, 0x3cad6dc9,
        0x4fb07e1e, 0xf47901e8, 0xab83a74d, 0x601e5477,
        0x9d4b3cb0, 0xca34e9d3, 0xb3e2960f, 0x270cb0f1,
    },
    {   /* Test, 1.2.643.2.2.31.0 */
        0xc983edc4, 0x6bfe9892, 0x5c65beff, 0x20b92ce5,
        0xb3165789, 0x0698f311, 0x97c07930, 0xd55d1aa8,
        0x34da012e, 0xe83bd573, 0x7e77c24b, 0xafac64dc,
        0xf102a66d, 0x4ae14f07, 0x122f30ba, 0x8d448b56,
    },
    {   /* CryptoPro A, 1.2.643.2.2.31.1 */
        0xb13bee39, 0xada57476, 0xf2d1a6e3, 0x59c9c292,
        0x0718db88, 0xca2d13ab, 0xe60f3df1, 0x80b09807,
        0x687e0c5a, 0x2c542f24, 0x3492b56e, 0x95434acf,
        0x1f8cf0bc, 0x73f78740, 0xdbea51dd, 0x4e666915,
    },
    {   /* CryptoPro B, 1.2.643.2.2.31.2 */
        0x05827e08, 0x42375c14, 0xba2c002b, 0xeb6fdaa1,
        0x8949b943, 0x31d562d5, 0x7cea1d50, 0x13bb2bc9,
        0xa7c13792, 0x2414a57e, 0x9d70c83a, 0x60fdfffc,
        0xf6a643bd, 0xdf08e686, 0x589e9167, 0xce5384ef,
    },
    {   /* CryptoPro C, 1.2.643.2.2.31.3 */
        0x7ac83801, 0x499d621b, 0x06bb057c, 0x581010d2,
        0xad8454b9, 0x2ee5d94d, 0xf221af50, 0xe0428a2f,
        0xcf79b384, 0x633327e5, 0x156c9cf8, 0xbb5e7dce,
        0xd4a6e69a, 0x910ffea7, 0x3cfac166, 0x87d74b33,
    },
    {   /* CryptoPro D, 1.2.643.2.2.31.4 */
        0x138011bf, 0xa00c5c6c, 0x66f8eb32, 0x8f39c04a,
        0xf12dafc6, 0xbe527ef4, 0x09ea06e5, 0x42bbd520,
        0xcd176a77, 0x38a32dd9, 0x5c46b48e, 0x9475480d,
        0x7bc49951, 0xda9e33ab, 0x25dff798, 0xe7618213,
    },
    {   /* GOST R 34.11-94 test, 1.2.643.2.2.30.0 */
        0x1d4675e4, 0xfbbcd8ba, 0xd4a7a149, 0x01011dc2,
        0x53750a6d, 0x7f2f83d8, 0xa51d94f0, 0x49d8f2ae,
        0x9034ee26, 0x2a6a4f3b, 0x3e896c81, 0xe75ec71c,
        0x6690b607, 0xb8c3207f, 0x82fb5955, 0xcce23b93,
    },
    {   /* GOST R 34.11-94 CryptoPro, 1.2.643.2.2.30.1 */
        0x1d77475a, 0x3e66aff4, 0xa4247c45, 0x914bce06,
        0x57d90928, 0xb09cf4d1, 0x45f221b3, 0xfa0a8097,
        0x83a1e31d, 0x6c181b7c, 0x7850656e, 0xefbe5230,
        0xd68fd6c9, 0x02edbae2, 0x29c398ab, 0xcb353d8f,
    },
};

/* The words of LANES blocks. */
typedef struct {
    uint32_t n1[LANES];
    uint32_t n2[LANES];
} lanes;

/* Round functions by number: which of the eight key words [RFC5830, 5]. */
static unsigned encryption_word(unsigned round)
{
    return round < 24 ? round & 7 : 7 - (round & 7);
}

static unsigned decryption_word(unsigned round)
{
    return round < 8 ? round : 7 - (round & 7);
}

/* All eight S-boxes on the eight nibbles of x, then the turn by 11 bits. */
static inline uint32_t substitute(const uint32_t anf[16], uint32_t x)
{
    const uint32_t low = 0x11111111;
    uint32_t t0 = x & low, t1 = (x >> 1) & low, t2 = (x >> 2) & low,
             t3 = (x >> 3) & low;
    /* 15 * t: each bit over its whole nibble. */
    uint32_t x0 = (t0 << 4) - t0, x1 = (t1 << 4) - t1, x2 = (t2 << 4) - t2,
             x3 = (t3 << 4) - t3;
    /* Horner's rule, one variable after the other. */
    uint32_t a0 = anf[0] ^ (x0 & anf[1]), a1 = anf[2] ^ (x0 & anf[3]);
    uint32_t a2 = anf[4] ^ (x0 & anf[5]), a3 = anf[6] ^ (x0 & anf[7]);
    uint32_t a4 = anf[8] ^ (x0 & anf[9]), a5 = anf[10] ^ (x0 & anf[11]);
    uint32_t a6 = anf[12] ^ (x0 & anf[13]), a7 = anf[14] ^ (x0 & anf[15]);
    uint32_t b0 = a0 ^ (x1 & a1), b1 = a2 ^ (x1 & a3);
    uint32_t b2 = a4 ^ (x1 & a5), b3 = a6 ^ (x1 & a7);
    uint32_t c0 = b0 ^ (x2 & b1), c1 = b2 ^ (x2 & b3);
    uint32_t y = c0 ^ (x3 & c1);

    return (y << 11) | (y >> 21);
}

/* target[i] ^= f(source[i] + key word of lane i), for i < count.  A stride of
 * 0 is one key for all lanes. */
static inline void half(const uint32_t anf[16], uint32_t *restrict target,
                        const uint32_t *restrict source, const uint32_t *key,
                        size_t stride, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        target[i] ^= substitute(anf, source[i] + key[i * stride]);
    }
}

/* 32 rounds; leaves the words exchanged, as the result wants them. */
static inline void crypt(const uint32_t anf[16], uint32_t *restrict n1,
                         uint32_t *restrict n2, const uint32_t *key, size_t stride,
                         unsigned (*word)(unsigned), size_t count)
{
    /* Key words lie one after the other, or in groups of count. */
    size_t step = stride == 0 ? 1 : count;

    for (unsigned round = 0; round < 32; round += 2) {
        half(anf, n2, n1, key + word(round) * step, stride, count);
        half(anf, n1, n2, key + word(round + 1) * step, stride, count);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t t = n1[i];

        n1[i] = n2[i];
        n2[i] = t;
    }
}

static inline void load(uint32_t *n1, uint32_t *n2, const uint8_t in[8],
                        gostkey_gost28147_order order)
{
    if (order == GOSTKEY_GOST28147_LITTLE) {
        *n1 = gostkey_load32_le(in);
        *n2 = gostkey_load32_le(in + 4);
    } else {
        *n1 = gostkey_load32_be(in + 4);
        *n2 = gostkey_load32_be(in);
    }
}

static inline void store(uint8_t out[8], uint32_t n1, uint32_t n2,
                         gostkey_gost28147_order order)
{
    if (order == GOSTKEY_GOST28147_LITTLE) {
        gostkey_store32_le(out, n1);
        gostkey_store32_le(out + 4, n2);
    } else {
        gostkey_store32_be(out + 4, n1);
        gostkey_store32_be(out, n2);
    }
}

/* Blocks in groups of LANES; a group of one or two goes alone. */
static inline void crypt_blocks(const gostkey_gost28147 *cipher, uint8_t *out,
                                const uint8_t *in, size_t blocks,
                                gostkey_gost28147_order order,
                                unsigned (*word)(unsigned))
{
    lanes s;

    memset(&s, 0, sizeof s);
    while (blocks > 0) {
        size_t count = blocks <= 2 ? 1 : blocks < LANES ? blocks : LANES;

        for (size_t i = 0; i < count; i++) {
            load(&s.n1[i], &s.n2[i], in + 8 * i, order);
        }
        if (count == 1) {
            crypt(cipher->sbox.anf, s.n1, s.n2, cipher->key, 0, word, 1);
        } else {
            crypt(cipher->sbox.anf, s.n1, s.n2, cipher->key, 0, word, LANES);
        }
        for (size_t i = 0; i < count; i++) {
            store(out + 8 * i, s.n1[i], s.n2[i], order);
        }
        in += 8 * count;
        out += 8 * count;
        blocks -= count;
    }
    gostkey_wipe(&s, sizeof s);
}

void gostkey_gost28147_prepare(gostkey_gost28147_sbox *sbox, unsigned id)
{
    memcpy(sbox->anf, gostkey_gost28147_columns[id], sizeof sbox->anf);
    /* From values to coefficients: the Moebius transform over GF(2). */
    for (unsigned bit = 1; bit < 16; bit <<= 1) {
        for (unsigned v = 0; v < 16; v++) {
            if (v & bit) {
                sbox->anf[v] ^= sbox->anf[v ^ bit];
            }
        }
    }
}

void gostkey_gost28147_set_key(gostkey_gost28147 *cipher, const uint8_t key[32],
                               gostkey_gost28147_order order)
{
    for (size_t i = 0; i < 8; i++) {
        cipher->key[i] = order == GOSTKEY_GOST28147_LITTLE
                             ? gostkey_load32_le(key + 4 * i)
                             : gostkey_load32_be(key + 4 * i);
    }
}

void gostkey_gost28147_encrypt(const gostkey_gost28147 *cipher, uint8_t *out,
                               const uint8_t *in, size_t blocks,
                               gostkey_gost28147_order order)
{
    crypt_blocks(cipher, out, in, blocks, order, encryption_word);
}

void gostkey_gost28147_decrypt(const gostkey_gost28147 *cipher, uint8_t *out,
                               const uint8_t *in, size_t blocks,
                               gostkey_gost28147_order order)
{
    crypt_blocks(cipher, out, in, blocks, order, decryption_word);
}

void gostkey_gost28147_mac_step(const gostkey_gost28147 *cipher, uint32_t state[2],
                                const uint8_t block[8])
{
    const uint32_t *anf = cipher->sbox.anf;
    uint32_t n1 = state[0] ^ gostkey_load32_le(block);
    uint32_t n2 = state[1] ^ gostkey_load32_le(block + 4);

    for (unsigned round = 0; round < 16; round += 2) {
        n2 ^= substitute(anf, n1 + cipher->key[round & 7]);
        n1 ^= substitute(anf, n2 + cipher->key[(round + 1) & 7]);
    }
    state[0] = n1;
    state[1] = n2;
}

void gostkey_gost28147_set_lane(gostkey_gost28147_keys *keys, size_t lane,
                                const uint8_t key[32])
{
    for (size_t j = 0; j < 8; j++) {
        keys->key[j][lane] = gostkey_load32_le(key + 4 * j);
    }
}

void gostkey_gost28147_mac_lanes(const gostkey_gost28147_sbox *sbox,
                                 const gostkey_gost28147_keys *keys,
                                 gostkey_gost28147_lanes *s)
{
    const size_t count = GOSTKEY_GOST28147_LANES;

    for (unsigned round = 0; round < 16; round += 2) {
        half(sbox->anf, s->n2, s->n1, keys->key[round & 7], 1, count);
        half(sbox->anf, s->n1, s->n2, keys->key[(round + 1) & 7], 1, count);
    }
}

void gostkey_gost28147_encrypt_lanes(const gostkey_gost28147_sbox *sbox,
                                     const gostkey_gost28147_keys *keys,
                                     gostkey_gost28147_lanes *s)
{
    crypt(sbox->anf, s->n1, s->n2, keys->key[0], 1, encryption_word,
          GOSTKEY_GOST28147_LANES);
}

void gostkey_gost28147_decrypt_lanes(const gostkey_gost28147_sbox *sbox,
                                     const gostkey_gost28147_keys *keys,
                                     gostkey_gost28147_lanes *s)
{
    crypt(sbox->anf, s->n1, s->n2, keys->key[0], 1, decryption_word,
          GOSTKEY_GOST28147_LANES);
}

void gostkey_gost28147_encrypt4(const gostkey_gost28147_sbox *sbox, uint8_t out[32],
                                const uint8_t keys[128], const uint8_t in[32])
{
    uint32_t n1[4], n2[4], key[8][4];

    for (size_t i = 0; i < 4; i++) {
        load(&n1[i], &n2[i], in + 8 * i, GOSTKEY_GOST28147_LITTLE);
        for (size_t j = 0; j < 8; j++) {
            key[j][i] = gostkey_load32_le(keys + 32 * i + 4 * j);
        }
    }
    crypt(sbox->anf, n1, n2, key[0], 1, encryption_word, 4);
    for (size_t i = 0; i < 4; i++) {
        store(out + 8 * i, n1[i], n2[i], GOSTKEY_GOST28147_LITTLE);
    }
    gostkey_wipe(n1, sizeof n1);
    gostkey_wipe(n2, sizeof n2);
    gostkey_wipe(key, sizeof key);
}
