/* Streebog with AVX2, for the two files that include this within their target region
 * and after it define what is only declared here: how two blocks lie in registers,
 * and L.  KERNEL is the name of the kernel's struct.
 *
 * Four registers hold two blocks, A and B, with rows j and j + 4 of each in register j.
 * For one message A is the key schedule and B the state; for first blocks, whose keys
 * are constants, they are the states of two messages.  make_streebog_nibbles.py says
 * what is computed.  Nothing depends on the data.
 *
 * Source: GOST R 34.11-2012 (RFC 6986), 7 and 8. */

#if defined(_MSC_VER) && !defined(__clang__)
#define INLINE static __forceinline
#else
#define INLINE static inline __attribute__((always_inline))
#endif

typedef __m256i row_pair;

typedef struct {
    row_pair r[4];
} pair;

/* Two blocks as A and B. */
INLINE pair load_pair(const uint64_t a[8], const uint64_t b[8]);

/* A block of streebog_nibbles.h as both A and B. */
INLINE pair spread(const uint64_t rows[8]);

/* That block as A, and x's A as B. */
INLINE pair push(const uint64_t rows[8], pair x);

/* x's A, and y's B. */
INLINE pair splice(pair x, pair y);

/* a := x's A, b := x's B. */
INLINE void store_pair(uint64_t a[8], uint64_t b[8], pair x);

/* L without alpha's and omega's constants, of u and v of the bytes. */
INLINE pair mix(const row_pair u[4], const row_pair v[4]);

/* Both halves of a register from the same 16 bytes. */
INLINE row_pair twice(const uint8_t table[16])
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
}

INLINE row_pair look_up(const uint8_t table[16], row_pair index)
{
    return _mm256_shuffle_epi8(twice(table), index);
}

INLINE row_pair low_nibbles(row_pair x)
{
    return _mm256_and_si256(x, _mm256_set1_epi8(15));
}

INLINE row_pair high_nibbles(row_pair x)
{
    return low_nibbles(_mm256_srli_epi16(x, 4));
}

/* A linear map of bytes: by low nibbles, by high ones. */
INLINE pair map(const uint8_t table[32], pair x)
{
    for (int j = 0; j < 4; j++) {
        x.r[j] = _mm256_xor_si256(look_up(table, low_nibbles(x.r[j])),
                                  look_up(table + 16, high_nibbles(x.r[j])));
    }
    return x;
}

/* A sum of logarithms modulo 15; what is above 127 stays there. */
INLINE row_pair reduced(row_pair sum)
{
    return _mm256_min_epu8(sum, _mm256_sub_epi8(sum, _mm256_set1_epi8(15)));
}

/* u and v of the bytes x. */
INLINE void core(row_pair *u, row_pair *v, row_pair x)
{
    const row_pair b = low_nibbles(x), a = high_nibbles(x);
    const row_pair quotient =
        reduced(_mm256_adds_epu8(look_up(gostkey_streebog_core_log, a),
                                 look_up(gostkey_streebog_core_log_1, b)));
    const row_pair unless_zero = _mm256_cmpgt_epi8(b, _mm256_setzero_si256());

    *u = _mm256_xor_si256(
        look_up(gostkey_streebog_core_nu1, quotient),
        look_up(gostkey_streebog_core_nu0, _mm256_or_si256(a, unless_zero)));
    *v = look_up(gostkey_streebog_core_sigma,
                 reduced(_mm256_add_epi8(look_up(gostkey_streebog_core_log, b),
                                         look_up(gostkey_streebog_core_phi, *u))));
}

/* L'(x) */
INLINE pair transform(pair x)
{
    row_pair u[4], v[4];

    for (int j = 0; j < 4; j++) {
        core(&u[j], &v[j], x.r[j]);
    }
    return mix(u, v);
}

INLINE pair add(pair x, pair y)
{
    for (int j = 0; j < 4; j++) {
        x.r[j] = _mm256_xor_si256(x.r[j], y.r[j]);
    }
    return x;
}

/* h := g_n(h, m).  Two messages between each other were not faster. */
static void compress_one(gostkey_streebog_work *work)
{
    uint64_t key[8], result[8];
    pair x, y;

    for (int i = 0; i < 8; i++) {
        key[i] = work->h[i] ^ work->n[i];
    }
    /* A is the key, B the state, which is only waiting in the first round: what the
     * round makes of it is not used. */
    x = map(gostkey_streebog_enter, load_pair(key, work->m));
    y = transform(x);
    x = splice(y, add(x, spread(gostkey_streebog_left_out[0])));
    x = add(x, push(gostkey_streebog_c_nibbles[0], y));
    for (int r = 1; r < 12; r++) {
        y = transform(x);
        x = add(y, push(gostkey_streebog_c_nibbles[r], y));
    }
    y = transform(x);
    y = add(y, push(gostkey_streebog_c_nibbles[0], y));
    store_pair(key, result, map(gostkey_streebog_leave, y));
    for (int i = 0; i < 8; i++) {
        work->h[i] ^= work->m[i] ^ result[i];
    }
    gostkey_wipe(key, sizeof key);
    gostkey_wipe(result, sizeof result);
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
        pair x = map(gostkey_streebog_enter, load_pair(a->m, b->m));

        x = add(x, spread(keys[0]));
        for (int r = 1; r < 13; r++) {
            x = add(transform(x), spread(keys[r]));
        }
        x = map(gostkey_streebog_leave, x);
        store_pair(a->h, b->h, x);
        for (int k = 0; k < 8; k++) {
            a->h[k] ^= start ^ a->m[k];
        }
        for (int k = 0; k < 8 && a != b; k++) {
            b->h[k] ^= start ^ b->m[k];
        }
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
