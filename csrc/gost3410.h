/* What gost3410.c and gost3410_verify.c share. */

#ifndef GOSTKEY_GOST3410_H
#define GOSTKEY_GOST3410_H

#include <stddef.h>
#include <stdint.h>

#include "curve.h"

#define MAX GOSTKEY_MAX_LIMBS

/* What a call works on: room for the arrays of one chunk, wiped in the end.  Few items
 * live on the stack; for more, memory is asked for, and where there is none the
 * call goes on with few at a time. */
enum {
    FEW = 8,
    CHUNK = 4096 /* what the vector kernels share one inversion among, at most */
};

/* Words an item: d, k, e; x and y; the hashed nonce, and what is hashed for it. */
#define ITEM_WORDS (5 * MAX + 2 * MAX + (3 * GOSTKEY_MAX_SIZE + 32) / 8)

struct gostkey_room {
    uint64_t few[FEW * ITEM_WORDS];
    uint64_t *words;
    size_t count; /* items that fit */
};

/* Get room for n items, or for as many at a time as there is room for.  words is how many
 * an item needs, ITEM_WORDS at most. */
void gostkey_room_open(struct gostkey_room *room, size_t n, size_t words);

/* Wipe it and give it back. */
void gostkey_room_close(struct gostkey_room *room, size_t words);

/* The curve of that number, or NULL if there is none or it is not prepared. */
const struct gostkey_curve *gostkey_prepared_curve(int curve);

/* xy := public key, if it is one; return GOSTKEY_ELLIPTIC_OK or what is wrong. */
int gostkey_load_public_var(const struct gostkey_curve *curve, uint64_t *xy,
                            const uint8_t *public_le);

#endif
