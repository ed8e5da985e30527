/* The deterministic generator, for callers outside the core.
 *
 * Source: R 1323565.1.006-2017, the variant with Streebog-512. */

#ifndef GOSTKEY_GENERATORS_H
#define GOSTKEY_GENERATORS_H

#include <stddef.h>
#include <stdint.h>

/* A seed has another size than 32, 40 or 48 bytes; or all its bytes are zero. */
#define GOSTKEY_DRBG_SEED_SIZE (-1)
#define GOSTKEY_DRBG_SEED_ZERO (-2)

/* ffi: begin */

typedef struct gostkey_drbg gostkey_drbg;

/* Make a generator without a seed; NULL if there is no memory.  Its state is on a page of
 * its own that is kept off the disk and, on Linux, is all zero in a forked child. */
gostkey_drbg *gostkey_drbg_new(void);

/* Wipe the state and give the memory back; NULL is allowed. */
void gostkey_drbg_free(gostkey_drbg *drbg);

/* Wipe the state; it must be seeded before it is used again. */
void gostkey_drbg_wipe(gostkey_drbg *drbg);

/* Start again from a seed.  Returns 0, GOSTKEY_DRBG_SEED_SIZE (-1) or
 * GOSTKEY_DRBG_SEED_ZERO (-2); after an error the state is as it was. */
int gostkey_drbg_reseed(gostkey_drbg *drbg, const uint8_t *seed, size_t size);

/* Write the next `count` whole blocks of 64 bytes, in the order made. */
void gostkey_drbg_blocks(gostkey_drbg *drbg, uint8_t *out, size_t count);

/* Write n bytes, the first bytes of as many blocks as are needed, then replace
 * the seed by 48 bytes of a block that is not given out: what was written cannot
 * be computed from the state that is left. */
void gostkey_drbg_fill(gostkey_drbg *drbg, uint8_t *out, size_t n);

/* Overwrite n bytes with zeros in a way that no compiler leaves out. */
void gostkey_wipe(void *p, size_t n);

/* ffi: end */

#endif
