/* The compression function of Streebog with look-up tables (16 KiB), for public
 * data only: which entries are read depends on the data.
 *
 * Source: GOST R 34.11-2012 (RFC 6986), 7 and 8. */

#include "streebog.h"

#include <string.h>

#include "ct.h"
#include "streebog_tables.h"

/* Shift one register along, where GCC and Clang left alone copy and shift the
 * word for every byte. */
#if defined(__GNUC__) || defined(__clang__)
#define ALONG(w) gostkey_barrier(w)
#else
#define ALONG(w) (w)
#endif

/* XOR the entries of bytes 6 and 7 of word j; w is the word shifted by 32.  With
 * GCC the bytes are loaded from memory, which takes load off the shifters (a
 * sixth faster; it makes Clang's code slower). */
#if defined(__GNUC__) && !defined(__clang__)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OCTET(x, j, i) (((const uint8_t *)(x))[8 * (j) + (i)])
#else
#define OCTET(x, j, i) (((const uint8_t *)(x))[8 * (j) + 7 - (i)])
#endif
#define LAST(x, j)                                                                  \
    r6 ^= gostkey_streebog_table[j][OCTET(x, j, 6)];                                \
    r7 ^= gostkey_streebog_table[j][OCTET(x, j, 7)];
#else
#define LAST(x, j)                                                                  \
    w = ALONG(w >> 16);                                                             \
    r6 ^= gostkey_streebog_table[j][(uint8_t)w];                                    \
    r7 ^= gostkey_streebog_table[j][(uint8_t)(w >> 8)];
#endif

/* XOR the table of word j of x, whose value is given, into the eight rows of the
 * result: byte i of each word goes to row i, which is the step P. */
#define WORD(x, j, value)                                                           \
    w = (value);                                                                    \
    r0 ^= gostkey_streebog_table[j][(uint8_t)w];                                    \
    r1 ^= gostkey_streebog_table[j][(uint8_t)(w >> 8)];                             \
    w = ALONG(w >> 16);                                                             \
    r2 ^= gostkey_streebog_table[j][(uint8_t)w];                                    \
    r3 ^= gostkey_streebog_table[j][(uint8_t)(w >> 8)];                             \
    w = ALONG(w >> 16);                                                             \
    r4 ^= gostkey_streebog_table[j][(uint8_t)w];                                    \
    r5 ^= gostkey_streebog_table[j][(uint8_t)(w >> 8)];                             \
    LAST(x, j)

#define STORE(x)                                                                    \
    x[0] = r0;                                                                      \
    x[1] = r1;                                                                      \
    x[2] = r2;                                                                      \
    x[3] = r3;                                                                      \
    x[4] = r4;                                                                      \
    x[5] = r5;                                                                      \
    x[6] = r6;                                                                      \
    x[7] = r7;

/* key := LPS(key ^ c). */
static void round_key(uint64_t key[8], const uint64_t c[8])
{
    uint64_t r0 = 0, r1 = 0, r2 = 0, r3 = 0, r4 = 0, r5 = 0, r6 = 0, r7 = 0, w;

    WORD(key, 0, key[0] ^= c[0])
    WORD(key, 1, key[1] ^= c[1])
    WORD(key, 2, key[2] ^= c[2])
    WORD(key, 3, key[3] ^= c[3])
    WORD(key, 4, key[4] ^= c[4])
    WORD(key, 5, key[5] ^= c[5])
    WORD(key, 6, key[6] ^= c[6])
    WORD(key, 7, key[7] ^= c[7])
    STORE(key)
}

/* x := LPS(x) ^ key. */
static void round_state(uint64_t x[8], const uint64_t key[8])
{
    uint64_t r0 = key[0], r1 = key[1], r2 = key[2], r3 = key[3];
    uint64_t r4 = key[4], r5 = key[5], r6 = key[6], r7 = key[7], w;

    WORD(x, 0, x[0])
    WORD(x, 1, x[1])
    WORD(x, 2, x[2])
    WORD(x, 3, x[3])
    WORD(x, 4, x[4])
    WORD(x, 5, x[5])
    WORD(x, 6, x[6])
    WORD(x, 7, x[7])
    STORE(x)
}

void gostkey_streebog_compress_var(uint64_t h[8], const uint64_t n[8],
                                   const uint64_t m[8])
{
    uint64_t key[8], x[8];

    memcpy(key, h, sizeof key);
    round_key(key, n);
    for (int i = 0; i < 8; i++) {
        x[i] = m[i] ^ key[i];
    }
    for (int round = 0; round < 12; round++) {
        round_key(key, gostkey_streebog_constants[round]);
        round_state(x, key);
    }
    for (int i = 0; i < 8; i++) {
        h[i] ^= x[i] ^ m[i];
    }
}
