/* The deterministic generator: a counter U of 63 bytes, one less than a block of
 * the hash, and blocks Streebog-512(U).  Constant time.
 *
 * Source: R 1323565.1.006-2017 as two independent implementations agree on it. */

#include "gostkey_generators.h"

#include <stdlib.h>
#include <string.h>

#include "ct.h"
#include "streebog.h"
#include "wipe.h"

#define BLOCK 64
#define NEXT_SEED 48

struct gostkey_drbg {
    uint8_t u[BLOCK - 1]; /* seed, then zeros; a big-endian number */
};

gostkey_drbg *gostkey_drbg_new(void)
{
    return calloc(1, sizeof(gostkey_drbg));
}

void gostkey_drbg_free(gostkey_drbg *drbg)
{
    if (drbg != NULL) {
        gostkey_wipe(drbg, sizeof *drbg);
        free(drbg);
    }
}

void gostkey_drbg_wipe(gostkey_drbg *drbg)
{
    gostkey_wipe(drbg, sizeof *drbg);
}

int gostkey_drbg_reseed(gostkey_drbg *drbg, const uint8_t *seed, size_t size)
{
    uint64_t zero;

    if (size != 32 && size != 40 && size != 48) {
        return GOSTKEY_DRBG_SEED_SIZE;
    }
    zero = gostkey_mask_zero_bytes(seed, size);
    /* The caller learns it anyway, and a seed of zeros is no secret. */
    gostkey_declassify(&zero, sizeof zero);
    if (zero) {
        return GOSTKEY_DRBG_SEED_ZERO;
    }
    gostkey_wipe(drbg, sizeof *drbg);
    memcpy(drbg->u, seed, size);
    return 0;
}

/* U := U + 1; out := Streebog-512(U). */
static void next(gostkey_drbg *drbg, uint8_t out[BLOCK])
{
    gostkey_streebog state;
    unsigned carry = 1;

    for (int i = BLOCK - 2; i >= 0; i--) {
        carry += drbg->u[i];
        drbg->u[i] = (uint8_t)carry;
        carry >>= 8;
    }
    gostkey_streebog_init(&state, BLOCK, 1);
    gostkey_streebog_update(&state, drbg->u, sizeof drbg->u);
    gostkey_streebog_final(&state, out);
}

void gostkey_drbg_blocks(gostkey_drbg *drbg, uint8_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        next(drbg, out + BLOCK * i);
    }
}

void gostkey_drbg_fill(gostkey_drbg *drbg, uint8_t *out, size_t n)
{
    uint8_t block[BLOCK];

    while (n >= BLOCK) {
        next(drbg, out);
        out += BLOCK;
        n -= BLOCK;
    }
    if (n != 0) {
        next(drbg, block);
        memcpy(out, block, n);
    }
    next(drbg, block);
    gostkey_wipe(drbg, sizeof *drbg);
    memcpy(drbg->u, block, NEXT_SEED);
    gostkey_wipe(block, sizeof block);
}
