/* The deterministic generator: a counter U of 63 bytes, one less than a block of
 * the hash, and blocks Streebog-512(U).  Constant time.
 *
 * Source: R 1323565.1.006-2017 as two independent implementations agree on it. */

#include "gostkey_generators.h"

#include <string.h>

#include "bytes.h"
#include "ct.h"
#include "declassify.h"
#include "secret_page.h"
#include "streebog.h"
#include "wipe.h"

#define BLOCK 64
#define NEXT_SEED 48

/* Blocks whose numbers are written down and hashed at once: several times the lanes
 * of a kernel. */
#define AT_ONCE 64

struct gostkey_drbg {
    uint8_t u[BLOCK - 1]; /* seed, then zeros; a big-endian number */
};

gostkey_drbg *gostkey_drbg_new(void)
{
    return gostkey_secret_page_new(sizeof(gostkey_drbg));
}

void gostkey_drbg_free(gostkey_drbg *drbg)
{
    gostkey_secret_page_free(drbg, sizeof *drbg);
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

/* U := U + 1, a number of 63 bytes, big-endian. */
static void count_up(uint8_t u[BLOCK - 1])
{
    uint64_t carry = 1;

    for (int i = BLOCK - 1 - 8; i >= 7; i -= 8) {
        uint64_t word = gostkey_load64_be(u + i), sum = word + carry;

        gostkey_store64_be(u + i, sum);
        carry = (word & ~sum) >> 63; /* only as all ones become zeros */
    }
    for (int i = 6; i >= 0; i--) {
        carry += u[i];
        u[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

void gostkey_drbg_blocks(gostkey_drbg *drbg, uint8_t *out, size_t count)
{
    uint8_t numbers[AT_ONCE * sizeof drbg->u];
    const size_t most = count < AT_ONCE ? count : AT_ONCE;

    while (count != 0) {
        size_t taken = count < AT_ONCE ? count : AT_ONCE;

        for (size_t i = 0; i < taken; i++) {
            count_up(drbg->u);
            memcpy(numbers + sizeof drbg->u * i, drbg->u, sizeof drbg->u);
        }
        gostkey_streebog_many(BLOCK, out, numbers, sizeof drbg->u, taken);
        out += BLOCK * taken;
        count -= taken;
    }
    gostkey_wipe(numbers, most * sizeof drbg->u);
}

void gostkey_drbg_fill(gostkey_drbg *drbg, uint8_t *out, size_t n)
{
    uint8_t last[2 * BLOCK], *seed = last;
    const size_t rest = n % BLOCK;

    gostkey_drbg_blocks(drbg, out, n / BLOCK);
    /* The end of what is asked for, if it is no whole block, and the next seed. */
    if (rest != 0) {
        gostkey_drbg_blocks(drbg, last, 2);
        memcpy(out + (n - rest), last, rest);
        seed += BLOCK;
    } else {
        gostkey_drbg_blocks(drbg, last, 1);
    }
    gostkey_wipe(drbg, sizeof *drbg);
    memcpy(drbg->u, seed, NEXT_SEED);
    gostkey_wipe(last, sizeof last);
}
