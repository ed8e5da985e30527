/* Streebog as a running hash, over either compression function.
 *
 * Source: GOST R 34.11-2012 (RFC 6986), 8 to 10. */

#include "streebog.h"

#include <string.h>

#include "bytes.h"
#include "wipe.h"

/* x := x + y modulo 2^512. */
static void add512(uint64_t x[8], const uint64_t y[8])
{
    uint64_t carry = 0;

    for (int i = 0; i < 8; i++) {
        uint64_t sum = x[i] + y[i];
        uint64_t over = ((x[i] & y[i]) | ((x[i] | y[i]) & ~sum)) >> 63;

        x[i] = sum + carry;
        carry = over | (((sum & carry) | ((sum | carry) & ~x[i])) >> 63);
    }
}

static void load(uint64_t m[8], const uint8_t block[64])
{
    for (int i = 0; i < 8; i++) {
        m[i] = gostkey_load64_le(block + 8 * i);
    }
}

static void compress(const gostkey_streebog *state, uint64_t h[8], const uint64_t n[8],
                     const uint64_t m[8])
{
    if (state->secret) {
        gostkey_streebog_compress(h, n, m);
    } else {
        gostkey_streebog_compress_var(h, n, m);
    }
}

/* Hash one block of which `bytes` are message. */
static void block(gostkey_streebog *state, const uint64_t m[8], uint64_t bytes)
{
    const uint64_t bits[8] = {8 * bytes};

    compress(state, state->h, state->n, m);
    add512(state->n, bits);
    add512(state->sigma, m);
}

void gostkey_streebog_init(gostkey_streebog *state, int size, int secret)
{
    const uint64_t start = size == 32 ? 0x0101010101010101 : 0;

    memset(state, 0, sizeof *state);
    for (int i = 0; i < 8; i++) {
        state->h[i] = start;
    }
    state->size = size;
    state->secret = secret;
}

void gostkey_streebog_update(gostkey_streebog *state, const uint8_t *data, size_t n)
{
    uint64_t m[8];

    if (n == 0) {
        return;
    }
    if (state->used != 0) {
        size_t space = GOSTKEY_STREEBOG_BLOCK - state->used;
        size_t taken = n < space ? n : space;

        memcpy(state->rest + state->used, data, taken);
        state->used += taken;
        data += taken;
        n -= taken;
        if (state->used < GOSTKEY_STREEBOG_BLOCK) {
            return;
        }
        load(m, state->rest);
        block(state, m, GOSTKEY_STREEBOG_BLOCK);
        state->used = 0;
    }
    while (n >= GOSTKEY_STREEBOG_BLOCK) {
        load(m, data);
        block(state, m, GOSTKEY_STREEBOG_BLOCK);
        data += GOSTKEY_STREEBOG_BLOCK;
        n -= GOSTKEY_STREEBOG_BLOCK;
    }
    if (n != 0) {
        memcpy(state->rest, data, n);
        state->used = n;
    }
    if (state->secret) {
        gostkey_wipe(m, sizeof m);
    }
}

void gostkey_streebog_final(gostkey_streebog *state, uint8_t *digest)
{
    const uint64_t zero[8] = {0};
    const int skipped = 64 - state->size;
    uint8_t out[64];
    uint64_t m[8];

    memset(state->rest + state->used, 0, sizeof state->rest - state->used);
    state->rest[state->used] = 1;
    load(m, state->rest);
    block(state, m, state->used);
    compress(state, state->h, zero, state->n);
    compress(state, state->h, zero, state->sigma);
    for (int i = 0; i < 8; i++) {
        gostkey_store64_le(out + 8 * i, state->h[i]);
    }
    memcpy(digest, out + skipped, (size_t)state->size);
    gostkey_wipe(out, sizeof out);
    gostkey_wipe(m, sizeof m);
    gostkey_wipe(state, sizeof *state);
}

void gostkey_streebog_many(int size, uint8_t *out, const uint8_t *messages,
                           size_t length, size_t n)
{
    gostkey_streebog state;

    for (size_t i = 0; i < n; i++) {
        gostkey_streebog_init(&state, size, 1);
        gostkey_streebog_update(&state, messages + length * i, length);
        gostkey_streebog_final(&state, out + (size_t)size * i);
    }
}
