/* Kuznyechik: nine rounds of X (add a key), S (pi on each byte) and L (linear),
 * and a last X.
 *
 * Eight blocks are turned so that word i holds byte i of each of them ("a row",
 * a byte for each block).  S then takes eight rows at once in bit planes, and L,
 * a shift register over GF(2^8) = GF(2)[x] / (x^8 + x^7 + x^6 + x + 1), becomes
 * doublings and sums of rows.
 *
 * Source: [GOST34.12-2015, 4] (RFC 7801). */

#include "kuznyechik.h"

#include <string.h>

#include "bytes.h"
#include "pi_bitslice.h"
#include "wipe.h"

/* Blocks side by side. */
#define LANES 8

/* row[i]: byte i (the first is 0) of the eight blocks. */
typedef struct {
    uint64_t row[16];
} state;

/* Eight bytes doubled: each x * (byte), reduced. */
static inline uint64_t twice(uint64_t a)
{
    uint64_t high = (a >> 7) & 0x0101010101010101;
    /* 0xc3 = x^7 + x^6 + x + 1 where a byte overflows; no carry leaves a byte. */
    uint64_t reduction = ((high << 8) - high) & 0xc3c3c3c3c3c3c3c3;

    return ((a & 0x7f7f7f7f7f7f7f7f) << 1) ^ reduction;
}

/* The linear form l [4.1.2] of sixteen rows, the first of them given apart.
 *
 * Its coefficients are 148, 32, 133, 16, 194, 192, 1, 251, 1, 192, 194, 16, 133,
 * 32, 148, 1: alike from both ends but for the last one, so rows of one
 * coefficient are summed first.  Then Horner's rule over the eight bits of the
 * coefficients, the highest first. */
static inline uint64_t form(uint64_t r0, uint64_t r1, uint64_t r2, uint64_t r3,
                            uint64_t r4, uint64_t r5, uint64_t r6, uint64_t r7,
                            uint64_t r8, uint64_t r9, uint64_t r10, uint64_t r11,
                            uint64_t r12, uint64_t r13, uint64_t r14, uint64_t r15)
{
    uint64_t c148 = r0 ^ r14, c32 = r1 ^ r13, c133 = r2 ^ r12, c16 = r3 ^ r11;
    uint64_t c194 = r4 ^ r10, c192 = r5 ^ r9, c1 = r6 ^ r8 ^ r15, c251 = r7;
    uint64_t sum = c148 ^ c133 ^ c194 ^ c192 ^ c251; /* bit 7 */

    sum = twice(sum) ^ c194 ^ c192 ^ c251; /* bit 6 */
    sum = twice(sum) ^ c32 ^ c251;         /* bit 5 */
    sum = twice(sum) ^ c148 ^ c16 ^ c251;  /* bit 4 */
    sum = twice(sum) ^ c251;               /* bit 3 */
    sum = twice(sum) ^ c148 ^ c133;        /* bit 2 */
    sum = twice(sum) ^ c194 ^ c251;        /* bit 1 */
    return twice(sum) ^ c133 ^ c1 ^ c251;  /* bit 0 */
}

/* Row i counted from where the register starts. */
#define ROW(i) row[(start + (i)) & 15]

/* L: sixteen times, the form of all rows comes in at the front and the last row
 * goes out.  The front moves instead of the rows, and is back after sixteen. */
static void linear(uint64_t row[16])
{
    for (unsigned start = 16; start-- > 0;) {
        /* The row that goes out is at start: the new front. */
        row[start] = form(ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7),
                          ROW(8), ROW(9), ROW(10), ROW(11), ROW(12), ROW(13),
                          ROW(14), ROW(15), ROW(0));
    }
}

/* The inverse of L: the front row goes out and is solved for the last one. */
static void linear_inverse(uint64_t row[16])
{
    for (unsigned start = 0; start < 16; start++) {
        row[start] = form(ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7),
                          ROW(8), ROW(9), ROW(10), ROW(11), ROW(12), ROW(13),
                          ROW(14), ROW(15), ROW(0));
    }
}

static void substitute(uint64_t row[16])
{
    for (size_t i = 0; i < 16; i += 8) {
        gostkey_transpose8(row + i);
        gostkey_pi_planes(row + i);
        gostkey_transpose8(row + i);
    }
}

static void substitute_inverse(uint64_t row[16])
{
    for (size_t i = 0; i < 16; i += 8) {
        gostkey_transpose8(row + i);
        gostkey_pi_inverse_planes(row + i);
        gostkey_transpose8(row + i);
    }
}

/* Add one key to every block: its byte i to each byte of row i. */
static void add_key(uint64_t row[16], const uint8_t key[16])
{
    for (size_t i = 0; i < 16; i++) {
        row[i] ^= (uint64_t)key[i] * 0x0101010101010101;
    }
}

/* Turn bytes: byte j of word i changes places with byte i of word j. */
static void transpose_bytes(uint64_t x[8])
{
    const uint64_t m8 = 0x00ff00ff00ff00ff, m16 = 0x0000ffff0000ffff,
                   m32 = 0x00000000ffffffff;

    for (int i = 0; i < 8; i += 2) {
        gostkey_swap_move(&x[i], &x[i + 1], 8, m8);
    }
    for (int i = 0; i < 8; i += 4) {
        gostkey_swap_move(&x[i], &x[i + 2], 16, m16);
        gostkey_swap_move(&x[i + 1], &x[i + 3], 16, m16);
    }
    for (int i = 0; i < 4; i++) {
        gostkey_swap_move(&x[i], &x[i + 4], 32, m32);
    }
}

/* count <= LANES blocks; the rest of the lanes is zeros. */
static void load(state *s, const uint8_t *in, size_t count)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < count; i++) {
        s->row[i] = gostkey_load64_le(in + 16 * i);
        s->row[8 + i] = gostkey_load64_le(in + 16 * i + 8);
    }
    transpose_bytes(s->row);
    transpose_bytes(s->row + 8);
}

static void store(uint8_t *out, state *s, size_t count)
{
    transpose_bytes(s->row);
    transpose_bytes(s->row + 8);
    for (size_t i = 0; i < count; i++) {
        gostkey_store64_le(out + 16 * i, s->row[i]);
        gostkey_store64_le(out + 16 * i + 8, s->row[8 + i]);
    }
}

/* The constants C1 to C32 of the key schedule [4.3]: L of the numbers 1 to 32. */
static void make_constants(uint8_t constants[32][16])
{
    state s;

    memset(constants, 0, 32 * 16);
    for (size_t i = 0; i < 32; i++) {
        constants[i][15] = (uint8_t)(i + 1);
    }
    for (size_t i = 0; i < 32; i += LANES) {
        load(&s, constants[i], LANES);
        linear(s.row);
        store(constants[i], &s, LANES);
    }
}

void gostkey_kuznyechik_set_key(gostkey_kuznyechik *cipher, const uint8_t key[32])
{
    uint8_t constants[32][16], left[16], right[16], mixed[16];
    state s;

    make_constants(constants);
    memcpy(left, key, 16);
    memcpy(right, key + 16, 16);
    memcpy(cipher->keys[0], left, 16);
    memcpy(cipher->keys[1], right, 16);
    for (size_t i = 0; i < 32; i++) {
        load(&s, left, 1);
        add_key(s.row, constants[i]);
        substitute(s.row);
        linear(s.row);
        store(mixed, &s, 1);
        for (size_t j = 0; j < 16; j++) {
            mixed[j] ^= right[j];
        }
        memcpy(right, left, 16);
        memcpy(left, mixed, 16);
        if (i % 8 == 7) {
            memcpy(cipher->keys[i / 4 + 1], left, 16);
            memcpy(cipher->keys[i / 4 + 2], right, 16);
        }
    }
    gostkey_wipe(&s, sizeof s);
    gostkey_wipe(left, sizeof left);
    gostkey_wipe(right, sizeof right);
    gostkey_wipe(mixed, sizeof mixed);
}

void gostkey_kuznyechik_encrypt(const gostkey_kuznyechik *cipher, uint8_t *out,
                                const uint8_t *in, size_t blocks)
{
    state s;

    while (blocks > 0) {
        size_t count = blocks < LANES ? blocks : LANES;

        load(&s, in, count);
        for (size_t round = 0; round < 9; round++) {
            add_key(s.row, cipher->keys[round]);
            substitute(s.row);
            linear(s.row);
        }
        add_key(s.row, cipher->keys[9]);
        store(out, &s, count);
        in += 16 * count;
        out += 16 * count;
        blocks -= count;
    }
    gostkey_wipe(&s, sizeof s);
}

void gostkey_kuznyechik_decrypt(const gostkey_kuznyechik *cipher, uint8_t *out,
                                const uint8_t *in, size_t blocks)
{
    state s;

    while (blocks > 0) {
        size_t count = blocks < LANES ? blocks : LANES;

        load(&s, in, count);
        for (size_t round = 9; round > 0; round--) {
            add_key(s.row, cipher->keys[round]);
            linear_inverse(s.row);
            substitute_inverse(s.row);
        }
        add_key(s.row, cipher->keys[0]);
        store(out, &s, count);
        in += 16 * count;
        out += 16 * count;
        blocks -= count;
    }
    gostkey_wipe(&s, sizeof s);
}
