/* GOST 28147-89: the block function, for the modes, for Magma (the same with
 * S-box Z and big-endian words) and for GOST R 34.11-94.
 *
 * Everything here takes constant time: S-boxes are evaluated as polynomials,
 * nothing is looked up by a key or data.  Blocks are worked on in groups, so
 * many in one call cost less each than one.
 *
 * Source: GOST 28147-89 (RFC 5830); S-boxes RFC 4357 11.2, RFC 7836 C. */

#ifndef GOSTKEY_GOST28147_H
#define GOSTKEY_GOST28147_H

#include <stddef.h>
#include <stdint.h>

#define GOSTKEY_GOST28147_BLOCK 8
#define GOSTKEY_GOST28147_KEY 32

/* S-boxes: the first six in the order of engine/primitives.py, SBOXES, then
 * the two of GOST R 34.11-94. */
enum {
    GOSTKEY_SBOX_Z,
    GOSTKEY_SBOX_TEST,
    GOSTKEY_SBOX_A,
    GOSTKEY_SBOX_B,
    GOSTKEY_SBOX_C,
    GOSTKEY_SBOX_D,
    GOSTKEY_SBOX_HASH_TEST,
    GOSTKEY_SBOX_HASH_CRYPTOPRO,
    GOSTKEY_SBOX_COUNT
};

/* S-boxes by column: nibble i (from the lowest) of word v is what box K(i+1)
 * makes of v. */
extern const uint32_t gostkey_gost28147_columns[GOSTKEY_SBOX_COUNT][16];

/* Eight 4-bit S-boxes as a polynomial over GF(2) in the four bits of a nibble:
 * the coefficients of all 32 output bits for each of the 16 monomials.  Bit i
 * of the index says that bit i of the nibble is in the monomial. */
typedef struct {
    uint32_t anf[16];
} gostkey_gost28147_sbox;

/* A key with its S-box; the owner wipes it. */
typedef struct {
    gostkey_gost28147_sbox sbox;
    uint32_t key[8];
} gostkey_gost28147;

/* The order of the octets in the two words of a block. */
typedef enum {
    GOSTKEY_GOST28147_LITTLE, /* GOST 28147-89: N1 then N2, both little-endian */
    GOSTKEY_GOST28147_BIG     /* Magma: N2 then N1, both big-endian */
} gostkey_gost28147_order;

/* Prepare an S-box; id < GOSTKEY_SBOX_COUNT. */
void gostkey_gost28147_prepare(gostkey_gost28147_sbox *sbox, unsigned id);

/* Set a key of 32 octets, its words in the byte order given. */
void gostkey_gost28147_set_key(gostkey_gost28147 *cipher, const uint8_t key[32],
                               gostkey_gost28147_order order);

/* Encrypt (or decrypt) blocks of 8 octets, each by itself.
 *
 * Out:     out[8 * blocks]; may be in
 * Timing:  depends on blocks only. */
void gostkey_gost28147_encrypt(const gostkey_gost28147 *cipher, uint8_t *out,
                               const uint8_t *in, size_t blocks,
                               gostkey_gost28147_order order);
void gostkey_gost28147_decrypt(const gostkey_gost28147 *cipher, uint8_t *out,
                               const uint8_t *in, size_t blocks,
                               gostkey_gost28147_order order);

/* One step of the MAC: state := 16 rounds of encryption of state ^ block, where
 * state[0] is N1 and state[1] is N2. */
void gostkey_gost28147_mac_step(const gostkey_gost28147 *cipher, uint32_t state[2],
                                const uint8_t block[8]);

/* Lanes: blocks that are worked on side by side, each under a key of its own.  What a
 * lane without a block holds does not matter.
 *
 * n1 and n2 are the words of the blocks, N1 and N2. */
#define GOSTKEY_GOST28147_LANES 16

typedef struct {
    uint32_t key[8][GOSTKEY_GOST28147_LANES];
} gostkey_gost28147_keys;

typedef struct {
    uint32_t n1[GOSTKEY_GOST28147_LANES], n2[GOSTKEY_GOST28147_LANES];
} gostkey_gost28147_lanes;

/* Set the key of one lane, its words little-endian. */
void gostkey_gost28147_set_lane(gostkey_gost28147_keys *keys, size_t lane,
                                const uint8_t key[32]);

/* One step of a MAC in each lane, whose block is in s already: 16 rounds of
 * encryption. */
void gostkey_gost28147_mac_lanes(const gostkey_gost28147_sbox *sbox,
                                 const gostkey_gost28147_keys *keys,
                                 gostkey_gost28147_lanes *s);

/* Encrypt or decrypt the block of each lane. */
void gostkey_gost28147_encrypt_lanes(const gostkey_gost28147_sbox *sbox,
                                     const gostkey_gost28147_keys *keys,
                                     gostkey_gost28147_lanes *s);
void gostkey_gost28147_decrypt_lanes(const gostkey_gost28147_sbox *sbox,
                                     const gostkey_gost28147_keys *keys,
                                     gostkey_gost28147_lanes *s);

/* Encrypt four blocks under four keys, as a step of GOST R 34.11-94 does.
 *
 * In:      keys[4][32], in[4][8], little-endian words (GOST 28147-89)
 * Out:     out[4][8]; may be in
 * Timing:  constant. */
void gostkey_gost28147_encrypt4(const gostkey_gost28147_sbox *sbox, uint8_t out[32],
                                const uint8_t keys[128], const uint8_t in[32]);

#endif
