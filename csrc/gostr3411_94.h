/* GOST R 34.11-94, the hash before Streebog: for containers and certificates
 * made before 2012.  One message, portable; and many side by side, with the kernels
 * under that.  Constant time throughout.
 *
 * Source: GOST R 34.11-94 (RFC 5831); S-boxes RFC 4357 11.2. */

#ifndef GOSTKEY_GOSTR3411_94_H
#define GOSTKEY_GOSTR3411_94_H

#include <stddef.h>
#include <stdint.h>

#include "gost28147.h"

#define GOSTKEY_GOSTR3411_94_BLOCK 32

/* A running hash; the owner wipes it.  May be copied by assignment. */
typedef struct {
    gostkey_gost28147_sbox sbox;
    uint64_t h[4];
    uint64_t sigma[4];
    uint64_t bytes; /* hashed so far, with those in rest */
    uint8_t rest[GOSTKEY_GOSTR3411_94_BLOCK];
    size_t used; /* bytes in rest, < 32 */
} gostkey_gostr3411_94;

/* Start a hash; sbox_id is GOSTKEY_SBOX_HASH_CRYPTOPRO or _HASH_TEST. */
void gostkey_gostr3411_94_init(gostkey_gostr3411_94 *state, unsigned sbox_id);

/* Hash n more bytes. */
void gostkey_gostr3411_94_update(gostkey_gostr3411_94 *state, const uint8_t *data,
                                 size_t n);

/* Write the digest; the state is wiped. */
void gostkey_gostr3411_94_final(gostkey_gostr3411_94 *state, uint8_t digest[32]);

/* Messages that are hashed side by side. */
#define GOSTKEY_GOSTR3411_94_LANES 16

/* Running hashes of that many messages, all zero at the start, in an order that the
 * kernel in use chooses.  The owner wipes them.  May be copied by assignment. */
typedef struct {
    uint64_t h[4 * GOSTKEY_GOSTR3411_94_LANES];
    uint64_t sigma[4 * GOSTKEY_GOSTR3411_94_LANES];
} gostkey_gostr3411_94_lanes;

/* What a kernel works with: S-boxes in its own form, and room for secrets that it need
 * not wipe at each call.  The owner wipes it. */
typedef struct {
    uint64_t box[64];
    uint64_t scratch[592];
} gostkey_gostr3411_94_room;

/* What a kernel does, in constant time. */
struct gostkey_gostr3411_94_kernel {
    const char *name;

    /* Set the S-boxes; sbox_id < GOSTKEY_SBOX_COUNT. */
    void (*prepare)(gostkey_gostr3411_94_room *room, unsigned sbox_id);

    /* For each lane i whose bit is set in `which`, with the block m at blocks[i]:
     * h := chi(m, h), and if add is not 0, sigma := sigma + m.  There must be a block
     * to read for every lane. */
    void (*step)(gostkey_gostr3411_94_room *room, gostkey_gostr3411_94_lanes *lanes,
                 const uint8_t *const *blocks, unsigned which, int add);

    /* The same with sigma for m, then digests[i] := h of lane i.  What the other lanes
     * and their digests become is undefined. */
    void (*last)(gostkey_gostr3411_94_room *room, gostkey_gostr3411_94_lanes *lanes,
                 uint8_t (*digests)[32], unsigned which);
};

extern const struct gostkey_gostr3411_94_kernel gostkey_gostr3411_94_portable;
extern const struct gostkey_gostr3411_94_kernel gostkey_gostr3411_94_avx512;
extern const struct gostkey_gostr3411_94_kernel gostkey_gostr3411_94_avx2;

/* Where many messages are hashed; the owner wipes it. */
typedef struct {
    gostkey_gostr3411_94_room room;
    gostkey_gostr3411_94_lanes lanes;
    uint8_t ends[GOSTKEY_GOSTR3411_94_LANES][GOSTKEY_GOSTR3411_94_BLOCK];
    uint8_t digests[GOSTKEY_GOSTR3411_94_LANES][32];
} gostkey_gostr3411_94_many;

/* Prepare it for the kernel in use; sbox_id as in gostkey_gostr3411_94_init. */
void gostkey_gostr3411_94_many_init(gostkey_gostr3411_94_many *many, unsigned sbox_id);

/* Start n hashes, n <= GOSTKEY_GOSTR3411_94_LANES, each with one block. */
void gostkey_gostr3411_94_start(gostkey_gostr3411_94_many *many,
                                gostkey_gostr3411_94_lanes *started,
                                const uint8_t (*blocks)[GOSTKEY_GOSTR3411_94_BLOCK],
                                size_t n);

/* out[i] := digest of message i of n, n <= GOSTKEY_GOSTR3411_94_LANES: the 32 bytes at
 * out + 32 i, which may be part of a message.  If started is not NULL, the messages are
 * the ends of what was started there.
 *
 * Timing:  depends on the lengths. */
void gostkey_gostr3411_94_each(gostkey_gostr3411_94_many *many, uint8_t *out,
                               const gostkey_gostr3411_94_lanes *started,
                               const uint8_t *const *messages, const uint64_t *lengths,
                               size_t n);

#endif
