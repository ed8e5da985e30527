/* GOST R 34.11-94 with AVX-512 (VBMI): sixteen messages, one in each 32-bit lane.
 *
 * A register holds the same 32-bit word of all messages, the lowest of h first.  A step
 * encrypts four blocks of every message, 64 blocks in eight registers.
 *
 * The eight S-boxes are one table of 64 bytes, in one register: byte 16 j + v is what
 * becomes of byte j of a word where both of its nibbles are v.  A byte's nibble and
 * the byte's place j are the index, so two look-ups substitute all low and all high
 * nibbles of sixteen words.  Nothing depends on the data.
 *
 * Measured on one core (Zen 4): 335 nanoseconds a step of sixteen messages, where the
 * portable code takes 390 for one.
 *
 * Source: GOST R 34.11-94 (RFC 5831), the section numbers are those of the RFC. */

#include "gostr3411_94.h"

#include "target.h"

#if defined(GOSTKEY_X86_64_AVX512)

GOSTKEY_TARGET_BEGIN(GOSTKEY_TARGET_AVX512)

#include <immintrin.h>

/* Compilers would not unroll the loops over blocks in functions of their own. */
#if defined(_MSC_VER) && !defined(__clang__)
#define INLINE static __forceinline
#else
#define INLINE static inline __attribute__((always_inline))
#endif

#define LANES GOSTKEY_GOSTR3411_94_LANES

/* A 32-bit word of each message. */
typedef __m512i words;

INLINE words load(const void *p)
{
    return _mm512_loadu_si512(p);
}

INLINE void store(void *p, words x)
{
    _mm512_storeu_si512(p, x);
}

INLINE words xor2(words x, words y)
{
    return _mm512_xor_si512(x, y);
}

INLINE words xor3(words x, words y, words z)
{
    return _mm512_ternarylogic_epi32(x, y, z, 0x96);
}

INLINE words all(uint32_t x)
{
    return _mm512_set1_epi32((int)x);
}

/* Bits of yes where those of mask are 1, of no where they are 0. */
INLINE words choose(words yes, words no, words mask)
{
    return _mm512_ternarylogic_epi32(yes, no, mask, 0xe4);
}

/* --- The cipher -------------------------------------------------------------- */

static void prepare(gostkey_gostr3411_94_room *room, unsigned sbox_id)
{
    const uint32_t *columns = gostkey_gost28147_columns[sbox_id];
    uint8_t *box = (uint8_t *)room->box;

    for (int j = 0; j < 4; j++) {
        for (int v = 0; v < 16; v++) {
            box[16 * j + v] = (uint8_t)(columns[v] >> (8 * j));
        }
    }
}

/* target ^ f(source + key), a round [RFC 5830, 5]. */
INLINE words half(words box, words target, words source, words key)
{
    const words nibbles = all(0x0f0f0f0f), places = all(0x30201000);
    const words x = _mm512_add_epi32(source, key);
    /* (x & nibbles) | places; the top two bits of an index are not looked at. */
    const words low = _mm512_ternarylogic_epi32(x, nibbles, places, 0xea);
    const words high =
        _mm512_ternarylogic_epi32(_mm512_srli_epi32(x, 4), nibbles, places, 0xea);
    const words y = choose(_mm512_permutexvar_epi8(low, box),
                           _mm512_permutexvar_epi8(high, box), nibbles);

    return xor2(target, _mm512_rol_epi32(y, 11));
}

/* Where word w of key i is among the keys. */
INLINE int place_of(int w, int i)
{
    return 64 * (4 * w + i);
}

/* s[2 i] and s[2 i + 1]: the block of h at the same place, under key i. */
INLINE void encrypt(words s[8], words box, const uint8_t *keys, const words h[8])
{
    words n1[4], n2[4];

    for (int i = 0; i < 4; i++) {
        n1[i] = h[2 * i];
        n2[i] = h[2 * i + 1];
    }
    for (int pass = 0; pass < 3; pass++) {
        for (int w = 0; w < 8; w += 2) {
            for (int i = 0; i < 4; i++) {
                n2[i] = half(box, n2[i], n1[i], load(keys + place_of(w, i)));
            }
            for (int i = 0; i < 4; i++) {
                n1[i] = half(box, n1[i], n2[i], load(keys + place_of(w + 1, i)));
            }
        }
    }
    for (int w = 6; w >= 0; w -= 2) {
        for (int i = 0; i < 4; i++) {
            n2[i] = half(box, n2[i], n1[i], load(keys + place_of(w + 1, i)));
        }
        for (int i = 0; i < 4; i++) {
            n1[i] = half(box, n1[i], n2[i], load(keys + place_of(w, i)));
        }
    }
    for (int i = 0; i < 4; i++) {
        s[2 * i] = n2[i];
        s[2 * i + 1] = n1[i];
    }
}

/* --- Keys -------------------------------------------------------------------- */

/* Columns for rows in a table of four by four bytes, in every lane. */
INLINE void transpose(words x[4])
{
    const words halves =
        _mm512_set4_epi32(0x0d0c0f0e, 0x09080b0a, 0x05040706, 0x01000302);
    const words bytes =
        _mm512_set4_epi32(0x0e0f0c0d, 0x0a0b0809, 0x06070405, 0x02030001);
    words y[4];

    for (int i = 0; i < 2; i++) {
        y[i] = _mm512_mask_shuffle_epi8(x[i], 0xcccccccccccccccc, x[i + 2], halves);
        y[i + 2] = _mm512_mask_shuffle_epi8(x[i + 2], 0x3333333333333333, x[i], halves);
    }
    for (int i = 0; i < 4; i += 2) {
        x[i] = _mm512_mask_shuffle_epi8(y[i], 0xaaaaaaaaaaaaaaaa, y[i + 1], bytes);
        x[i + 1] = _mm512_mask_shuffle_epi8(y[i + 1], 0x5555555555555555, y[i], bytes);
    }
}

/* Words 0 to 3, or 4 to 7 if top is 1, of key i.  P [5.1] takes byte k of each 64-bit
 * word of u ^ v for word k of the key; so these come from the low, or high, halves. */
INLINE void make_key(uint8_t *keys, const words u[14], const words v[20], int i, int top)
{
    static const uint32_t constants[2][8] = {
        {0xff00ff00, 0xff00ff00, 0x00ff00ff, 0x00ff00ff, 0x00ffff00, 0xff0000ff,
         0x000000ff, 0xff00ffff},
        {0x00ff00ff, 0x00ff00ff, 0x00ffff00, 0xff0000ff, 0x000000ff, 0xff00ffff,
         0xffffffff, 0xffffffff},
    };
    words w[4];

    for (int k = 0; k < 4; k++) {
        const words x = u[2 * (i + k) + top], y = v[2 * (2 * i + k) + top];

        w[k] = i < 2 ? xor2(x, y) : xor3(x, y, all(constants[i - 2][2 * k + top]));
    }
    transpose(w);
    for (int k = 0; k < 4; k++) {
        store(keys + place_of(4 * top + k, i), w[k]);
    }
}

/* The four keys of a step [5.1].
 *
 * A hands 64-bit words down, each one the sum of those four and three places before
 * it; so what A makes of u in the four keys are places 0, 1, 2, 3 of one sequence, and
 * of v, where it is applied twice, places 0, 2, 4, 6.  The constant is C_3 in the third
 * key and A(C_3) in the fourth. */
INLINE void make_keys(uint8_t *keys, const words h[8], const words m[8])
{
    words u[14], v[20];

    for (int i = 0; i < 8; i++) {
        u[i] = h[i];
        v[i] = m[i];
    }
    for (int i = 0; i < 6; i++) {
        u[8 + i] = xor2(u[i], u[i + 2]);
    }
    for (int i = 0; i < 12; i++) {
        v[8 + i] = xor2(v[i], v[i + 2]);
    }
    for (int top = 0; top < 2; top++) {
        make_key(keys, u, v, 0, top);
        make_key(keys, u, v, 1, top);
        make_key(keys, u, v, 2, top);
        make_key(keys, u, v, 3, top);
    }
}

/* --- The shift register --------------------------------------------------------- */

/* Word i of 16 bits is the low half of a lane in y[i + t mod 16] after t turns of psi
 * [5.3]; the upper halves do not matter. */

INLINE void add_words(words y[16], int t, const words x[8])
{
    for (int i = 0; i < 8; i++) {
        words *low = &y[(t + 2 * i) % 16], *high = &y[(t + 2 * i + 1) % 16];

        *low = xor2(*low, x[i]);
        *high = xor2(*high, _mm512_srli_epi32(x[i], 16));
    }
}

/* The sum of the four words that go out next. */
INLINE words sum_of_four(const words y[16], int t)
{
    return xor2(xor3(y[t % 16], y[(t + 1) % 16], y[(t + 2) % 16]), y[(t + 3) % 16]);
}

/* Turn t.  The sum of four goes on from turn to turn: one word leaves it, one enters. */
INLINE void turn(words y[16], words *four, int t)
{
    const words fresh = xor3(*four, y[(t + 12) % 16], y[(t + 15) % 16]);

    *four = xor3(*four, y[t % 16], y[(t + 4) % 16]);
    y[t % 16] = fresh;
}

/* Three loops, since compilers would leave one of twelve turns a loop, and y in
 * memory. */
INLINE void twelve_turns(words y[16], words *four, int t)
{
    for (int i = 0; i < 4; i++) {
        turn(y, four, t + i);
    }
    for (int i = 4; i < 8; i++) {
        turn(y, four, t + i);
    }
    for (int i = 8; i < 12; i++) {
        turn(y, four, t + i);
    }
}

/* h := psi^61(h ^ psi(m ^ psi^12(s))) [5.3]. */
INLINE void mix(words h[8], const words m[8], const words s[8])
{
    words y[16], four;

    for (int i = 0; i < 16; i++) {
        y[i] = i % 2 ? _mm512_srli_epi32(s[i / 2], 16) : s[i / 2];
    }
    four = sum_of_four(y, 0);
    twelve_turns(y, &four, 0);
    add_words(y, 12, m);
    four = sum_of_four(y, 12);
    turn(y, &four, 12);
    add_words(y, 13, h);
    four = sum_of_four(y, 13);
    twelve_turns(y, &four, 13);
    twelve_turns(y, &four, 25);
    twelve_turns(y, &four, 37);
    twelve_turns(y, &four, 49);
    twelve_turns(y, &four, 61);
    turn(y, &four, 73);
    for (int i = 0; i < 8; i++) {
        h[i] = choose(y[(74 + 2 * i) % 16],
                      _mm512_slli_epi32(y[(75 + 2 * i) % 16], 16), all(0xffff));
    }
}

/* h := chi(m, h) [5]. */
INLINE void chi(gostkey_gostr3411_94_room *room, words h[8], const words m[8])
{
    uint8_t *keys = (uint8_t *)room->scratch;
    words s[8];

    make_keys(keys, h, m);
    encrypt(s, load(room->box), keys, h);
    mix(h, m, s);
}

/* --- In and out ----------------------------------------------------------------- */

/* Within quarters of four lanes: columns for rows. */
INLINE void transpose_quarters(words x[4])
{
    const words a = _mm512_unpacklo_epi32(x[0], x[1]);
    const words b = _mm512_unpacklo_epi32(x[2], x[3]);
    const words c = _mm512_unpackhi_epi32(x[0], x[1]);
    const words d = _mm512_unpackhi_epi32(x[2], x[3]);

    x[0] = _mm512_unpacklo_epi64(a, b);
    x[1] = _mm512_unpackhi_epi64(a, b);
    x[2] = _mm512_unpacklo_epi64(c, d);
    x[3] = _mm512_unpackhi_epi64(c, d);
}

INLINE __m128i load_quarter(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

INLINE void load_blocks(words m[8], const uint8_t *const *blocks)
{
    for (int i = 0; i < 8; i++) {
        const uint8_t *const *four = blocks + i % 4;
        const int at = i / 4 * 16;
        words x = _mm512_castsi128_si512(load_quarter(four[0] + at));

        x = _mm512_inserti32x4(x, load_quarter(four[4] + at), 1);
        x = _mm512_inserti32x4(x, load_quarter(four[8] + at), 2);
        m[i] = _mm512_inserti32x4(x, load_quarter(four[12] + at), 3);
    }
    transpose_quarters(m);
    transpose_quarters(m + 4);
}

INLINE void store_quarter(uint8_t *p, __m128i x)
{
    _mm_storeu_si128((__m128i *)(void *)p, x);
}

INLINE void store_blocks(uint8_t (*blocks)[32], words h[8])
{
    transpose_quarters(h);
    transpose_quarters(h + 4);
    for (int i = 0; i < 8; i++) {
        uint8_t(*four)[32] = blocks + i % 4;
        const int at = i / 4 * 16;

        store_quarter(four[0] + at, _mm512_castsi512_si128(h[i]));
        store_quarter(four[4] + at, _mm512_extracti32x4_epi32(h[i], 1));
        store_quarter(four[8] + at, _mm512_extracti32x4_epi32(h[i], 2));
        store_quarter(four[12] + at, _mm512_extracti32x4_epi32(h[i], 3));
    }
}

INLINE void load_words(words x[8], const uint64_t *from)
{
    for (int i = 0; i < 8; i++) {
        x[i] = load(from + 8 * i);
    }
}

static void step(gostkey_gostr3411_94_room *room, gostkey_gostr3411_94_lanes *lanes,
                 const uint8_t *const *blocks, unsigned which, int add)
{
    const __mmask16 these = _cvtu32_mask16(which);
    words h[8], m[8];

    load_words(h, lanes->h);
    load_blocks(m, blocks);
    chi(room, h, m);
    for (int i = 0; i < 8; i++) {
        _mm512_mask_storeu_epi32(lanes->h + 8 * i, these, h[i]);
    }
    if (add) {
        __mmask16 carry = _cvtu32_mask16(0);

        for (int i = 0; i < 8; i++) {
            const words before = load(lanes->sigma + 8 * i);
            const words sum = _mm512_add_epi32(before, m[i]);
            const words next = _mm512_mask_sub_epi32(sum, carry, sum, all(0xffffffff));

            /* Out of the sum, or by the carry that came in. */
            carry = _kor_mask16(
                _mm512_cmplt_epu32_mask(sum, m[i]),
                _mm512_mask_testn_epi32_mask(carry, next, all(0xffffffff)));
            _mm512_mask_storeu_epi32(lanes->sigma + 8 * i, these, next);
        }
    }
}

static void last(gostkey_gostr3411_94_room *room, gostkey_gostr3411_94_lanes *lanes,
                 uint8_t (*digests)[32], unsigned which)
{
    words h[8], m[8];

    (void)which;
    load_words(h, lanes->h);
    load_words(m, lanes->sigma);
    chi(room, h, m);
    store_blocks(digests, h);
}

const struct gostkey_gostr3411_94_kernel gostkey_gostr3411_94_avx512 = {
    .name = "avx512",
    .prepare = prepare,
    .step = step,
    .last = last,
};

GOSTKEY_TARGET_END

#endif
