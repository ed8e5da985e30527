/* The sums of Streebog modulo 2^512, and blocks as words.  Included by each kernel
 * within its own target region. */

#ifndef GOSTKEY_STREEBOG_SUMS_H
#define GOSTKEY_STREEBOG_SUMS_H

#include "bytes.h"

/* x := x + y modulo 2^512. */
static inline void gostkey_streebog_add(uint64_t x[8], const uint64_t y[8])
{
    uint64_t carry = 0;

    for (int i = 0; i < 8; i++) {
        const uint64_t sum = x[i] + y[i];
        const uint64_t over = sum < y[i];

        x[i] = sum + carry;
        carry = over | (x[i] < sum);
    }
}

/* n := n + bits modulo 2^512.  Lengths are public. */
static inline void gostkey_streebog_count(uint64_t n[8], uint64_t bits)
{
    n[0] += bits;
    if (n[0] < bits) {
        for (int i = 1; i < 8 && ++n[i] == 0; i++) {
        }
    }
}

static inline void gostkey_streebog_load(uint64_t m[8], const uint8_t block[64])
{
    for (int i = 0; i < 8; i++) {
        m[i] = gostkey_load64_le(block + 8 * i);
    }
}

#endif
