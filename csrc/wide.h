/* 64 x 64 -> 128 bit products and carries.
 *
 * Products have three twins: unsigned __int128 where the compiler has it, _umul128
 * of MSVC, and plain C with 32-bit halves for everything else (also 32-bit
 * machines).  Carries have intrinsics on x86-64, because compilers do not find
 * the add-with-carry instruction by themselves, and plain C elsewhere.
 * -DGOSTKEY_NO_INT128 forces plain C for both.  All are constant time on
 * machines whose multiplier is. */

#ifndef GOSTKEY_WIDE_H
#define GOSTKEY_WIDE_H

#include <stdint.h>

#if defined(__SIZEOF_INT128__) && !defined(GOSTKEY_NO_INT128)
#define GOSTKEY_WIDE_INT128
__extension__ typedef unsigned __int128 gostkey_uint128;
#elif defined(_MSC_VER) && defined(_M_X64) && !defined(GOSTKEY_NO_INT128)
#define GOSTKEY_WIDE_UMUL128
#include <intrin.h>
#endif

#if (defined(__x86_64__) || defined(_M_X64)) && !defined(GOSTKEY_NO_INT128)
#define GOSTKEY_WIDE_ADDCARRY
#include <immintrin.h>
#endif

/* Return the low half of a * b; *high := the high half. */
static inline uint64_t gostkey_multiply64(uint64_t *high, uint64_t a, uint64_t b)
{
#if defined(GOSTKEY_WIDE_INT128)
    gostkey_uint128 product = (gostkey_uint128)a * b;

    *high = (uint64_t)(product >> 64);
    return (uint64_t)product;
#elif defined(GOSTKEY_WIDE_UMUL128)
    return _umul128(a, b, high);
#else
    /* (a1 2^32 + a0)(b1 2^32 + b0); the middle sum is below 2^64:
     * (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1. */
    uint64_t a0 = (uint32_t)a, a1 = a >> 32;
    uint64_t b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t low = a0 * b0;
    uint64_t middle = a1 * b0 + (low >> 32);
    uint64_t cross = a0 * b1 + (uint32_t)middle;

    *high = a1 * b1 + (middle >> 32) + (cross >> 32);
    return cross << 32 | (uint32_t)low;
#endif
}

/* Return a + b + *carry mod 2^64; *carry, 0 or 1, := what overflows. */
static inline uint64_t gostkey_add_carry64(uint64_t *carry, uint64_t a, uint64_t b)
{
#if defined(GOSTKEY_WIDE_ADDCARRY)
    unsigned long long sum;

    *carry = _addcarry_u64((unsigned char)*carry, a, b, &sum);
    return sum;
#else
    /* Bit by bit, since a compiler may turn a comparison into a branch. */
    uint64_t sum = a + b + *carry;

    *carry = ((a & b) | ((a | b) & ~sum)) >> 63;
    return sum;
#endif
}

/* Return a - b - *borrow mod 2^64; *borrow, 0 or 1, := what is missing. */
static inline uint64_t gostkey_subtract_borrow64(uint64_t *borrow, uint64_t a,
                                                 uint64_t b)
{
#if defined(GOSTKEY_WIDE_ADDCARRY)
    unsigned long long difference;

    *borrow = _subborrow_u64((unsigned char)*borrow, a, b, &difference);
    return difference;
#else
    uint64_t difference = a - b - *borrow;

    *borrow = ((~a & b) | ((~a | b) & difference)) >> 63;
    return difference;
#endif
}

/* Return the low half of a * b + addend + *carry; *carry := the high half.
 * It cannot overflow: (2^64 - 1)^2 + 2 (2^64 - 1) = 2^128 - 1. */
static inline uint64_t gostkey_multiply_add64(uint64_t *carry, uint64_t a, uint64_t b,
                                              uint64_t addend)
{
#if defined(GOSTKEY_WIDE_INT128)
    gostkey_uint128 sum = (gostkey_uint128)a * b + addend + *carry;

    *carry = (uint64_t)(sum >> 64);
    return (uint64_t)sum;
#else
    uint64_t high;
    uint64_t low = gostkey_multiply64(&high, a, b);

    uint64_t overflow = 0;

    low = gostkey_add_carry64(&overflow, low, addend);
    high += overflow;
    overflow = 0;
    low = gostkey_add_carry64(&overflow, low, *carry);
    *carry = high + overflow;
    return low;
#endif
}

#endif
