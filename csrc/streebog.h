/* Streebog (GOST R 34.11-2012): the running hash, many messages at once, and the
 * kernels under both.
 *
 * A block of 512 bits is eight 64-bit words, the lowest first: word i is bytes
 * 8 i .. 8 i + 7 of the message or digest, little-endian.
 *
 * Source: GOST R 34.11-2012 (RFC 6986). */

#ifndef GOSTKEY_STREEBOG_H
#define GOSTKEY_STREEBOG_H

#include <stddef.h>
#include <stdint.h>

#define GOSTKEY_STREEBOG_BLOCK 64

/* h := g_n(h, m) [8 of the RFC], portable.
 *
 * Timing:  _var: table look-ups by the data, for public data only;
 *          without it: constant. */
void gostkey_streebog_compress_var(uint64_t h[8], const uint64_t n[8],
                                   const uint64_t m[8]);
void gostkey_streebog_compress(uint64_t h[8], const uint64_t n[8],
                               const uint64_t m[8]);

/* A running hash; the owner wipes it.  May be copied by assignment. */
typedef struct {
    uint64_t h[8];
    uint64_t n[8];     /* bits hashed, without those in rest */
    uint64_t sigma[8]; /* sum of the blocks */
    uint8_t rest[GOSTKEY_STREEBOG_BLOCK];
    size_t used; /* bytes in rest, < 64 */
    int size;    /* bytes of the digest: 32 or 64 */
    int secret;  /* not 0: constant time */
} gostkey_streebog;

/* Start a hash with a digest of size = 32 or 64 bytes. */
void gostkey_streebog_init(gostkey_streebog *state, int size, int secret);

/* Hash n more bytes. */
void gostkey_streebog_update(gostkey_streebog *state, const uint8_t *data, size_t n);

/* Write the digest, state->size bytes; the state is wiped. */
void gostkey_streebog_final(gostkey_streebog *state, uint8_t *digest);

/* Messages that are on their way at the same time, when there are many: more than a
 * kernel works on side by side, so that few of its lanes are empty when the last ones
 * end, or some are at their first block and some are not. */
#define GOSTKEY_STREEBOG_LANES 16

/* Messages that are hashed in one call. */
typedef struct {
    /* Where they are: each at a place of its own, or, if apart is NULL, laid end
     * to end from joined on. */
    const uint8_t *const *apart;
    const uint8_t *joined;
    /* Bytes of each, or, if lengths is NULL, of all. */
    const uint64_t *lengths;
    size_t length;
    /* NULL, or hashes that the messages are the ends of, one each, or one for all if
     * one_start is not 0: of whole blocks (used == 0) and of the digest's size. */
    const gostkey_streebog *starts;
    int one_start;
} gostkey_streebog_messages;

/* out[i] := digest of `size` bytes, 32 or 64, of message i of n; the digests are
 * laid end to end and may not overlap the messages.  A kernel of several lanes has
 * them full as long as messages last, whatever their lengths are.
 *
 * Timing:  depends on the lengths; _var: and on the data, for public data only. */
void gostkey_streebog_each(int size, uint8_t *out,
                           const gostkey_streebog_messages *messages, size_t n);
void gostkey_streebog_each_var(int size, uint8_t *out,
                               const gostkey_streebog_messages *messages, size_t n);

/* Start n hashes, n <= GOSTKEY_STREEBOG_LANES, each with one block: states[i] becomes a
 * hash of `size` bytes for gostkey_streebog_messages.starts.  Timing: constant. */
void gostkey_streebog_start(int size, gostkey_streebog *states,
                            const uint8_t (*blocks)[GOSTKEY_STREEBOG_BLOCK], size_t n);

/* gostkey_streebog_each for n messages of `length` bytes laid end to end. */
void gostkey_streebog_many(int size, uint8_t *out, const uint8_t *messages,
                           size_t length, size_t n);

/* One compression of several: h := g_n(h, m). */
typedef struct {
    uint64_t h[8], n[8], m[8];
} gostkey_streebog_work;

/* Passwords in slices: as many at once as a word or vector has bits (streebog_slices.h),
 * in the same time for one or all.  The functions return 0, or -1 if there is no memory;
 * then nothing is changed.  Timing: constant. */
struct gostkey_streebog_slices {
    size_t lanes;

    /* `iterations` of CPKDF with the hash of 32 bytes: c, 32 bytes each of n <= lanes,
     * becomes what it is after them; first is H(salt | password), likewise. */
    int (*container)(uint8_t *c, const uint8_t *first, uint32_t iterations, size_t n);

    /* What is left of PBKDF2 with the hash of 64 bytes: u, 64 bytes each, is U_1 and
     * becomes the sum of U_1 to U_iterations.  The states are h and sigma of the inner,
     * and of the outer hash after the key's block, little-endian. */
    int (*pbkdf2)(uint8_t *u, const uint8_t (*states)[4][64], uint32_t iterations,
                  size_t n);
};

extern const struct gostkey_streebog_slices gostkey_streebog_slices_portable;
extern const struct gostkey_streebog_slices gostkey_streebog_slices_avx2;

/* What a kernel does.  `_var` is for public data; the others are constant time. */
struct gostkey_streebog_kernel {
    const char *name;
    unsigned features; /* of cpu.h: all that are needed */
    /* Serves the family where features are missing; NULL if none are there to miss. */
    const struct gostkey_streebog_kernel *otherwise;

    /* Hash `count` whole blocks: h, n and sigma as in gostkey_streebog. */
    void (*blocks)(uint64_t h[8], uint64_t n[8], uint64_t sigma[8],
                   const uint8_t *data, size_t count);
    void (*blocks_var)(uint64_t h[8], uint64_t n[8], uint64_t sigma[8],
                       const uint8_t *data, size_t count);

    /* Compress for `count` independent messages. */
    void (*compress)(gostkey_streebog_work *const *works, size_t count);
    void (*compress_var)(gostkey_streebog_work *const *works, size_t count);

    /* The first compressions of `count` messages: h := g_0(IV, m), where the round keys
     * are constants; h and n are not read.  NULL: compress does it as fast. */
    void (*begin)(int size, gostkey_streebog_work *const *works, size_t count);

    /* For groups of at least so many passwords; NULL: it does all of them faster. */
    const struct gostkey_streebog_slices *slices;
    size_t least_sliced;
};

extern const struct gostkey_streebog_kernel gostkey_streebog_portable;
extern const struct gostkey_streebog_kernel gostkey_streebog_avx512;
extern const struct gostkey_streebog_kernel gostkey_streebog_avx2;
extern const struct gostkey_streebog_kernel gostkey_streebog_avx2_gfni;
extern const struct gostkey_streebog_kernel gostkey_streebog_neon;

/* The one in use: gostkey_kernels_select sets it. */
extern const struct gostkey_streebog_kernel *gostkey_streebog_kernel;

#endif
