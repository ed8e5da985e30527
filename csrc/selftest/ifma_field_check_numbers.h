/* What ifma_field_check.h stands on: slow arithmetic on words, lanes of vectors as such numbers,
 * and numbers at the edges of what the functions take.  A part of that template. */

#include <stdio.h>

/* Numbers are arrays of BIG words, least significant first. */
#define BIG (2 * LIMBS + 3)

static struct {
    const struct field *f;
    uint64_t p[BIG];
    int failures;
} now;

static void expect(int good, const char *what, int i, int j)
{
    if (!good) {
        if (now.failures < 10) {
            printf("ifma: %s, case %d/%d failed\n", what, i, j);
        }
        now.failures++;
    }
}

static uint64_t random64(void)
{
    static uint64_t seed = 20261126;

    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed ^ seed >> 29;
}

/* --- Slow numbers ------------------------------------------------------------ */

/* z += x 2^bits. */
static void big_add_shifted(uint64_t *z, uint64_t x, int bits)
{
    const int word = bits / 64, shift = bits % 64;
    uint64_t low = x << shift, high = shift != 0 ? x >> (64 - shift) : 0, carry;

    z[word] += low;
    carry = z[word] < low;
    for (int i = word + 1; i < BIG; i++) {
        const uint64_t before = z[i];

        z[i] += high + carry;
        carry = z[i] < before || (carry && z[i] == before && high == UINT64_MAX);
        high = 0;
    }
}

static void big_add(uint64_t *z, const uint64_t *x)
{
    for (int i = 0; i < BIG; i++) {
        big_add_shifted(z, x[i], 64 * i);
    }
}

/* 1 if x < y. */
static int big_less(const uint64_t *x, const uint64_t *y)
{
    for (int i = BIG - 1; i >= 0; i--) {
        if (x[i] != y[i]) {
            return x[i] < y[i];
        }
    }
    return 0;
}

/* z := x - y, x >= y. */
static void big_subtract(uint64_t *z, const uint64_t *x, const uint64_t *y)
{
    uint64_t borrow = 0;

    for (int i = 0; i < BIG; i++) {
        const uint64_t a = x[i], b = y[i];

        z[i] = a - b - borrow;
        borrow = a < b || (a == b && borrow);
    }
}

/* z := x mod p, bit by bit. */
static void big_reduce(uint64_t *z, const uint64_t *x)
{
    uint64_t rest[BIG] = {0};

    int bit = 64 * BIG - 1;

    while (bit >= 0 && x[bit / 64] == 0) {
        bit -= 64;
    }
    for (; bit >= 0; bit--) {
        for (int i = LIMBS; i > 0; i--) {
            rest[i] = rest[i] << 1 | rest[i - 1] >> 63;
        }
        rest[0] = rest[0] << 1 | (x[bit / 64] >> bit % 64 & 1);
        if (!big_less(rest, now.p)) {
            big_subtract(rest, rest, now.p);
        }
    }
    memcpy(z, rest, sizeof rest);
}

/* z := x y, each below 2^(64 (LIMBS + 1)). */
static void big_multiply(uint64_t *z, const uint64_t *x, const uint64_t *y)
{
    uint64_t t[BIG] = {0};

    for (int i = 0; i < 2 * (LIMBS + 1); i++) {
        for (int j = 0; j < 2 * (LIMBS + 1); j++) {
            const uint64_t a = x[i / 2] >> 32 * (i % 2) & 0xffffffff;
            const uint64_t b = y[j / 2] >> 32 * (j % 2) & 0xffffffff;

            if (a * b != 0) {
                big_add_shifted(t, a * b, 32 * (i + j));
            }
        }
    }
    memcpy(z, t, sizeof t);
}

/* z := the number of columns x[0], x[1], ..., all positive. */
static void big_of_columns(uint64_t *z, const uint64_t *x, int n)
{
    memset(z, 0, 8 * BIG);
    for (int i = 0; i < n; i++) {
        big_add_shifted(z, x[i], 52 * i);
    }
}

/* z := x R mod p; R is 1 but in Montgomery's form. */
static void big_times_r(uint64_t *z, const uint64_t *x)
{
    uint64_t t[BIG] = {0};

    big_reduce(t, x);
#if defined(GOSTKEY_P_ANY)
    {
        uint64_t shifted[BIG] = {0};

        for (int i = 0; i < LIMBS; i++) {
            big_add_shifted(shifted, t[i], 64 * i + 52 * LIMBS52);
        }
        big_reduce(t, shifted);
    }
#endif
    memcpy(z, t, sizeof t);
}

static int same_mod_p(const uint64_t *x, const uint64_t *y)
{
    uint64_t a[BIG], b[BIG];

    big_reduce(a, x);
    big_reduce(b, y);
    return memcmp(a, b, sizeof a) == 0;
}

/* x := x - y mod p. */
static void big_minus_mod_p(uint64_t *x, const uint64_t *y)
{
    uint64_t a[BIG], b[BIG];

    big_reduce(a, x);
    big_reduce(b, y);
    big_add(a, now.p);
    big_subtract(x, a, b);
}

/* --- Vectors ----------------------------------------------------------------- */

static void lane_of(uint64_t *limbs, const struct fe8 *x, int lane)
{
    uint64_t lanes[8];

    for (int i = 0; i < LIMBS52; i++) {
        memcpy(lanes, &x->v[i], sizeof lanes);
        limbs[i] = lanes[lane];
    }
}

/* Not inlined: it reads lanes that nobody has set yet, and puts them back. */
NEVER_INLINE void set_lane(vec *v, int n, int lane, const uint64_t *limbs)
{
    uint64_t lanes[8];

    for (int i = 0; i < n; i++) {
        memcpy(lanes, &v[i], sizeof lanes);
        lanes[lane] = limbs[i];
        memcpy(&v[i], lanes, sizeof lanes);
    }
}

/* The value of a lane; of a loose factor, only 52 bits of each limb count. */
static void big_of_lane(uint64_t *z, const struct fe8 *x, int lane, int loose)
{
    uint64_t limbs[LIMBS52];

    lane_of(limbs, x, lane);
    for (int i = 0; loose && i < LIMBS52; i++) {
        limbs[i] &= MASK52;
    }
    big_of_columns(z, limbs, LIMBS52);
}

/* Limbs below 2^52, and value below sixteenths / 16 + 2^-30, in units of 2^N, plus
 * `times_p` p. */
static int is_within(const struct fe8 *x, int lane, uint64_t sixteenths, int times_p)
{
    uint64_t limbs[LIMBS52], value[BIG], bound[BIG] = {0};

    lane_of(limbs, x, lane);
    for (int i = 0; i < LIMBS52; i++) {
        if (limbs[i] > MASK52) {
            return 0;
        }
    }
    big_of_columns(value, limbs, LIMBS52);
    big_add_shifted(bound, sixteenths, N_BITS - 4);
    big_add_shifted(bound, 1, N_BITS - 30);
    for (int i = 0; i < times_p; i++) {
        big_add(bound, now.p);
    }
    return big_less(value, bound);
}

/* An element: value < 1 + p and a little; MINUS: < 1 and a little. */
static int is_element(const struct fe8 *x, int lane)
{
#if defined(GOSTKEY_P_MINUS)
    return is_within(x, lane, 16, 0);
#else
    return is_within(x, lane, 16, 1);
#endif
}

/* --- Numbers at the edges ---------------------------------------------------- */

enum { MOST = 96 };

struct edges {
    uint64_t limbs[MOST][LIMBS52];
    int count;
};

static void put_limbs(struct edges *e, const uint64_t *limbs)
{
    if (e->count < MOST) {
        memcpy(e->limbs[e->count++], limbs, sizeof e->limbs[0]);
    } else {
        expect(0, "room for edges", e->count, 0);
    }
}

static void put_big(struct edges *e, const uint64_t *x)
{
    uint64_t limbs[LIMBS52];

    for (int i = 0; i < LIMBS52; i++) {
        const int word = 52 * i / 64, shift = 52 * i % 64;

        limbs[i] = x[word] >> shift;
        if (shift > 12) {
            limbs[i] |= x[word + 1] << (64 - shift);
        }
        limbs[i] &= MASK52;
    }
    put_limbs(e, limbs);
}

/* The numbers just below sixteenths / 16 * 2^N + times_p p, and that with all limbs but the
 * top one 2^52 - 1. */
static void put_below(struct edges *e, uint64_t sixteenths, int times_p)
{
    uint64_t bound[BIG] = {0}, one[BIG] = {1}, limbs[LIMBS52];

    big_add_shifted(bound, sixteenths, N_BITS - 4);
    for (int i = 0; i < times_p; i++) {
        big_add(bound, now.p);
    }
    big_subtract(bound, bound, one);
    put_big(e, bound);
    big_subtract(bound, bound, one);
    put_big(e, bound);
    for (int i = 0; i < TOP; i++) {
        limbs[i] = MASK52;
    }
    limbs[TOP] = (sixteenths << (TOP_BITS - 4)) - 1;
    put_limbs(e, limbs);
}

/* Elements at the edges; of any number, whether or not it is below p. */
static void put_elements(struct edges *e)
{
    uint64_t x[BIG] = {0}, limbs[LIMBS52];
    uint64_t one[BIG] = {1};

    for (uint64_t small = 0; small < 3; small++) {
        x[0] = small;
        put_big(e, x);
        big_add(x, now.p);
        put_big(e, x); /* p, p + 1, p + 2 */
        big_subtract(x, now.p, one);
        x[0] -= small;
        put_big(e, x); /* p - 1, p - 2, p - 3 */
        memset(x, 0, sizeof x);
    }
#if !defined(GOSTKEY_P_MINUS)
    big_add(x, now.p);
    big_add(x, now.p);
    put_big(e, x); /* 2 p <= 1 + p */
    big_subtract(x, x, one);
    put_big(e, x);
    put_below(e, 16, 1);
#endif
    put_below(e, 16, 0);
    /* The last element of all. */
    memset(x, 0, sizeof x);
#if !defined(GOSTKEY_P_MINUS)
    big_add(x, now.p);
#endif
    big_add_shifted(x, 1, N_BITS);
    big_add_shifted(x, 1, N_BITS - 30);
    big_subtract(x, x, one);
    put_big(e, x);
    for (int i = 0; i < LIMBS52; i++) {
        memset(limbs, 0, sizeof limbs);
        limbs[i] = i < TOP ? MASK52 : ((uint64_t)1 << TOP_BITS) - 1;
        put_limbs(e, limbs);
        limbs[i] = 1;
        put_limbs(e, limbs);
        for (int j = 0; j < LIMBS52; j++) {
            limbs[j] = j == i ? 0 : j < TOP ? MASK52 : ((uint64_t)1 << TOP_BITS) - 1;
        }
        put_limbs(e, limbs);
    }
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < LIMBS52; j++) {
            limbs[j] = random64() >> (j < TOP ? 12 : 64 - TOP_BITS);
        }
        put_limbs(e, limbs);
    }
}

/* Factors: more numbers, below 8. */
static void put_factors(struct edges *e, uint64_t sixteenths)
{
    uint64_t x[BIG] = {0}, limbs[LIMBS52];

    put_below(e, sixteenths, 0);
    put_below(e, sixteenths / 2, 0);
    for (int k = 0; k < 3; k++) {
        big_add(x, now.p);
        put_big(e, x);
    }
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < LIMBS52; j++) {
            limbs[j] = random64() >> 12;
        }
        limbs[TOP] %= sixteenths << (TOP_BITS - 4);
        put_limbs(e, limbs);
    }
#if defined(GOSTKEY_P_MINUS)
    /* Times 1, the fold at 2^N adds c to 2^52 - c, and from there a carry runs through:
     * every limb becomes 2^52 exactly. */
    limbs[0] = MASK52 + 1 - now.f->c;
    for (int i = 1; i < LIMBS52; i++) {
        limbs[i] = MASK52;
    }
    limbs[TOP] = (uint64_t)1 << TOP_BITS | 5;
    put_limbs(e, limbs);
#endif
}
