/* Numbers of LIMBS words, least significant first: sums, differences, products; part of
 * the template field.h.  All are constant time. */

/* Return x and keep it out of vector registers: compilers like to do masks on two
 * words at once, and then wait for stores of single words to reach a load of two. */
static inline uint64_t in_register(uint64_t x)
{
#if defined(__GNUC__) || defined(__clang__)
    __asm__("" : "+r"(x));
#endif
    return x;
}

/* z := x + y; return the carry. */
static inline uint64_t words_add(uint64_t *z, const uint64_t *x, const uint64_t *y)
{
    uint64_t carry = 0;

    for (int i = 0; i < LIMBS; i++) {
        z[i] = gostkey_add_carry64(&carry, x[i], y[i]);
    }
    return carry;
}

/* z := x - y; return the borrow. */
static inline uint64_t words_subtract(uint64_t *z, const uint64_t *x,
                                      const uint64_t *y)
{
    uint64_t borrow = 0;

    for (int i = 0; i < LIMBS; i++) {
        z[i] = gostkey_subtract_borrow64(&borrow, x[i], y[i]);
    }
    return borrow;
}

/* z := z + y where mask is all ones; the carry is dropped. */
static inline void words_add_masked(uint64_t *z, const uint64_t *y, uint64_t mask)
{
    uint64_t carry = 0;

    for (int i = 0; i < LIMBS; i++) {
        z[i] = gostkey_add_carry64(&carry, z[i], in_register(y[i] & mask));
    }
}

/* z := high * 2^(64 LIMBS) + x, minus p if that is p or more; high is 0 or 1 and
 * the number below 2 p. */
static inline void words_reduce_once(uint64_t *z, const uint64_t *x, uint64_t high,
                                     const uint64_t *p)
{
    uint64_t t[LIMBS];
    uint64_t borrow = words_subtract(t, x, p);
    uint64_t keep = gostkey_barrier((uint64_t)0 - (borrow & ~high & 1));

    for (int i = 0; i < LIMBS; i++) {
        z[i] = in_register(gostkey_select64(keep, x[i], t[i]));
    }
}

/* z[0 .. n - 1] += x * y; return the word that comes out on top.  n is a constant
 * up to LIMBS wherever this is called, so the tests vanish and the steps are
 * written out, which compilers do not do with the loop. */
static inline uint64_t words_multiply_row(uint64_t *z, const uint64_t *x, uint64_t y,
                                          int n)
{
    uint64_t carry = 0;

#define STEP(i)                                                                        \
    if (n > (i)) {                                                                     \
        z[i] = gostkey_multiply_add64(&carry, x[i], y, z[i]);                          \
    }
    STEP(0)
    STEP(1)
    STEP(2)
    STEP(3)
#if LIMBS == 8
    STEP(4)
    STEP(5)
    STEP(6)
    STEP(7)
#endif
#undef STEP
    return carry;
}

/* t[2 LIMBS] := x * y. */
static inline void words_multiply(uint64_t *t, const uint64_t *x, const uint64_t *y)
{
    for (int i = 0; i < LIMBS; i++) {
        t[i] = 0;
    }
    t[LIMBS + 0] = words_multiply_row(t + 0, x, y[0], LIMBS);
    t[LIMBS + 1] = words_multiply_row(t + 1, x, y[1], LIMBS);
    t[LIMBS + 2] = words_multiply_row(t + 2, x, y[2], LIMBS);
    t[LIMBS + 3] = words_multiply_row(t + 3, x, y[3], LIMBS);
#if LIMBS == 8
    t[LIMBS + 4] = words_multiply_row(t + 4, x, y[4], LIMBS);
    t[LIMBS + 5] = words_multiply_row(t + 5, x, y[5], LIMBS);
    t[LIMBS + 6] = words_multiply_row(t + 6, x, y[6], LIMBS);
    t[LIMBS + 7] = words_multiply_row(t + 7, x, y[7], LIMBS);
#endif
}

/* t[2 LIMBS] := x^2: each mixed product once, doubled, then the squares. */
static inline void words_square(uint64_t *t, const uint64_t *x)
{
    uint64_t carry = 0, top = 0;

    for (int i = 0; i < 2 * LIMBS; i++) {
        t[i] = 0;
    }
    t[LIMBS + 0] = words_multiply_row(t + 1, x + 1, x[0], LIMBS - 1);
    t[LIMBS + 1] = words_multiply_row(t + 3, x + 2, x[1], LIMBS - 2);
    t[LIMBS + 2] = words_multiply_row(t + 5, x + 3, x[2], LIMBS - 3);
#if LIMBS == 8
    t[LIMBS + 3] = words_multiply_row(t + 7, x + 4, x[3], LIMBS - 4);
    t[LIMBS + 4] = words_multiply_row(t + 9, x + 5, x[4], LIMBS - 5);
    t[LIMBS + 5] = words_multiply_row(t + 11, x + 6, x[5], LIMBS - 6);
    t[LIMBS + 6] = words_multiply_row(t + 13, x + 7, x[6], LIMBS - 7);
#endif
#define STEP(i)                                                                        \
    {                                                                                  \
        uint64_t even = t[2 * (i)], odd = t[2 * (i) + 1], high;                        \
        uint64_t low = gostkey_multiply64(&high, x[i], x[i]);                          \
                                                                                       \
        t[2 * (i)] = gostkey_add_carry64(&carry, even << 1 | top, low);                \
        t[2 * (i) + 1] = gostkey_add_carry64(&carry, odd << 1 | even >> 63, high);     \
        top = odd >> 63;                                                               \
    }
    STEP(0)
    STEP(1)
    STEP(2)
    STEP(3)
#if LIMBS == 8
    STEP(4)
    STEP(5)
    STEP(6)
    STEP(7)
#endif
#undef STEP
}
