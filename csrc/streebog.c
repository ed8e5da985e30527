/* Streebog as a running hash, over the kernel in use.
 *
 * Source: GOST R 34.11-2012 (RFC 6986), 8 to 10. */

#include "streebog.h"

#include <string.h>

#include "streebog_sums.h"
#include "wipe.h"

const struct gostkey_streebog_kernel *gostkey_streebog_kernel =
    &gostkey_streebog_portable;

static void blocks(gostkey_streebog *state, const uint8_t *data, size_t count)
{
    const struct gostkey_streebog_kernel *kernel = gostkey_streebog_kernel;

    (state->secret ? kernel->blocks : kernel->blocks_var)(state->h, state->n,
                                                          state->sigma, data, count);
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
    size_t whole;

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
        blocks(state, state->rest, 1);
        state->used = 0;
    }
    whole = n / GOSTKEY_STREEBOG_BLOCK;
    if (whole != 0) {
        blocks(state, data, whole);
        data += GOSTKEY_STREEBOG_BLOCK * whole;
        n -= GOSTKEY_STREEBOG_BLOCK * whole;
    }
    if (n != 0) {
        memcpy(state->rest, data, n);
        state->used = n;
    }
}

void gostkey_streebog_final(gostkey_streebog *state, uint8_t *digest)
{
    const struct gostkey_streebog_kernel *kernel = gostkey_streebog_kernel;
    const int skipped = 64 - state->size;
    gostkey_streebog_work work, *const works[1] = {&work};
    void (*compress)(gostkey_streebog_work *const *, size_t) =
        state->secret ? kernel->compress : kernel->compress_var;
    uint8_t out[64];

    memset(state->rest + state->used, 0, sizeof state->rest - state->used);
    state->rest[state->used] = 1;
    gostkey_streebog_load(work.m, state->rest);
    memcpy(work.h, state->h, sizeof work.h);
    memcpy(work.n, state->n, sizeof work.n);
    compress(works, 1);
    gostkey_streebog_add(state->sigma, work.m);
    gostkey_streebog_count(state->n, 8 * state->used);
    memset(work.n, 0, sizeof work.n);
    memcpy(work.m, state->n, sizeof work.m);
    compress(works, 1);
    memcpy(work.m, state->sigma, sizeof work.m);
    compress(works, 1);
    for (int i = 0; i < 8; i++) {
        gostkey_store64_le(out + 8 * i, work.h[i]);
    }
    memcpy(digest, out + skipped, (size_t)state->size);
    gostkey_wipe(out, sizeof out);
    gostkey_wipe(&work, sizeof work);
    gostkey_wipe(state, sizeof *state);
}
