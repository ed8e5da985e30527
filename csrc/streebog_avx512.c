/* Streebog with AVX-512 (VBMI) and GFNI: a block is one register, and nothing depends
 * on the data, so that this one kernel serves public and secret data.
 *
 * A round is S by two look-ups in registers, then the eight products and two turns
 * that make_streebog_affine.py explains.  Key schedule and state run side by side;
 * that is as far as one message can fill the units, so many messages are taken four
 * at a time.  Measured on one core (Zen 4, nanoseconds a compression of one, of two,
 * of three and of four messages): 150, 108, 106, 106; first blocks: 49 of four.
 *
 * Source: GOST R 34.11-2012 (RFC 6986), 7 and 8. */

#include "streebog.h"

#include "cpu.h"
#include "target.h"

#if defined(GOSTKEY_X86_64_AVX512)

#include "streebog_affine.h"

GOSTKEY_TARGET_BEGIN(GOSTKEY_TARGET_AVX512)

#include <immintrin.h>

/* Compilers would not unroll the loops over messages in functions of their own. */
#if defined(_MSC_VER) && !defined(__clang__)
#define INLINE static __forceinline
#else
#define INLINE static inline __attribute__((always_inline))
#endif

typedef __m512i block;

/* What all rounds need. */
typedef struct {
    block pi[4], factors[8], turns[2];
} tables;

INLINE block load(const void *p)
{
    return _mm512_loadu_si512(p);
}

INLINE void store(void *p, block x)
{
    _mm512_storeu_si512(p, x);
}

INLINE block xor2(block x, block y)
{
    return _mm512_xor_si512(x, y);
}

INLINE block xor3(block x, block y, block z)
{
    return _mm512_ternarylogic_epi64(x, y, z, 0x96);
}

INLINE tables load_tables(void)
{
    tables t;

    for (int i = 0; i < 4; i++) {
        t.pi[i] = load(gostkey_streebog_pi[i]);
    }
    for (int i = 0; i < 8; i++) {
        t.factors[i] = load(gostkey_streebog_factors[i]);
    }
    t.turns[0] = load(gostkey_streebog_turns[0]);
    t.turns[1] = load(gostkey_streebog_turns[1]);
    return t;
}

/* LPS(x) ^ key. */
INLINE block round_of(const tables *t, block x, block key)
{
    /* The look-ups use the low seven bits, the eighth one chooses between them. */
    const block low = _mm512_permutex2var_epi8(t->pi[0], x, t->pi[1]);
    const block high = _mm512_permutex2var_epi8(t->pi[2], x, t->pi[3]);
    const block y0 = _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high);
    const block y1 = _mm512_alignr_epi64(y0, y0, 7);
    const block y2 = _mm512_alignr_epi64(y0, y0, 6);
    const block y3 = _mm512_alignr_epi64(y0, y0, 5);
    block sums[2];

    for (int g = 0; g < 2; g++) {
        const block *factors = t->factors + 4 * g;

        sums[g] = xor2(xor3(_mm512_gf2p8affine_epi64_epi8(y0, factors[0], 0),
                            _mm512_gf2p8affine_epi64_epi8(y1, factors[1], 0),
                            _mm512_gf2p8affine_epi64_epi8(y2, factors[2], 0)),
                       _mm512_gf2p8affine_epi64_epi8(y3, factors[3], 0));
        sums[g] = _mm512_permutexvar_epi8(t->turns[g], sums[g]);
    }
    return xor3(sums[0], sums[1], key);
}

/* h := g_n(h, m) for `count` messages, a constant at each call: 1 to 4. */
INLINE void compress_lanes(const tables *t, gostkey_streebog_work *const *works,
                           int count)
{
    block key[4], x[4];

    for (int i = 0; i < count; i++) {
        key[i] = round_of(t, xor2(load(works[i]->h), load(works[i]->n)),
                          _mm512_setzero_si512());
        x[i] = xor2(load(works[i]->m), key[i]);
    }
    for (int r = 0; r < 12; r++) {
        const block c = load(gostkey_streebog_c512[r]);

        for (int i = 0; i < count; i++) {
            key[i] = round_of(t, xor2(key[i], c), _mm512_setzero_si512());
            x[i] = round_of(t, x[i], key[i]);
        }
    }
    for (int i = 0; i < count; i++) {
        store(works[i]->h, xor3(load(works[i]->h), load(works[i]->m), x[i]));
    }
}

static void compress(gostkey_streebog_work *const *works, size_t count)
{
    const tables t = load_tables();

    for (; count >= 4; count -= 4, works += 4) {
        compress_lanes(&t, works, 4);
    }
    if (count == 3) {
        compress_lanes(&t, works, 3);
    } else if (count == 2) {
        compress_lanes(&t, works, 2);
    } else if (count == 1) {
        compress_lanes(&t, works, 1);
    }
}

/* h := g_0(h, m), with the round keys for this h. */
INLINE void begin_lanes(const tables *t, const uint64_t keys[13][8], uint64_t start,
                        gostkey_streebog_work *const *works, int count)
{
    const block h = _mm512_set1_epi64((long long)start);
    block x[4];

    for (int i = 0; i < count; i++) {
        x[i] = xor2(load(works[i]->m), load(keys[0]));
    }
    for (int r = 1; r < 13; r++) {
        const block key = load(keys[r]);

        for (int i = 0; i < count; i++) {
            x[i] = round_of(t, x[i], key);
        }
    }
    for (int i = 0; i < count; i++) {
        store(works[i]->h, xor3(h, load(works[i]->m), x[i]));
    }
}

static void begin(int size, gostkey_streebog_work *const *works, size_t count)
{
    const uint64_t(*keys)[8] =
        size == 32 ? gostkey_streebog_first256 : gostkey_streebog_first512;
    const uint64_t start = size == 32 ? 0x0101010101010101 : 0;
    const tables t = load_tables();

    for (; count >= 4; count -= 4, works += 4) {
        begin_lanes(&t, keys, start, works, 4);
    }
    if (count >= 2) {
        begin_lanes(&t, keys, start, works, 2);
        works += 2;
    }
    if (count & 1) {
        begin_lanes(&t, keys, start, works, 1);
    }
}

/* x + y modulo 2^512.  Carries out of words, and words of all ones, which hand a
 * carry on, are eight bits each; adding them as numbers makes a carry run through. */
INLINE block add(block x, block y)
{
    const block ones = _mm512_set1_epi64(-1);
    const block sum = _mm512_add_epi64(x, y);
    const unsigned out = _cvtmask8_u32(_mm512_cmplt_epu64_mask(sum, x));
    const unsigned full = _cvtmask8_u32(_mm512_cmpeq_epi64_mask(sum, ones));
    const unsigned carries = ((out << 1) + full) ^ full;

    return _mm512_mask_sub_epi64(sum, _cvtu32_mask8(carries), sum, ones);
}

static void blocks(uint64_t h[8], uint64_t n[8], uint64_t sigma[8], const uint8_t *data,
                   size_t count)
{
    const tables t = load_tables();
    const block step = _mm512_maskz_set1_epi64(1, 8 * GOSTKEY_STREEBOG_BLOCK);
    block value = load(h), bits = load(n), sum = load(sigma);

    for (size_t i = 0; i < count; i++) {
        const block m = load(data + GOSTKEY_STREEBOG_BLOCK * i);
        block key = round_of(&t, xor2(value, bits), _mm512_setzero_si512());
        block x = xor2(m, key);

        for (int r = 0; r < 12; r++) {
            key = round_of(&t, xor2(key, load(gostkey_streebog_c512[r])),
                           _mm512_setzero_si512());
            x = round_of(&t, x, key);
        }
        value = xor3(value, m, x);
        bits = add(bits, step);
        sum = add(sum, m);
    }
    store(h, value);
    store(n, bits);
    store(sigma, sum);
}

const struct gostkey_streebog_kernel gostkey_streebog_avx512 = {
    .name = "avx512",
    .features = GOSTKEY_CPU_AVX512 | GOSTKEY_CPU_GFNI,
    .blocks = blocks,
    .blocks_var = blocks,
    .compress = compress,
    .compress_var = compress,
    .begin = begin,
};

GOSTKEY_TARGET_END

#else

/* A translation unit may not be empty. */
typedef int gostkey_streebog_avx512_is_left_out;

#endif
