/* GOST R 34.10-2012: keys, signatures with hedged nonces, verification, VKO.
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
 * Sources: [GOST34.10-2012, 6.1 and 6.2] (RFC 7091), [RFC7836, 4.3], [RFC9215]. */

#include "gostkey_elliptic.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "ct.h"
#include "curve.h"
#include "kernels.h"
#include "scalar.h"
#include "streebog.h"
#include "wipe.h"

#define MAX GOSTKEY_MAX_LIMBS

static const uint8_t nonce_tag[15] = {'g', 'o', 's', 't', 'k', 'e', 'y', ' ',
                                      'n', 'o', 'n', 'c', 'e', ' ', '1'};

static int prepared[GOSTKEY_FAMILIES][GOSTKEY_CURVE_COUNT];

/* The curve of that number, or NULL. */
static const struct gostkey_curve *find(int curve)
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

static void load_point(const struct gostkey_curve *curve, uint64_t *xy,
                       const uint8_t *public_le)
{
    gostkey_scalar_load_le(curve, xy, public_le);
    gostkey_scalar_load_le(curve, xy + curve->limbs, public_le + 8 * curve->limbs);
}

/* What a call works on: room for the arrays of one chunk, wiped in the end.  Few items
 * live on the stack; for more, memory is asked for, and where there is none the
 * call goes on with few at a time. */
enum {
    FEW = 8,
    CHUNK = 4096 /* what the vector kernels share one inversion among, at most */
};

/* Words an item: d, k, e; x and y; the hashed nonce, and what is hashed for it. */
#define ITEM_WORDS (5 * MAX + 2 * MAX + (3 * GOSTKEY_MAX_SIZE + 32) / 8)

struct room {
    uint64_t few[FEW * ITEM_WORDS];
    uint64_t *words;
    size_t count; /* items that fit */
};

/* words is how many an item needs, ITEM_WORDS at most. */
static void room_open(struct room *room, size_t n, size_t words)
{
    size_t count = n < CHUNK ? n : CHUNK;

    room->words = count > FEW ? malloc(count * words * sizeof *room->words) : NULL;
    room->count = count;
    if (room->words == NULL) {
        room->words = room->few;
        room->count = count < FEW ? count : FEW;
    }
}

static void room_close(struct room *room, size_t words)
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
    const struct gostkey_curve *curve = find(curve_number);
    struct room room;
    size_t size, limbs;
    int status = GOSTKEY_ELLIPTIC_OK;

    if (curve == NULL) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    limbs = curve->limbs;
    size = 8 * limbs;
    room_open(&room, n, 3 * limbs);
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
    room_close(&room, 3 * limbs);
    return status;
}

/* Where the parts of a nonce's message are, and its length. */
struct nonce_message {
    size_t fresh, digest, tag, last, length;
};

static struct nonce_message nonce_message(const struct gostkey_curve *curve)
{
    struct nonce_message at;
    size_t size = 8 * curve->limbs;

    at.fresh = size;
    at.digest = 2 * size;
    at.tag = 3 * size;
    at.last = at.tag + sizeof nonce_tag;
    at.length = at.last + 3 + 8;
    return at;
}

/* k[i] := the hedged nonce of item first + i, for count items; see the head of this
 * file.  output has 16 * limbs bytes an item, messages 3 * size + 32. */
static void derive_nonces(const struct gostkey_curve *curve, uint64_t *k,
                          uint8_t *output, uint8_t *messages,
                          const uint8_t *private_le, size_t stride,
                          const uint8_t *digests, const uint8_t *fresh, uint64_t first,
                          unsigned counter, size_t count)
{
    const struct nonce_message at = nonce_message(curve);
    size_t size = 8 * curve->limbs, parts = curve->limbs / 4;

    for (size_t i = 0; i < count; i++) {
        uint8_t *message = messages + at.length * i;

        memcpy(message, private_le + stride * i, size);
        memcpy(message + at.fresh, fresh, size);
        memcpy(message + at.digest, digests + size * i, size);
        memcpy(message + at.tag, nonce_tag, sizeof nonce_tag);
        message[at.last] = (uint8_t)(curve - gostkey_curves);
        message[at.last + 1] = (uint8_t)counter;
        gostkey_store64_le(message + at.last + 3, first + i);
    }
    for (size_t part = 0; part < parts; part++) {
        for (size_t i = 0; i < count; i++) {
            messages[at.length * i + at.last + 2] = (uint8_t)part;
        }
        gostkey_streebog_many(64, output + 64 * count * part, messages, at.length,
                              count);
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
    const struct gostkey_curve *curve = find(curve_number);
    struct room room;
    size_t size, limbs, words;
    int status = GOSTKEY_ELLIPTIC_OK;

    if (curve == NULL || (private_stride != 0 && private_stride != 8 * curve->limbs)) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    limbs = curve->limbs;
    size = 8 * limbs;
    words = 4 * limbs + 2 * limbs + (3 * size + 32) / 8;
    room_open(&room, n, words);
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
    room_close(&room, words);
    return status;
}

int gostkey_elliptic_sign_with_nonce(int curve_number, uint8_t *out,
                                     const uint8_t *private_le, const uint8_t *digest,
                                     const uint8_t *nonce_le)
{
    const struct gostkey_curve *curve = find(curve_number);
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

/* xy := public key, if it is one; return OK or what is wrong. */
static int load_public_var(const struct gostkey_curve *curve, uint64_t *xy,
                           const uint8_t *public_le)
{
    load_point(curve, xy, public_le);
    if (!gostkey_scalar_mask_less(curve, xy, curve->p) ||
        !gostkey_scalar_mask_less(curve, xy + curve->limbs, curve->p)) {
        return GOSTKEY_ELLIPTIC_COORDINATE;
    }
    if (!gostkey_ops(curve)->is_on_curve_var(curve, xy)) {
        return GOSTKEY_ELLIPTIC_NOT_ON_CURVE;
    }
    if (curve->cofactor != 1 && !gostkey_ops(curve)->is_in_subgroup_var(curve, xy)) {
        return GOSTKEY_ELLIPTIC_SUBGROUP;
    }
    return GOSTKEY_ELLIPTIC_OK;
}

int gostkey_elliptic_point_fault_var(int curve_number, const uint8_t *public_le)
{
    const struct gostkey_curve *curve = find(curve_number);
    uint64_t xy[2 * MAX];

    if (curve == NULL) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    return load_public_var(curve, xy, public_le);
}

/* Items of a chunk that are left after what can be told without curve arithmetic;
 * arrays of `limbs` words an item, in the order of places. */
struct to_check {
    uint64_t *xy, *r, *s, *e;
    uint16_t *places; /* in the chunk; CHUNK fits 16 bits */
    uint8_t *good;
    size_t count;
};

/* good of each item that is left := whether its signature is. */
static void check_items_var(const struct gostkey_curve *curve,
                            const struct to_check *items, int one_key)
{
    if (items->count == 0) {
        return;
    }
    gostkey_scalars(curve)->divide_var(curve, items->s, items->e, items->r, items->count);
    gostkey_ops(curve)->check_many_var(curve, items->good, items->xy, one_key, items->s,
                                       items->e, items->r, items->count);
}

int gostkey_elliptic_verify_var(int curve_number, uint8_t *out,
                                const uint8_t *public_le, size_t public_stride,
                                const uint8_t *digests, const uint8_t *signatures,
                                size_t n)
{
    const struct gostkey_curve *curve = find(curve_number);
    const int one_key = public_stride == 0;
    struct to_check items;
    struct room room;
    size_t size, limbs, words;
    int key_is_good = 0;

    if (curve == NULL || (!one_key && public_stride != 16 * curve->limbs)) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    limbs = curve->limbs;
    size = 8 * limbs;
    words = 5 * limbs + 1;
    memset(out, 0, n);
    room_open(&room, n, words);
    items.xy = room.words;
    items.r = items.xy + 2 * limbs * room.count;
    items.s = items.r + limbs * room.count;
    items.e = items.s + limbs * room.count;
    items.places = (uint16_t *)(items.e + limbs * room.count);
    items.good = (uint8_t *)(items.places + room.count);
    for (size_t done = 0; done < n;) {
        size_t chunk = n - done < room.count ? n - done : room.count;

        items.count = 0;
        for (size_t i = 0; i < chunk; i++) {
            const uint8_t *signature = signatures + 2 * size * (done + i);
            uint64_t *r = items.r + limbs * items.count;
            uint64_t *s = items.s + limbs * items.count;
            uint64_t *xy = items.xy + (one_key ? 0 : 2 * limbs * items.count);

            if (!one_key || done + i == 0) {
                key_is_good = load_public_var(curve, xy, public_le + public_stride *
                                              (done + i)) == GOSTKEY_ELLIPTIC_OK;
            }
            gostkey_scalar_load_be(curve, s, signature);
            gostkey_scalar_load_be(curve, r, signature + size);
            if (!key_is_good || !gostkey_scalar_mask_valid(curve, r) ||
                !gostkey_scalar_mask_valid(curve, s)) {
                continue;
            }
            gostkey_scalar_load_le(curve, items.e + limbs * items.count,
                                   digests + size * (done + i));
            items.places[items.count++] = (uint16_t)i;
        }
        check_items_var(curve, &items, one_key);
        for (size_t i = 0; i < items.count; i++) {
            out[done + items.places[i]] = items.good[i];
        }
        done += chunk;
    }
    room_close(&room, words);
    return GOSTKEY_ELLIPTIC_OK;
}

int gostkey_elliptic_vko_point(int curve_number, uint8_t *out,
                               const uint8_t *private_le, const uint8_t *public_le,
                               const uint8_t *ukm_le, size_t ukm_length)
{
    const struct gostkey_curve *curve = find(curve_number);
    uint8_t padded[GOSTKEY_MAX_SIZE] = {0};
    uint64_t d[MAX], ukm[MAX], scalar[MAX], xyz[3 * MAX], xy[2 * MAX];
    int status;

    if (curve == NULL || ukm_length < 1 || ukm_length > 8 * curve->limbs) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    memset(out, 0, 16 * curve->limbs);
    status = load_public_var(curve, xy, public_le);
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
    const struct gostkey_curve *curve = find(curve_number);
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
                                    const uint8_t *b_le)
{
    const struct gostkey_curve *curve = find(curve_number);
    uint64_t a[MAX], b[MAX];

    if (curve == NULL) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    gostkey_scalar_load_le(curve, a, a_le);
    gostkey_scalar_load_le(curve, b, b_le);
    gostkey_scalar_reduce(curve, b, b);
    gostkey_scalar_multiply(curve, a, a, b);
    gostkey_scalar_store_le(curve, out, a);
    gostkey_wipe(a, sizeof a);
    gostkey_wipe(b, sizeof b);
    return GOSTKEY_ELLIPTIC_OK;
}

int gostkey_elliptic_divide_mod_q(int curve_number, uint8_t *out, const uint8_t *a_le,
                                  const uint8_t *b_le)
{
    const struct gostkey_curve *curve = find(curve_number);
    uint64_t a[MAX], b[MAX];
    uint64_t zero;
    int status = GOSTKEY_ELLIPTIC_OK;

    if (curve == NULL) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    gostkey_scalar_load_le(curve, a, a_le);
    gostkey_scalar_load_le(curve, b, b_le);
    gostkey_scalar_reduce(curve, b, b);
    /* The caller is told that the divisor is 0. */
    zero = gostkey_scalar_mask_zero(curve, b);
    gostkey_declassify(&zero, sizeof zero);
    if (zero) {
        memset(out, 0, 8 * curve->limbs);
        status = GOSTKEY_ELLIPTIC_DIVISOR;
    } else {
        gostkey_scalar_invert(curve, b, b);
        gostkey_scalar_multiply(curve, a, a, b);
        gostkey_scalar_store_le(curve, out, a);
    }
    gostkey_wipe(a, sizeof a);
    gostkey_wipe(b, sizeof b);
    return status;
}
