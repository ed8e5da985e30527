/* Streebog's kernel in portable C: the two compression functions, one message after
 * the other. */

#include "streebog.h"

#include "streebog_sums.h"
#include "wipe.h"

static void blocks(uint64_t h[8], uint64_t n[8], uint64_t sigma[8],
                   const uint8_t *data, size_t count)
{
    uint64_t m[8];

    for (size_t i = 0; i < count; i++) {
        gostkey_streebog_load(m, data + GOSTKEY_STREEBOG_BLOCK * i);
        gostkey_streebog_compress(h, n, m);
        gostkey_streebog_count(n, 8 * GOSTKEY_STREEBOG_BLOCK);
        gostkey_streebog_add(sigma, m);
    }
    gostkey_wipe(m, sizeof m);
}

static void blocks_var(uint64_t h[8], uint64_t n[8], uint64_t sigma[8],
                       const uint8_t *data, size_t count)
{
    uint64_t m[8];

    for (size_t i = 0; i < count; i++) {
        gostkey_streebog_load(m, data + GOSTKEY_STREEBOG_BLOCK * i);
        gostkey_streebog_compress_var(h, n, m);
        gostkey_streebog_count(n, 8 * GOSTKEY_STREEBOG_BLOCK);
        gostkey_streebog_add(sigma, m);
    }
}

static void compress(gostkey_streebog_work *const *works, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        gostkey_streebog_compress(works[i]->h, works[i]->n, works[i]->m);
    }
}

static void compress_var(gostkey_streebog_work *const *works, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        gostkey_streebog_compress_var(works[i]->h, works[i]->n, works[i]->m);
    }
}

const struct gostkey_streebog_kernel gostkey_streebog_portable = {
    .name = "portable",
    .blocks = blocks,
    .blocks_var = blocks_var,
    .compress = compress,
    .compress_var = compress_var,
    .slices = &gostkey_streebog_slices_portable,
    .least_sliced = 32,
};
