/* Keys from many passwords at once, with Streebog in slices: each bit of a block is a
 * word or vector, whose bits are as many passwords.  Then P is a matter of indices and
 * S and L are gates (make_streebog_slices.py), so that whatever computes with words
 * is put to full use, and nothing depends on data.
 *
 * A template.  Before it define gostkey_slice, an unsigned type of 64 SLICE_WORDS bits,
 * SLICE_WORDS, and after it name the functions `container` and `pbkdf2` in a
 * struct gostkey_streebog_slices.
 *
 * A byte is eight slices, bit 0 first, and a block 64 bytes; 8 j + c is byte c of row j.
 * Bytes are either as they are ("plain", for sums) or in the form of the gates.  As P
 * exchanges rows and columns, a round takes each column and leaves its result, a row,
 * in the same place; the next round finds its columns where the rows were.
 *
 * Source: GOST R 34.11-2012 (RFC 6986), 7 and 8; RFC 2104, RFC 8018 5.2; CPKDF as found
 * in containers. */

#ifndef GOSTKEY_STREEBOG_SLICES_H
#define GOSTKEY_STREEBOG_SLICES_H

#include <stdlib.h>
#include <string.h>

#include "streebog.h"
#include "wipe.h"

#include "streebog_slices_gates.h"

#define SLICE_LANES ((size_t)64 * SLICE_WORDS)

/* Functions that would only be copied into each other. */
#if defined(__GNUC__) || defined(__clang__)
#define SLICE_APART __attribute__((noinline))
#else
#define SLICE_APART
#endif

enum { BLOCK = 512, BYTE = 8, ROW = 64 };

typedef struct {
    gostkey_slice h[BLOCK], sigma[BLOCK]; /* as in gostkey_streebog; sigma is plain */
    gostkey_slice m[BLOCK];               /* what a compression takes in */
    gostkey_slice key[BLOCK], x[BLOCK];   /* of the rounds */
    gostkey_slice line[ROW];              /* what the gates of pi give for a column */
    gostkey_slice bits[2];                /* all messages have 0, and 1 */
} slices;

/* --- A round ---------------------------------------------------------------------- */

/* Where column c is, and how far its bytes are apart: before any even number of rounds,
 * and before an odd one. */
static inline size_t column_at(size_t c, int odd)
{
    return odd ? ROW * c : BYTE * c;
}

static inline size_t column_step(int odd)
{
    return odd ? BYTE : ROW;
}

static SLICE_APART void mix(gostkey_slice *restrict to, size_t distance,
                            const gostkey_slice *restrict line)
{
    gostkey_slices_l(to, distance, line);
}

/* line := pi of a column to which a constant is added. */
static SLICE_APART void substitute_constant(slices *s, const gostkey_slice *from,
                                            size_t distance, uint64_t constant)
{
    for (int j = 0; j < 8; j++) {
        gostkey_slice x[8];

        for (int b = 0; b < 8; b++) {
            x[b] = from[b] ^ s->bits[constant & 1];
            constant >>= 1;
        }
        gostkey_slices_s(s->line + BYTE * j, x);
        from += distance;
    }
}

/* line := pi of a column to which one of the key is added. */
static SLICE_APART void substitute_sum(slices *s, const gostkey_slice *from,
                                       const gostkey_slice *key, size_t distance)
{
    for (int j = 0; j < 8; j++) {
        gostkey_slice x[8];

        for (int b = 0; b < 8; b++) {
            x[b] = from[b] ^ key[b];
        }
        gostkey_slices_s(s->line + BYTE * j, x);
        from += distance;
        key += distance;
    }
}

/* x := x ^ constant, by columns. */
static void add_constant(slices *s, gostkey_slice x[BLOCK], const uint64_t columns[8])
{
    for (int j = 0; j < 8; j++) {
        for (int c = 0; c < 8; c++) {
            for (int b = 0; b < 8; b++) {
                x[ROW * j + BYTE * c + b] ^= s->bits[columns[c] >> (BYTE * j + b) & 1];
            }
        }
    }
}

/* h := g_n(h, m) for n < 2^16, of which the low bytes are the first two of row 0. */
static void compress(slices *s, unsigned n)
{
    const gostkey_slice *from = s->m;

    for (size_t c = 0; c < 8; c++) {
        uint64_t constant = 0;

        for (unsigned bit = 0; c < 2 && bit < 8; bit++) {
            if (n >> (BYTE * c + bit) & 1) {
                constant ^= gostkey_slices_enter_byte[bit];
            }
        }
        substitute_constant(s, s->h + BYTE * c, ROW, constant);
        mix(s->key + ROW * c, BYTE, s->line);
    }
    add_constant(s, s->key, gostkey_slices_lack);
    for (int i = 0; i < 12; i++) {
        const int odd = i & 1;
        const size_t step = column_step(odd);

        for (size_t c = 0; c < 8; c++) {
            const size_t at = column_at(c, odd);

            substitute_sum(s, from + at, s->key + at, step);
            mix(s->x + at, step, s->line);
            substitute_constant(s, s->key + at, step, gostkey_slices_c[i][c]);
            mix(s->key + at, step, s->line);
        }
        from = s->x;
    }
    for (int k = 0; k < BLOCK; k++) {
        s->h[k] ^= s->m[k] ^ s->x[k] ^ s->key[k];
    }
}

/* h := g_0(IV, m) for a digest of 32 bytes. */
static void compress_first(slices *s)
{
    const gostkey_slice *from = s->m;

    for (int i = 0; i < 12; i++) {
        const int odd = i & 1;
        const size_t step = column_step(odd);

        for (size_t c = 0; c < 8; c++) {
            const size_t at = column_at(c, odd);

            substitute_constant(s, from + at, step, gostkey_slices_first256[i][c]);
            mix(s->x + at, step, s->line);
        }
        from = s->x;
    }
    for (int k = 0; k < BLOCK; k++) {
        s->h[k] = s->m[k] ^ s->x[k];
    }
    add_constant(s, s->h, gostkey_slices_first256[12]);
}

/* --- Blocks ----------------------------------------------------------------------- */

/* `bytes` bytes of m := a constant byte, to which x is added if it is not NULL. */
static void put(slices *s, size_t at, size_t bytes, const gostkey_slice *x,
                unsigned byte)
{
    for (size_t k = 0; k < BYTE * bytes; k++) {
        const gostkey_slice bit = s->bits[byte >> k % BYTE & 1];

        s->m[BYTE * at + k] = x != NULL ? x[k] ^ bit : bit;
    }
}

/* m := a number below 2^16, the same for all. */
static void put_number(slices *s, unsigned number)
{
    put(s, 0, 1, NULL, number & 0xff);
    put(s, 1, 1, NULL, number >> 8);
    put(s, 2, 62, NULL, 0);
}

/* A block from plain to the form of the gates. */
static SLICE_APART void enter(gostkey_slice x[BLOCK])
{
    for (int k = 0; k < BLOCK; k += BYTE) {
        gostkey_slices_enter(x + k);
    }
}

/* sigma := sigma + m modulo 2^512, both plain. */
static SLICE_APART void sum_up(slices *s)
{
    gostkey_slice carry = s->bits[0];

    for (int k = 0; k < BLOCK; k++) {
        const gostkey_slice a = s->sigma[k], b = s->m[k], differ = a ^ b;

        s->sigma[k] = differ ^ carry;
        carry = (a & b) | (differ & carry);
    }
}

/* A block of text, m, after n bits. */
static void take_in(slices *s, unsigned n)
{
    sum_up(s);
    enter(s->m);
    compress(s, n);
}

/* The end of a text of n bits, whole blocks: m gets `bytes` bytes of digest, plain, and
 * what is after them is left over. */
static void finish(slices *s, unsigned n, size_t bytes)
{
    put_number(s, 1);
    take_in(s, n);
    put_number(s, n);
    enter(s->m);
    compress(s, 0);
    memcpy(s->m, s->sigma, sizeof s->m);
    enter(s->m);
    compress(s, 0);
    for (size_t k = 0; k < bytes; k++) {
        gostkey_slice *byte = s->m + BYTE * k;

        memcpy(byte, s->h + BYTE * (64 - bytes + k), BYTE * sizeof *byte);
        gostkey_slices_leave(byte);
    }
}

/* --- Messages and slices ---------------------------------------------------------- */

/* x := bytes of n messages at equal distances, plain; the other messages have 0. */
static SLICE_APART void load(gostkey_slice *x, const uint8_t *from, size_t distance,
                             size_t bytes, size_t n)
{
    for (size_t k = 0; k < BYTE * bytes; k++) {
        for (size_t w = 0; w < SLICE_WORDS; w++) {
            uint64_t word = 0;

            for (size_t i = 64 * w; i < n && i < 64 * (w + 1); i++) {
                word |= (uint64_t)(from[distance * i + k / BYTE] >> k % BYTE & 1)
                        << i % 64;
            }
            memcpy((uint8_t *)&x[k] + 8 * w, &word, sizeof word);
        }
    }
}

/* The other way. */
static SLICE_APART void store(uint8_t *to, size_t distance, const gostkey_slice *x,
                              size_t bytes, size_t n)
{
    for (size_t k = 0; k < bytes; k++) {
        for (size_t i = 0; i < n; i++) {
            unsigned byte = 0;

            for (size_t b = 0; b < BYTE; b++) {
                uint64_t word;

                memcpy(&word, (const uint8_t *)&x[BYTE * k + b] + 8 * (i / 64),
                       sizeof word);
                byte |= (unsigned)(word >> i % 64 & 1) << b;
            }
            to[distance * i + k] = (uint8_t)byte;
        }
    }
}

/* Memory of `size` bytes at a whole slice; *memory is what to free, NULL if there is
 * none. */
static void *make_room(void **memory, size_t size)
{
    const size_t whole = sizeof(gostkey_slice);

    *memory = malloc(size + whole);
    if (*memory == NULL) {
        return NULL;
    }
    return (uint8_t *)*memory + (whole - (uintptr_t)*memory % whole);
}

static void set_up(slices *s)
{
    memset(&s->bits[0], 0, sizeof s->bits[0]);
    memset(&s->bits[1], 0xff, sizeof s->bits[1]);
}

/* --- Derivations ------------------------------------------------------------------ */

/* What an iteration hashes is three blocks [gostkey_container_mix]: c ^ 0x36.. where c
 * is followed by zeros, first and c ^ 0x5c.., the rest of that and first. */
static int container(uint8_t *c, const uint8_t *first, uint32_t iterations, size_t n)
{
    struct work {
        slices s;
        gostkey_slice c[BLOCK / 2], first[BLOCK / 2];
    } *work;
    void *memory;
    slices *s;

    work = make_room(&memory, sizeof *work);
    if (work == NULL) {
        return -1;
    }
    s = &work->s;
    set_up(s);
    load(work->c, c, 32, 32, n);
    load(work->first, first, 32, 32, n);
    for (uint32_t t = 0; t < iterations; t++) {
        put(s, 0, 32, work->c, 0x36);
        put(s, 32, 32, NULL, 0x36);
        memcpy(s->sigma, s->m, sizeof s->sigma);
        enter(s->m);
        compress_first(s);
        put(s, 0, 32, work->first, 0);
        put(s, 32, 32, work->c, 0x5c);
        take_in(s, BLOCK);
        put(s, 0, 32, NULL, 0x5c);
        put(s, 32, 32, work->first, 0);
        take_in(s, 2 * BLOCK);
        finish(s, 3 * BLOCK, 32);
        memcpy(work->c, s->m, sizeof work->c);
    }
    store(c, 32, work->c, 32, n);
    gostkey_wipe(work, sizeof *work);
    free(memory);
    return 0;
}

static int pbkdf2(uint8_t *u, const uint8_t (*states)[4][64], uint32_t iterations,
                  size_t n)
{
    struct work {
        slices s;
        gostkey_slice states[4][BLOCK], sum[BLOCK];
    } *work;
    void *memory;
    slices *s;

    work = make_room(&memory, sizeof *work);
    if (work == NULL) {
        return -1;
    }
    s = &work->s;
    set_up(s);
    for (int which = 0; which < 4; which++) {
        load(work->states[which], states[0][which], sizeof *states, 64, n);
    }
    enter(work->states[0]);
    enter(work->states[2]);
    load(s->m, u, 64, 64, n);
    memcpy(work->sum, s->m, sizeof work->sum);
    for (uint32_t t = 1; t < iterations; t++) {
        for (int outer = 0; outer < 4; outer += 2) {
            memcpy(s->h, work->states[outer], sizeof s->h);
            memcpy(s->sigma, work->states[outer + 1], sizeof s->sigma);
            take_in(s, BLOCK);
            finish(s, 2 * BLOCK, 64);
        }
        for (int k = 0; k < BLOCK; k++) {
            work->sum[k] ^= s->m[k];
        }
    }
    store(u, 64, work->sum, 64, n);
    gostkey_wipe(work, sizeof *work);
    free(memory);
    return 0;
}

#endif
