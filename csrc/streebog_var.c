/* The compression function of Streebog with look-up tables (16 KiB), for public
 * data only: which entries are read depends on the data.
 *
 * Source: GOST R 34.11-2012 (RFC 6986), 7 and 8. */

#include "streebog.h"

#include "streebog_tables.h"

/* XOR the table of one word into the eight rows of the result: byte i of each
 * word goes to row i, which is the step P. */
#define WORD(j)                                                                     \
    w = x[j];                                                                       \
    r0 ^= gostkey_streebog_table[j][(uint8_t)w];                                    \
    r1 ^= gostkey_streebog_table[j][(uint8_t)(w >> 8)];                             \
    w >>= 16;                                                                       \
    r2 ^= gostkey_streebog_table[j][(uint8_t)w];                                    \
    r3 ^= gostkey_streebog_table[j][(uint8_t)(w >> 8)];                             \
    w >>= 16;                                                                       \
    r4 ^= gostkey_streebog_table[j][(uint8_t)w];                                    \
    r5 ^= gostkey_streebog_table[j][(uint8_t)(w >> 8)];                             \
    w >>= 16;                                                                       \
    r6 ^= gostkey_streebog_table[j][(uint8_t)w];                                    \
    r7 ^= gostkey_streebog_table[j][(uint8_t)(w >> 8)];

/* out := L(P(S(x))); out may be x. */
static inline void lps(uint64_t out[8], const uint64_t x[8])
{
    uint64_t r0 = 0, r1 = 0, r2 = 0, r3 = 0, r4 = 0, r5 = 0, r6 = 0, r7 = 0, w;

    WORD(0)
    WORD(1)
    WORD(2)
    WORD(3)
    WORD(4)
    WORD(5)
    WORD(6)
    WORD(7)
    out[0] = r0;
    out[1] = r1;
    out[2] = r2;
    out[3] = r3;
    out[4] = r4;
    out[5] = r5;
    out[6] = r6;
    out[7] = r7;
}

void gostkey_streebog_compress_var(uint64_t h[8], const uint64_t n[8],
                                   const uint64_t m[8])
{
    uint64_t key[8], state[8], x[8];

    for (int i = 0; i < 8; i++) {
        x[i] = h[i] ^ n[i];
        state[i] = m[i];
    }
    lps(key, x);
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 8; i++) {
            x[i] = state[i] ^ key[i];
        }
        lps(state, x);
        for (int i = 0; i < 8; i++) {
            x[i] = key[i] ^ gostkey_streebog_constants[round][i];
        }
        lps(key, x);
    }
    for (int i = 0; i < 8; i++) {
        h[i] ^= state[i] ^ key[i] ^ m[i];
    }
}
