/* The compression function of Streebog for secret data: constant time.
 *
 * The block is held in bit planes (see make_streebog_planes.py).  Key schedule
 * and state go through the same rounds side by side, as two lanes: where the
 * compiler knows vectors (GCC, Clang) of one 128-bit vector, elsewhere one after
 * the other.
 *
 * A position in a plane is 8 * high + low, and high and low are row and column
 * of the byte or the other way round.  The step P exchanges row and column;
 * instead of moving bits the two indices change their meaning with each round,
 * and L sums over the low index in one round and over the high one in the next.
 *
 * Source: GOST R 34.11-2012 (RFC 6986), 7 and 8. */

#include "streebog.h"

#include "pi_bitslice.h"
#include "wipe.h"

#if (defined(__GNUC__) || defined(__clang__)) && !defined(GOSTKEY_NO_VECTORS)
typedef uint64_t gostkey_lanes __attribute__((vector_size(16)));
#define GOSTKEY_LANES(w) {(w), (w)}
#define LANES 2
#else
typedef uint64_t gostkey_lanes;
#define GOSTKEY_LANES(w) (w)
#define LANES 1
#endif

#include "streebog_planes.h"

/* Turn the low index up by k = 1, 2, 4: index i goes to i + k mod 8. */
static inline gostkey_lanes turn_low(gostkey_lanes x, int k)
{
    const uint64_t every = 0x0101010101010101;
    const gostkey_lanes up = GOSTKEY_LANES(every * (0xff & (0xffu << k)));
    const gostkey_lanes round = GOSTKEY_LANES(every * (0xffu >> (8 - k)));

    return ((x << k) & up) | ((x >> (8 - k)) & round);
}

/* Turn the high index up by k. */
static inline gostkey_lanes turn_high(gostkey_lanes x, int k)
{
    return (x << (8 * k)) | (x >> (64 - 8 * k));
}

/* What a round works on; the caller wipes it once after all rounds. */
typedef struct {
    gostkey_lanes points[2][27], sum[4][8];
} scratch;

/* S, P and L where L sums over the low index (or the high one).
 *
 * With y = S(x) and y_k = y turned by k, the result is the sum over groups
 * r = 0..3 of ((y_0 * f_r0) ^ (y_4 * f_r4)) turned by r, where f are constant
 * factors for each position. */
#define LPS(name, turn, table)                                                      \
    static void name(gostkey_lanes x[8], scratch *t)                                \
    {                                                                               \
        gostkey_streebog_s(x, x);                                                   \
        gostkey_streebog_spread(t->points[0], x);                                   \
        for (int i = 0; i < 8; i++) {                                               \
            x[i] = turn(x[i], 4);                                                   \
        }                                                                           \
        gostkey_streebog_spread(t->points[1], x);                                   \
        for (int r = 0; r < 4; r++) {                                               \
            gostkey_streebog_group(t->sum[r], t->points[0], t->points[1], table, r);\
        }                                                                           \
        for (int i = 0; i < 8; i++) {                                               \
            x[i] = t->sum[0][i] ^ turn(t->sum[2][i], 2) ^                           \
                   turn(t->sum[1][i] ^ turn(t->sum[3][i], 2), 1);                   \
        }                                                                           \
    }

LPS(lps_low, turn_low, gostkey_streebog_l_low)
LPS(lps_high, turn_high, gostkey_streebog_l_high)

/* Exchange low and high index of each plane. */
static void exchange(uint64_t x[8])
{
    for (int i = 0; i < 8; i++) {
        uint64_t w = x[i], t;

        t = (w ^ (w >> 7)) & 0x00aa00aa00aa00aa;
        w ^= t ^ (t << 7);
        t = (w ^ (w >> 14)) & 0x0000cccc0000cccc;
        w ^= t ^ (t << 14);
        t = (w ^ (w >> 28)) & 0x00000000f0f0f0f0;
        x[i] = w ^ t ^ (t << 28);
    }
}

/* The key schedule and the state, in planes, between two rounds. */
#if LANES == 2

typedef struct {
    gostkey_lanes x[8]; /* lane 0: key; lane 1: state */
} pair;

static inline void pair_set(pair *p, const uint64_t key[8], const uint64_t state[8])
{
    for (int i = 0; i < 8; i++) {
        p->x[i] = (gostkey_lanes){key[i], state[i]};
    }
}

static inline uint64_t pair_key(const pair *p, int i)
{
    return p->x[i][0];
}

static inline uint64_t pair_state(const pair *p, int i)
{
    return p->x[i][1];
}

static inline void pair_low(pair *p, scratch *t)
{
    lps_low(p->x, t);
}

static inline void pair_high(pair *p, scratch *t)
{
    lps_high(p->x, t);
}

#else

typedef struct {
    gostkey_lanes key[8], state[8];
} pair;

static inline void pair_set(pair *p, const uint64_t key[8], const uint64_t state[8])
{
    for (int i = 0; i < 8; i++) {
        p->key[i] = key[i];
        p->state[i] = state[i];
    }
}

static inline uint64_t pair_key(const pair *p, int i)
{
    return p->key[i];
}

static inline uint64_t pair_state(const pair *p, int i)
{
    return p->state[i];
}

static inline void pair_low(pair *p, scratch *t)
{
    lps_low(p->key, t);
    lps_low(p->state, t);
}

static inline void pair_high(pair *p, scratch *t)
{
    lps_high(p->key, t);
    lps_high(p->state, t);
}

#endif

/* Add the key to the state and the constant to the key. */
static inline void pair_add(pair *p, const uint64_t c[8])
{
    uint64_t key[8], state[8];

    for (int i = 0; i < 8; i++) {
        state[i] = pair_state(p, i) ^ pair_key(p, i);
        key[i] = pair_key(p, i) ^ c[i];
    }
    pair_set(p, key, state);
}

void gostkey_streebog_compress(uint64_t h[8], const uint64_t n[8], const uint64_t m[8])
{
    uint64_t key[8], state[8];
    scratch t;
    pair p;

    for (int i = 0; i < 8; i++) {
        key[i] = h[i] ^ n[i];
        state[i] = m[i];
        h[i] ^= m[i];
    }
    /* Transposed, the row is the low index. */
    gostkey_transpose8(key);
    gostkey_transpose8(state);
    gostkey_streebog_enter(key);
    gostkey_streebog_enter(state);
    /* The first round is on the key alone, and the state waits for its result
     * with the row as low index; so the key starts with it as the high one. */
    exchange(key);
    pair_set(&p, key, key);
    pair_high(&p, &t);
    for (int i = 0; i < 8; i++) {
        key[i] = pair_key(&p, i);
    }
    pair_set(&p, key, state);
    for (int i = 0; i < 12; i += 2) {
        pair_add(&p, gostkey_streebog_c[i]);
        pair_low(&p, &t);
        pair_add(&p, gostkey_streebog_c[i + 1]);
        pair_high(&p, &t);
    }
    for (int i = 0; i < 8; i++) {
        state[i] = pair_key(&p, i) ^ pair_state(&p, i);
    }
    gostkey_streebog_leave(state);
    gostkey_transpose8(state);
    for (int i = 0; i < 8; i++) {
        h[i] ^= state[i];
    }
    gostkey_wipe(key, sizeof key);
    gostkey_wipe(state, sizeof state);
    gostkey_wipe(&p, sizeof p);
    gostkey_wipe(&t, sizeof t);
}
