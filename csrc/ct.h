/* Masks and selects for code that handles secrets: nothing in here branches
 * or addresses memory by its arguments.  A mask is all ones (yes) or zero
 * (no), of the width that its name says.
 *
 * gostkey_barrier keeps a compiler from seeing that a mask has two values
 * only and turning a select back into a branch; in the manner of
 * [mlkem-native, mlkem/src/verify.h]. */

#ifndef GOSTKEY_CT_H
#define GOSTKEY_CT_H

#include <stddef.h>
#include <stdint.h>

/* Return x, in a way that the compiler cannot reason about. */
static inline uint64_t gostkey_barrier(uint64_t x)
{
#if defined(__GNUC__) || defined(__clang__)
    __asm__("" : "+r"(x));
    return x;
#else
    volatile uint64_t hidden = x;
    return hidden;
#endif
}

/* All ones if x is not zero. */
static inline uint64_t gostkey_mask_nonzero64(uint64_t x)
{
    x = gostkey_barrier(x);
    return gostkey_barrier((uint64_t)0 - ((x | ((uint64_t)0 - x)) >> 63));
}

/* All ones if x is zero. */
static inline uint64_t gostkey_mask_zero64(uint64_t x)
{
    return ~gostkey_mask_nonzero64(x);
}

/* All ones if a equals b. */
static inline uint64_t gostkey_mask_equal64(uint64_t a, uint64_t b)
{
    return gostkey_mask_zero64(a ^ b);
}

/* All ones if a < b, as unsigned numbers. */
static inline uint64_t gostkey_mask_less64(uint64_t a, uint64_t b)
{
    /* The borrow of a - b (Hacker's Delight, 2-13). */
    uint64_t borrow = ((~a & b) | (~(a ^ b) & (a - b))) >> 63;

    return gostkey_barrier((uint64_t)0 - borrow);
}

/* All ones if the lowest bit of x is set. */
static inline uint64_t gostkey_mask_bit64(uint64_t x)
{
    return gostkey_barrier((uint64_t)0 - (gostkey_barrier(x) & 1));
}

/* yes where mask is all ones, no where it is zero. */
static inline uint64_t gostkey_select64(uint64_t mask, uint64_t yes, uint64_t no)
{
    return no ^ (mask & (yes ^ no));
}

/* Swap a[i] and b[i] for i < n words if mask is all ones. */
static inline void gostkey_swap64(uint64_t mask, uint64_t *a, uint64_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t t = mask & (a[i] ^ b[i]);
        a[i] ^= t;
        b[i] ^= t;
    }
}

/* out[i] := yes[i] where mask is all ones, for n words; out may be either. */
static inline void gostkey_select_words(uint64_t mask, uint64_t *out,
                                        const uint64_t *yes, const uint64_t *no,
                                        size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = gostkey_select64(mask, yes[i], no[i]);
    }
}

/* All ones if the two strings of n bytes are equal. */
static inline uint64_t gostkey_mask_same_bytes(const uint8_t *a, const uint8_t *b,
                                               size_t n)
{
    uint8_t difference = 0;

    for (size_t i = 0; i < n; i++) {
        difference = (uint8_t)(difference | (a[i] ^ b[i]));
    }
    return gostkey_mask_zero64(difference);
}

/* All ones if the n bytes are all zero. */
static inline uint64_t gostkey_mask_zero_bytes(const uint8_t *a, size_t n)
{
    uint8_t any = 0;

    for (size_t i = 0; i < n; i++) {
        any = (uint8_t)(any | a[i]);
    }
    return gostkey_mask_zero64(any);
}

#endif
