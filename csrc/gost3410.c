/* GOST R 34.10-2012 with private keys: keys, signatures with hedged nonces, VKO.
 * gost3410_verify.c is for whoever has public ones only.
 *
 * Works in chunks, so that the division that turns projective points into
 * affine ones is done once for many.
 *
 * The nonce.  With H = Streebog-512 and fixed-length fields,
 *
 *     wide = H(d || fresh || digest || tag || curve || counter || part || index)
 *     k    = wide mod q, and 1 instead of 0
 *
 * where wide is one part for 32-byte curves and parts 0 and 1 for 64-byte
 * ones, read little-endian: twice the bits of q, so k is uniform up to 2^-250 if
 * H's output is uniform.  That it is for whoever does not know d, even if he
 * chose fresh, and for whoever does not know fresh, even if digests repeat.  The
 * digest keeps a repeated fresh from giving one k to two messages, the curve
 * keeps a key that is used on two curves from related ones.  fresh is one for all
 * items of a call, and index, 8 bytes little-endian, the item's place among them.
 * The counter is 0 and goes up when r = 0 or s = 0.
 *
 * Sources: [GOST34.10-2012, 6.1] (RFC 7091), [RFC7836, 4.3], [RFC9215]. */

#include "gostkey_elliptic.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "ct.h"
#include "declassify.h"
#include "curve.h"
#include "gost3410.h"
#include "kernels.h"
#include "scalar.h"
#include "streebog.h"
#include "wipe.h"

static const uint8_t nonce_tag[15] = {'g', 'o', 's', 't', 'k', 'e', 'y', ' ',
                                      'n', 'o', 'n', 'c', 'e', ' ', '1'};

static int prepared[GOSTKEY_FAMILIES][GOSTKEY_CURVE_COUNT];

const struct gostkey_curve *gostkey_prepared_curve(int curve)
{
    if (curve < 0 || curve >= GOSTKEY_CURVE_COUNT ||
        !prepared[gostkey_kernels_number()][curve]) {
        return NULL;
    }
    return &gostkey_curves[curve];
}

int gostkey_elliptic_prepare(int curve)
{
    if (curve < 0 || curve >= GOSTKEY_CURVE_COUNT) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    if (!prepared[gostkey_kernels_number()][curve]) {
        gostkey_ops(&gostkey_curves[curve])->prepare_var(&gostkey_curves[curve]);
        gostkey_scalars(&gostkey_curves[curve])->prepare_var(&gostkey_curves[curve]);
        prepared[gostkey_kernels_number()][curve] = 1;
    }
    return GOSTKEY_ELLIPTIC_OK;
}

/* z := private key; return 0 if it is not in 1..q-1.  That much may be known:
 * the caller is told, and a random key is never out of range. */
static int load_private(const struct gostkey_curve *curve, uint64_t *z,
                        const uint8_t *private_le)
{
    uint64_t valid;

    gostkey_scalar_load_le(curve, z, private_le);
    valid = gostkey_scalar_mask_valid(curve, z);
    gostkey_declassify(&valid, sizeof valid);
    return valid != 0;
}

static void store_point(const struct gostkey_curve *curve, uint8_t *out,
                        const uint64_t *xy)
{
    gostkey_scalar_store_le(curve, out, xy);
    gostkey_scalar_store_le(curve, out + 8 * curve->limbs, xy + curve->limbs);
}

void gostkey_room_open(struct gostkey_room *room, size_t n, size_t words)
{
    size_t count = n < CHUNK ? n : CHUNK;

    room->words = count > FEW ? malloc(count * words * sizeof *room->words) : NULL;
    room->count = count;
    if (room->words == NULL) {
        room->words = room->few;
        room->count = count < FEW ? count : FEW;
    }
}

void gostkey_room_close(struct gostkey_room *room, size_t words)
{
    gostkey_wipe(room->words, room->count * words * sizeof *room->words);
    if (room->words != room->few) {
        free(room->words);
    }
}

/* d[i] := private key i of count; on failure *bad := its place, return 0. */
static int load_privates(const struct gostkey_curve *curve, uint64_t *d,
                         const uint8_t *private_le, size_t stride, size_t count,
                         size_t *bad)
{
    for (size_t i = 0; i < count; i++) {
        if (!load_private(curve, d + curve->limbs * i, private_le + stride * i)) {
            *bad = i;
            return 0;
        }
    }
    return 1;
}

int gostkey_elliptic_public_keys(int curve_number, uint8_t *out,
                                 const uint8_t *private_le, size_t n, size_t *bad)
{
    const struct gostkey_curve *curve = gostkey_prepared_curve(curve_number);
    struct gostkey_room room;
    size_t size, limbs;
    int status = GOSTKEY_ELLIPTIC_OK;

    if (curve == NULL) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    limbs = curve->limbs;
    size = 8 * limbs;
    gostkey_room_open(&room, n, 3 * limbs);
    for (size_t done = 0; done < n;) {
        size_t count = n - done < room.count ? n - done : room.count;
        uint64_t *d = room.words, *xy = d + limbs * count;

        if (!load_privates(curve, d, private_le + size * done, size, count, bad)) {
            *bad += done;
            status = GOSTKEY_ELLIPTIC_PRIVATE_KEY;
            memset(out, 0, 2 * size * n);
            break;
        }
        gostkey_ops(curve)->base_points(curve, xy, d, count);
        for (size_t i = 0; i < count; i++) {
            store_point(curve, out + 2 * size * (done + i), xy + 2 * limbs * i);
        }
        done += count;
    }
    gostkey_room_close(&room, 3 * limbs);
    return status;
}

/* What of a nonce's message differs between the items of one key: the digest and what
 * follows it.  Of a nonce's message d || fresh comes first, one or two whole blocks. */
enum { NONCE_TAIL = sizeof nonce_tag + 3 + 8 };

/* Write the end of an item's message: 8 limbs + NONCE_TAIL bytes. */
static void nonce_ending(const struct gostkey_curve *curve, uint8_t *ending,
                         const uint8_t *digest, unsigned counter, unsigned part,
                         uint64_t index)
{
    const size_t size = 8 * curve->limbs;

    memcpy(ending, digest, size);
    ending += size;
    memcpy(ending, nonce_tag, sizeof nonce_tag);
    ending += sizeof nonce_tag;
    ending[0] = (uint8_t)(curve - gostkey_curves);
    ending[1] = (uint8_t)counter;
    ending[2] = (uint8_t)part;
    gostkey_store64_le(ending + 3, index);
}

/* k[i] := the hedged nonce of item first + i, for count items; see the head of this
 * file.  output has 16 * limbs bytes an item, messages 3 * size + NONCE_TAIL. */
static void derive_nonces(const struct gostkey_curve *curve, uint64_t *k,
                          uint8_t *output, uint8_t *messages,
                          const uint8_t *private_le, size_t stride,
                          const uint8_t *digests, const uint8_t *fresh, uint64_t first,
                          unsigned counter, size_t count)
{
    const size_t size = 8 * curve->limbs;
    const unsigned parts = curve->limbs / 4;
    /* For one key the first blocks are hashed once. */
    const size_t before = stride == 0 ? 0 : 2 * size;
    gostkey_streebog start;
    gostkey_streebog_messages all = {0};

    all.joined = messages;
    all.length = before + size + NONCE_TAIL;
    if (stride == 0) {
        gostkey_streebog_init(&start, 64, 1);
        gostkey_streebog_update(&start, private_le, size);
        gostkey_streebog_update(&start, fresh, size);
        all.starts = &start;
        all.one_start = 1;
    }
    for (unsigned part = 0; part < parts; part++) {
        for (size_t i = 0; i < count; i++) {
            uint8_t *message = messages + all.length * i;

            if (stride != 0) {
                memcpy(message, private_le + stride * i, size);
                memcpy(message + size, fresh, size);
            }
            nonce_ending(curve, message + before, digests + size * i, counter, part,
                         first + i);
        }
        gostkey_streebog_each(64, output + 64 * count * part, &all, count);
    }
    if (stride == 0) {
        gostkey_wipe(&start, sizeof start);
    }
    /* 64 bytes are low and high half for 4 limbs; for 8, each half is a part. */
    gostkey_scalars(curve)->from_wide(
        curve, k, output, output + (parts == 1 ? size : 64 * count), 64, count);
}

/* out := s || r for count items; where r or s is 0, zero[i] := 1 and zeros.  r is public
 * and so is whether a nonce had to be discarded. */
static void finish(const struct gostkey_curve *curve, uint8_t *out, uint8_t *zero,
                   const uint64_t *xy, const uint64_t *d, const uint64_t *k,
                   const uint8_t *digests, size_t count)
{
    const size_t size = 8 * curve->limbs;

    gostkey_scalars(curve)->sign(curve, out, zero, xy, d, k, digests, count);
    gostkey_declassify(zero, count);
    for (size_t i = 0; i < count; i++) {
        if (zero[i]) {
            memset(out + 2 * size * i, 0, 2 * size);
        }
    }
}

/* Sign with one given nonce in 1..q-1; return 0 if it must be discarded. */
static int sign_once(const struct gostkey_curve *curve, uint8_t *out, const uint64_t *d,
                     const uint8_t *digest, const uint64_t *k)
{
    uint64_t xy[2 * MAX];
    uint8_t zero;

    gostkey_ops(curve)->base_points(curve, xy, k, 1);
    finish(curve, out, &zero, xy, d, k, digest, 1);
    gostkey_wipe(xy, sizeof xy);
    return !zero;
}

/* Sign a digest whose nonce gave r = 0 or s = 0: once in 2^250 signatures, so the
 * counter cannot run out. */
static void sign_again(const struct gostkey_curve *curve, uint8_t *out,
                       const uint64_t *d, const uint8_t *private_le,
                       const uint8_t *digest, const uint8_t *fresh, uint64_t index)
{
    uint8_t output[2 * GOSTKEY_MAX_SIZE], message[3 * GOSTKEY_MAX_SIZE + 32];
    uint64_t k[MAX];
    unsigned counter = 0;

    do {
        derive_nonces(curve, k, output, message, private_le, 0, digest, fresh, index,
                      ++counter, 1);
    } while (!sign_once(curve, out, d, digest, k));
    gostkey_wipe(k, sizeof k);
    gostkey_wipe(output, sizeof output);
    gostkey_wipe(message, sizeof message);
}

int gostkey_elliptic_sign(int curve_number, uint8_t *out, const uint8_t *private_le,
                          size_t private_stride, const uint8_t *digests,
                          const uint8_t *fresh, uint64_t first, size_t n,
                          size_t *bad)
{
    const struct gostkey_curve *curve = gostkey_prepared_curve(curve_number);
    struct gostkey_room room;
    size_t size, limbs, words;
    int status = GOSTKEY_ELLIPTIC_OK;

    if (curve == NULL || (private_stride != 0 && private_stride != 8 * curve->limbs)) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    limbs = curve->limbs;
    size = 8 * limbs;
    words = 4 * limbs + 2 * limbs + (3 * size + 32) / 8;
    gostkey_room_open(&room, n, words);
    for (size_t done = 0; done < n;) {
        size_t count = n - done < room.count ? n - done : room.count;
        uint64_t *d = room.words, *k = d + limbs * count, *xy = k + limbs * count;
        uint8_t *output = (uint8_t *)(xy + 2 * limbs * count);
        uint8_t *messages = output + 2 * size * count;
        const uint8_t *keys = private_le + private_stride * done;
        const uint8_t *here = digests + size * done;

        if (!load_privates(curve, d, keys, private_stride, count, bad)) {
            *bad += done;
            status = GOSTKEY_ELLIPTIC_PRIVATE_KEY;
            memset(out, 0, 2 * size * n);
            break;
        }
        derive_nonces(curve, k, output, messages, keys, private_stride, here, fresh,
                      first + done, 0, count);
        gostkey_ops(curve)->base_points(curve, xy, k, count);
        /* The hashed nonces have served. */
        finish(curve, out + 2 * size * done, output, xy, d, k, here, count);
        for (size_t i = 0; i < count; i++) {
            if (output[i]) {
                sign_again(curve, out + 2 * size * (done + i), d + limbs * i,
                           keys + private_stride * i, here + size * i, fresh,
                           first + done + i);
            }
        }
        done += count;
    }
    gostkey_room_close(&room, words);
    return status;
}

int gostkey_elliptic_sign_with_nonce(int curve_number, uint8_t *out,
                                     const uint8_t *private_le, const uint8_t *digest,
                                     const uint8_t *nonce_le)
{
    const struct gostkey_curve *curve = gostkey_prepared_curve(curve_number);
    uint64_t d[MAX], k[MAX];
    int status = GOSTKEY_ELLIPTIC_OK;

    if (curve == NULL) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    if (!load_private(curve, d, private_le)) {
        status = GOSTKEY_ELLIPTIC_PRIVATE_KEY;
    } else if (!load_private(curve, k, nonce_le) ||
               !sign_once(curve, out, d, digest, k)) {
        status = GOSTKEY_ELLIPTIC_NONCE;
    }
    if (status != GOSTKEY_ELLIPTIC_OK) {
        memset(out, 0, 16 * curve->limbs);
    }
    gostkey_wipe(d, sizeof d);
    gostkey_wipe(k, sizeof k);
    return status;
}

int gostkey_elliptic_vko_point(int curve_number, uint8_t *out,
                               const uint8_t *private_le, const uint8_t *public_le,
                               const uint8_t *ukm_le, size_t ukm_length)
{
    const struct gostkey_curve *curve = gostkey_prepared_curve(curve_number);
    uint8_t padded[GOSTKEY_MAX_SIZE] = {0};
    uint64_t d[MAX], ukm[MAX], scalar[MAX], xyz[3 * MAX], xy[2 * MAX];
    int status;

    if (curve == NULL || ukm_length < 1 || ukm_length > 8 * curve->limbs) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    memset(out, 0, 16 * curve->limbs);
    status = gostkey_load_public_var(curve, xy, public_le);
    memcpy(padded, ukm_le, ukm_length);
    gostkey_scalar_load_le(curve, ukm, padded);
    gostkey_scalar_reduce(curve, ukm, ukm);
    if (!load_private(curve, d, private_le)) {
        status = GOSTKEY_ELLIPTIC_PRIVATE_KEY;
    } else if (gostkey_scalar_mask_zero(curve, ukm)) {
        status = GOSTKEY_ELLIPTIC_UKM;
    }
    if (status == GOSTKEY_ELLIPTIC_OK) {
        /* q is prime and odd, so neither the product nor 2 or 4 times it is 0;
         * the point has order q, so the cofactor may be multiplied in mod q. */
        gostkey_scalar_multiply(curve, scalar, ukm, d);
        for (unsigned i = curve->cofactor; i > 1; i /= 2) {
            gostkey_scalar_add(curve, scalar, scalar, scalar);
        }
        gostkey_ops(curve)->multiply(curve, xyz, scalar, xy);
        gostkey_ops(curve)->to_affine(curve, xy, xyz, 1);
        store_point(curve, out, xy);
    }
    gostkey_wipe(d, sizeof d);
    gostkey_wipe(scalar, sizeof scalar);
    gostkey_wipe(xyz, sizeof xyz);
    gostkey_wipe(xy, sizeof xy);
    return status;
}

int gostkey_elliptic_private_from_wide(int curve_number, uint8_t *out,
                                       const uint8_t *wide_le, size_t n)
{
    const struct gostkey_curve *curve = gostkey_prepared_curve(curve_number);
    uint8_t high[FEW * (GOSTKEY_MAX_SIZE + 8)] = {0};
    uint64_t d[FEW * MAX];
    size_t size;

    if (curve == NULL) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    size = 8 * curve->limbs;
    for (size_t done = 0; done < n;) {
        const size_t count = n - done < FEW ? n - done : FEW;
        const uint8_t *from = wide_le + (size + 8) * done;

        for (size_t i = 0; i < count; i++) {
            memcpy(high + (size + 8) * i, from + (size + 8) * i + size, 8);
        }
        gostkey_scalars(curve)->from_wide(curve, d, from, high, size + 8, count);
        for (size_t i = 0; i < count; i++) {
            gostkey_scalar_store_le(curve, out + size * (done + i),
                                    d + curve->limbs * i);
        }
        done += count;
    }
    gostkey_wipe(high, sizeof high);
    gostkey_wipe(d, sizeof d);
    return GOSTKEY_ELLIPTIC_OK;
}

int gostkey_elliptic_multiply_mod_q(int curve_number, uint8_t *out, const uint8_t *a_le,
                                    const uint8_t *b_le, size_t n)
{
    const struct gostkey_curve *curve = gostkey_prepared_curve(curve_number);
    uint64_t a[MAX], b[MAX];

    if (curve == NULL) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    for (size_t at = 0; at < 8 * curve->limbs * n; at += 8 * curve->limbs) {
        gostkey_scalar_load_le(curve, a, a_le + at);
        gostkey_scalar_load_le(curve, b, b_le + at);
        gostkey_scalar_reduce(curve, b, b);
        gostkey_scalar_multiply(curve, a, a, b);
        gostkey_scalar_store_le(curve, out + at, a);
    }
    gostkey_wipe(a, sizeof a);
    gostkey_wipe(b, sizeof b);
    return GOSTKEY_ELLIPTIC_OK;
}

/* Divisors that share an inversion. */
enum { SHARING = 32 };

/* Load `count` numbers up to SHARING, and the products of those before each; 0 if one is 0
 * mod q, whose place *bad gets.  The product of all follows behind the last. */
static int load_divisors(const struct gostkey_curve *curve, uint64_t b[SHARING][MAX],
                         uint64_t before[SHARING + 1][MAX], const uint8_t *b_le,
                         size_t count, size_t *bad)
{
    memset(before[0], 0, sizeof before[0]);
    before[0][0] = 1;
    for (size_t i = 0; i < count; i++) {
        uint64_t zero;

        gostkey_scalar_load_le(curve, b[i], b_le + 8 * curve->limbs * i);
        gostkey_scalar_reduce(curve, b[i], b[i]);
        /* The caller is told that the divisor is 0. */
        zero = gostkey_scalar_mask_zero(curve, b[i]);
        gostkey_declassify(&zero, sizeof zero);
        if (zero) {
            *bad = i;
            return 0;
        }
        gostkey_scalar_multiply(curve, before[i + 1], before[i], b[i]);
    }
    return 1;
}

/* SHARING divisors take one inversion among them [batch.h, Montgomery87]. */
int gostkey_elliptic_divide_mod_q(int curve_number, uint8_t *out, const uint8_t *a_le,
                                  const uint8_t *b_le, size_t n, size_t *bad)
{
    const struct gostkey_curve *curve = gostkey_prepared_curve(curve_number);
    uint64_t b[SHARING][MAX], before[SHARING + 1][MAX];
    uint64_t a[MAX], rest[MAX], inverse[MAX];
    int status = GOSTKEY_ELLIPTIC_OK;
    size_t size;

    if (curve == NULL) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    size = 8 * curve->limbs;
    for (size_t done = 0; done < n;) {
        const size_t count = n - done < SHARING ? n - done : SHARING;

        if (!load_divisors(curve, b, before, b_le + size * done, count, bad)) {
            *bad += done;
            memset(out, 0, size * n);
            status = GOSTKEY_ELLIPTIC_DIVISOR;
            break;
        }
        /* rest: 1 over the product of the divisors up to i. */
        gostkey_scalar_invert(curve, rest, before[count]);
        for (size_t i = count; i-- > 0;) {
            const size_t at = size * (done + i);

            gostkey_scalar_multiply(curve, inverse, rest, before[i]);
            gostkey_scalar_multiply(curve, rest, rest, b[i]);
            gostkey_scalar_load_le(curve, a, a_le + at);
            gostkey_scalar_multiply(curve, a, a, inverse);
            gostkey_scalar_store_le(curve, out + at, a);
        }
        done += count;
    }
    gostkey_wipe(b, sizeof b);
    gostkey_wipe(before, sizeof before);
    gostkey_wipe(a, sizeof a);
    gostkey_wipe(rest, sizeof rest);
    gostkey_wipe(inverse, sizeof inverse);
    return status;
}
