/* Streebog with Advanced SIMD of 64-bit ARM: constant time by look-ups of nibbles, for
 * secret data; public data keep the tables of streebog_var.c, which take fewer
 * instructions.  (Never measured: written and tested without such a machine.)
 *
 * Eight registers hold two blocks, A and B, with row j of each in register j.  For one
 * message A is the key schedule and B the state; for first blocks, whose keys are
 * constants, they are the states of two messages.  make_streebog_nibbles.py says
 * what is computed.
 *
 * Source: GOST R 34.11-2012 (RFC 6986), 7 and 8. */

#include "streebog.h"

#include <string.h>

#include "cpu.h"
#include "target.h"
#include "wipe.h"

#if defined(GOSTKEY_AARCH64)

#include <arm_neon.h>

#include "streebog_nibbles.h"
#include "streebog_sums.h"

typedef struct {
    uint8x16_t r[8];
} pair;

/* Row j in streebog_nibbles.h. */
static inline int place(int j)
{
    return j < 4 ? 2 * j : 2 * (j - 4) + 1;
}

static inline uint8x16_t words(uint64_t a, uint64_t b)
{
    return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(a), vcreate_u64(b)));
}

static inline pair load_pair(const uint64_t a[8], const uint64_t b[8])
{
    pair x;

    for (int j = 0; j < 8; j++) {
        x.r[j] = words(a[j], b[j]);
    }
    return x;
}

static inline void store_pair(uint64_t a[8], uint64_t b[8], const pair *x)
{
    for (int j = 0; j < 8; j++) {
        a[j] = vgetq_lane_u64(vreinterpretq_u64_u8(x->r[j]), 0);
        b[j] = vgetq_lane_u64(vreinterpretq_u64_u8(x->r[j]), 1);
    }
}

static inline uint8x16_t look_up(const uint8_t table[16], uint8x16_t index)
{
    return vqtbl1q_u8(vld1q_u8(table), index);
}

/* A linear map of bytes: by low nibbles, by high ones. */
static inline void map(const uint8_t table[32], pair *x)
{
    for (int j = 0; j < 8; j++) {
        x->r[j] = veorq_u8(look_up(table, vandq_u8(x->r[j], vdupq_n_u8(15))),
                           look_up(table + 16, vshrq_n_u8(x->r[j], 4)));
    }
}

/* A sum of logarithms modulo 15; what is above 127 stays there. */
static inline uint8x16_t reduced(uint8x16_t sum)
{
    return vminq_u8(sum, vsubq_u8(sum, vdupq_n_u8(15)));
}

/* u and v of the bytes x. */
static inline void core(uint8x16_t *u, uint8x16_t *v, uint8x16_t x)
{
    const uint8x16_t b = vandq_u8(x, vdupq_n_u8(15)), a = vshrq_n_u8(x, 4);
    const uint8x16_t quotient =
        reduced(vqaddq_u8(look_up(gostkey_streebog_core_log, a),
                          look_up(gostkey_streebog_core_log_1, b)));
    const uint8x16_t unless_zero = vtstq_u8(b, b);

    *u = veorq_u8(look_up(gostkey_streebog_core_nu1, quotient),
                  look_up(gostkey_streebog_core_nu0, vorrq_u8(a, unless_zero)));
    *v = look_up(gostkey_streebog_core_sigma,
                 reduced(vaddq_u8(look_up(gostkey_streebog_core_log, b),
                                  look_up(gostkey_streebog_core_phi, *u))));
}

/* Interleave units of a size: the low halves of x and y to x, the high ones to y. */
#define UNPACK(x, y, type)                                                             \
    do {                                                                               \
        const uint8x16_t low = vreinterpretq_u8_##type(vzip1q_##type(                  \
            vreinterpretq_##type##_u8(x), vreinterpretq_##type##_u8(y)));              \
        (y) = vreinterpretq_u8_##type(vzip2q_##type(vreinterpretq_##type##_u8(x),      \
                                                    vreinterpretq_##type##_u8(y)));    \
        (x) = low;                                                                     \
    } while (0)
#define vreinterpretq_u8_u8(x) (x)

/* x := L'(x) */
static void transform(pair *x)
{
    uint8x16_t u[8], v[8], s[8];

    for (int j = 0; j < 8; j++) {
        core(&u[j], &v[j], x->r[j]);
    }
    for (int c = 0; c < 8; c++) {
        s[c] = vdupq_n_u8(0);
        for (int j = 0; j < 8; j++) {
            const uint8_t(*tables)[32] = gostkey_streebog_products[j % 4][c];

            s[c] = veorq_u8(s[c], veorq_u8(look_up(tables[0] + 16 * (j / 4), v[j]),
                                           look_up(tables[1] + 16 * (j / 4), u[j])));
        }
    }
    /* s[c] has bytes c of all rows, of A in its low half.  Exchange rows and columns:
     * pairs of bytes, in s[c] those of A, in s[c + 1] those of B; */
    for (int c = 0; c < 8; c += 2) {
        UNPACK(s[c], s[c + 1], u8);
    }
    /* four bytes, in s[c] of rows 0 to 3, in s[c + 2] of rows 4 to 7; */
    for (int c = 0; c < 6; c += c == 1 ? 3 : 1) {
        UNPACK(s[c], s[c + 2], u16);
    }
    /* all eight, in s[c] of rows 0 and 1 (or 4 and 5), in s[c + 4] of the next two. */
    for (int c = 0; c < 4; c++) {
        UNPACK(s[c], s[c + 4], u32);
    }
    /* A is in the even ones, B in the odd ones. */
    for (int c = 0; c < 8; c += 2) {
        UNPACK(s[c], s[c + 1], u64);
    }
    x->r[0] = s[0];
    x->r[1] = s[1];
    x->r[2] = s[4];
    x->r[3] = s[5];
    x->r[4] = s[2];
    x->r[5] = s[3];
    x->r[6] = s[6];
    x->r[7] = s[7];
}

/* x := x, with a block of streebog_nibbles.h added to A, and A to B. */
static inline void push(pair *x, const uint64_t rows[8])
{
    for (int j = 0; j < 8; j++) {
        const uint64x2_t y = vreinterpretq_u64_u8(x->r[j]);

        x->r[j] = vreinterpretq_u8_u64(veorq_u64(
            y, vcombine_u64(vcreate_u64(rows[place(j)]), vget_low_u64(y))));
    }
}

/* h := g_n(h, m) */
static void compress_one(gostkey_streebog_work *work)
{
    uint64_t key[8], result[8];
    pair x, waiting;

    for (int i = 0; i < 8; i++) {
        key[i] = work->h[i] ^ work->n[i];
    }
    /* A is the key, B the state, which is only waiting in the first round: what the
     * round makes of it is not used. */
    x = load_pair(key, work->m);
    map(gostkey_streebog_enter, &x);
    waiting = x;
    transform(&x);
    for (int j = 0; j < 8; j++) {
        const uint64x2_t y = vreinterpretq_u64_u8(x.r[j]);
        const uint64x2_t z = vreinterpretq_u64_u8(waiting.r[j]);
        const uint64x1_t left_out = vcreate_u64(gostkey_streebog_left_out[0][place(j)]);

        x.r[j] = vreinterpretq_u8_u64(
            vcombine_u64(vget_low_u64(y), veor_u64(vget_high_u64(z), left_out)));
    }
    for (int r = 0; r < 12; r++) {
        push(&x, gostkey_streebog_c_nibbles[r]);
        transform(&x);
    }
    push(&x, gostkey_streebog_c_nibbles[0]);
    map(gostkey_streebog_leave, &x);
    store_pair(key, result, &x);
    for (int i = 0; i < 8; i++) {
        work->h[i] ^= work->m[i] ^ result[i];
    }
    gostkey_wipe(key, sizeof key);
    gostkey_wipe(result, sizeof result);
    gostkey_wipe(&x, sizeof x);
    gostkey_wipe(&waiting, sizeof waiting);
}

static void compress(gostkey_streebog_work *const *works, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        compress_one(works[i]);
    }
}

static void begin(int size, gostkey_streebog_work *const *works, size_t count)
{
    const uint64_t(*keys)[8] =
        size == 32 ? gostkey_streebog_start256 : gostkey_streebog_start512;
    const uint64_t start = size == 32 ? 0x0101010101010101 : 0;

    for (size_t i = 0; i < count; i += 2) {
        gostkey_streebog_work *a = works[i], *b = works[i + 1 < count ? i + 1 : i];
        pair x = load_pair(a->m, b->m);

        map(gostkey_streebog_enter, &x);
        for (int r = 0; r < 13; r++) {
            if (r != 0) {
                transform(&x);
            }
            for (int j = 0; j < 8; j++) {
                x.r[j] = veorq_u8(
                    x.r[j], vreinterpretq_u8_u64(vdupq_n_u64(keys[r][place(j)])));
            }
        }
        map(gostkey_streebog_leave, &x);
        store_pair(a->h, b->h, &x);
        for (int k = 0; k < 8; k++) {
            a->h[k] ^= start ^ a->m[k];
        }
        for (int k = 0; k < 8 && a != b; k++) {
            b->h[k] ^= start ^ b->m[k];
        }
        gostkey_wipe(&x, sizeof x);
    }
}

static void blocks(uint64_t h[8], uint64_t n[8], uint64_t sigma[8], const uint8_t *data,
                   size_t count)
{
    gostkey_streebog_work work;

    memcpy(work.h, h, sizeof work.h);
    memcpy(work.n, n, sizeof work.n);
    for (size_t i = 0; i < count; i++) {
        gostkey_streebog_load(work.m, data + GOSTKEY_STREEBOG_BLOCK * i);
        compress_one(&work);
        gostkey_streebog_count(work.n, 8 * GOSTKEY_STREEBOG_BLOCK);
        gostkey_streebog_add(sigma, work.m);
    }
    memcpy(h, work.h, sizeof work.h);
    memcpy(n, work.n, sizeof work.n);
    gostkey_wipe(&work, sizeof work);
}

/* The tables of streebog_var.c. */
static void blocks_var(uint64_t h[8], uint64_t n[8], uint64_t sigma[8],
                       const uint8_t *data, size_t count)
{
    gostkey_streebog_portable.blocks_var(h, n, sigma, data, count);
}

static void compress_var(gostkey_streebog_work *const *works, size_t count)
{
    gostkey_streebog_portable.compress_var(works, count);
}

const struct gostkey_streebog_kernel gostkey_streebog_neon = {
    .name = "neon",
    .features = GOSTKEY_CPU_NEON,
    .blocks = blocks,
    .blocks_var = blocks_var,
    .compress = compress,
    .compress_var = compress_var,
    .begin = begin,
    .slices = &gostkey_streebog_slices_portable,
    .least_sliced = 64,
};

#else

/* A translation unit may not be empty. */
typedef int gostkey_streebog_neon_is_left_out;

#endif
