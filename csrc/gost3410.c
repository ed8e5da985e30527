/* GOST R 34.10-2012: keys, signatures with hedged nonces, verification, VKO.
 *
 * Works in chunks, so that the division that turns projective points into
 * affine ones is done once for many.
 *
 * The nonce.  With H = Streebog-512 and fixed-length fields,
 *
 *     wide = H(d || fresh || digest || tag || curve || counter || part)
 *     k    = 1 + wide mod (q - 1)
 *
 * where wide is one part for 32-byte curves and parts 0 and 1 for 64-byte
 * ones, read little-endian: twice the bits of q, so k is uniform up to 2^-250 if
 * H's output is uniform.  That it is for whoever does not know d, even if he
 * chose fresh, and for whoever does not know fresh, even if digests repeat.  The
 * digest keeps a repeated fresh from giving one k to two messages, the curve
 * keeps a key that is used on two curves from related ones.  The counter is 0
 * and goes up when r = 0 or s = 0.
 *
 * Sources: [GOST34.10-2012, 6.1 and 6.2] (RFC 7091), [RFC7836, 4.3], [RFC9215]. */

#include "gostkey_elliptic.h"

#include <string.h>

#include "bytes.h"
#include "ct.h"
#include "curve.h"
#include "scalar.h"
#include "streebog.h"
#include "wipe.h"

#define MAX GOSTKEY_MAX_LIMBS

enum { CHUNK = 32 };

static const uint8_t nonce_tag[15] = {'g', 'o', 's', 't', 'k', 'e', 'y', ' ',
                                      'n', 'o', 'n', 'c', 'e', ' ', '1'};

static int prepared[GOSTKEY_CURVE_COUNT];

/* The curve of that number, or NULL. */
static const struct gostkey_curve *find(int curve)
{
    if (curve < 0 || curve >= GOSTKEY_CURVE_COUNT || !prepared[curve]) {
        return NULL;
    }
    return &gostkey_curves[curve];
}

int gostkey_elliptic_prepare(int curve)
{
    if (curve < 0 || curve >= GOSTKEY_CURVE_COUNT) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    if (!prepared[curve]) {
        gostkey_curves[curve].ops->prepare_var(&gostkey_curves[curve]);
        prepared[curve] = 1;
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

/* z := e, the digest mod q, 0 becoming 1. */
static void load_digest(const struct gostkey_curve *curve, uint64_t *z,
                        const uint8_t *digest)
{
    gostkey_scalar_load_le(curve, z, digest);
    gostkey_scalar_reduce(curve, z, z);
    z[0] |= gostkey_scalar_mask_zero(curve, z) & 1;
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

int gostkey_elliptic_public_keys(int curve_number, uint8_t *out,
                                 const uint8_t *private_le, size_t n, size_t *bad)
{
    const struct gostkey_curve *curve = find(curve_number);
    uint64_t d[MAX], xyz[CHUNK * 3 * MAX], xy[CHUNK * 2 * MAX];
    size_t size, limbs;
    int status = GOSTKEY_ELLIPTIC_OK;

    if (curve == NULL) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    limbs = curve->limbs;
    size = 8 * limbs;
    for (size_t done = 0; done < n && status == GOSTKEY_ELLIPTIC_OK;) {
        size_t count = n - done < CHUNK ? n - done : CHUNK;

        for (size_t i = 0; i < count; i++) {
            if (!load_private(curve, d, private_le + size * (done + i))) {
                *bad = done + i;
                status = GOSTKEY_ELLIPTIC_PRIVATE_KEY;
                break;
            }
            curve->ops->base_multiply(curve, xyz + 3 * limbs * i, d);
        }
        if (status == GOSTKEY_ELLIPTIC_OK) {
            curve->ops->to_affine(curve, xy, xyz, count);
            for (size_t i = 0; i < count; i++) {
                store_point(curve, out + 2 * size * (done + i), xy + 2 * limbs * i);
            }
        }
        done += count;
    }
    if (status != GOSTKEY_ELLIPTIC_OK) {
        memset(out, 0, 2 * size * n);
    }
    gostkey_wipe(d, sizeof d);
    gostkey_wipe(xyz, sizeof xyz);
    return status;
}

/* k := the hedged nonce; see the head of this file. */
static void derive_nonce(const struct gostkey_curve *curve, uint64_t *k,
                         const uint8_t *private_le, const uint8_t *digest,
                         const uint8_t *fresh, unsigned counter)
{
    gostkey_streebog common;
    uint8_t output[2 * GOSTKEY_MAX_SIZE];
    uint8_t tail[3] = {(uint8_t)(curve - gostkey_curves), (uint8_t)counter, 0};
    uint64_t wide[2 * MAX];
    size_t size = 8 * curve->limbs;

    gostkey_streebog_init(&common, 64, 1);
    gostkey_streebog_update(&common, private_le, size);
    gostkey_streebog_update(&common, fresh, size);
    gostkey_streebog_update(&common, digest, size);
    gostkey_streebog_update(&common, nonce_tag, sizeof nonce_tag);
    for (unsigned part = 0; part < curve->limbs / 4; part++) {
        gostkey_streebog state = common;

        tail[2] = (uint8_t)part;
        gostkey_streebog_update(&state, tail, sizeof tail);
        gostkey_streebog_final(&state, output + 64 * part); /* wipes state */
    }
    for (unsigned i = 0; i < 2 * curve->limbs; i++) {
        wide[i] = gostkey_load64_le(output + 8 * i);
    }
    gostkey_scalar_from_wide(curve, k, wide);
    gostkey_wipe(&common, sizeof common);
    gostkey_wipe(output, sizeof output);
    gostkey_wipe(wide, sizeof wide);
}

/* out := s || r for the nonce k and the point x of k G; return 0, and zeros, if r or
 * s is 0.  r is public and so is whether a nonce had to be discarded. */
static int finish(const struct gostkey_curve *curve, uint8_t *out, const uint64_t *x,
                  const uint64_t *d, const uint64_t *k, const uint8_t *digest)
{
    uint64_t e[MAX], r[MAX], s[MAX], product[MAX];
    uint64_t zero;
    size_t size = 8 * curve->limbs;

    load_digest(curve, e, digest);
    gostkey_scalar_reduce(curve, r, x);
    gostkey_scalar_multiply(curve, s, r, d);
    gostkey_scalar_multiply(curve, product, k, e);
    gostkey_scalar_add(curve, s, s, product);
    zero = gostkey_scalar_mask_zero(curve, r) | gostkey_scalar_mask_zero(curve, s);
    gostkey_declassify(&zero, sizeof zero);
    if (zero) {
        memset(out, 0, 2 * size);
    } else {
        gostkey_scalar_store_be(curve, out, s);
        gostkey_scalar_store_be(curve, out + size, r);
    }
    gostkey_wipe(product, sizeof product);
    gostkey_wipe(s, sizeof s);
    return zero == 0;
}

/* Sign with one given nonce in 1..q-1; return 0 if it must be discarded. */
static int sign_once(const struct gostkey_curve *curve, uint8_t *out, const uint64_t *d,
                     const uint8_t *digest, const uint64_t *k)
{
    uint64_t xyz[3 * MAX], xy[2 * MAX];
    int good;

    curve->ops->base_multiply(curve, xyz, k);
    curve->ops->to_affine(curve, xy, xyz, 1);
    good = finish(curve, out, xy, d, k, digest);
    gostkey_wipe(xyz, sizeof xyz);
    return good;
}

int gostkey_elliptic_sign(int curve_number, uint8_t *out, const uint8_t *private_le,
                          size_t private_stride, const uint8_t *digests,
                          const uint8_t *fresh, size_t n, size_t *bad)
{
    const struct gostkey_curve *curve = find(curve_number);
    uint64_t d[MAX], k[CHUNK][MAX], xyz[CHUNK * 3 * MAX], xy[CHUNK * 2 * MAX];
    size_t size, limbs;
    int status = GOSTKEY_ELLIPTIC_OK;

    if (curve == NULL || (private_stride != 0 && private_stride != 8 * curve->limbs)) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    limbs = curve->limbs;
    size = 8 * limbs;
    for (size_t done = 0; done < n && status == GOSTKEY_ELLIPTIC_OK;) {
        size_t count = n - done < CHUNK ? n - done : CHUNK;

        for (size_t i = 0; i < count; i++) {
            size_t at = done + i;

            if (!load_private(curve, d, private_le + private_stride * at)) {
                *bad = at;
                status = GOSTKEY_ELLIPTIC_PRIVATE_KEY;
                break;
            }
            derive_nonce(curve, k[i], private_le + private_stride * at,
                         digests + size * at, fresh + size * at, 0);
            curve->ops->base_multiply(curve, xyz + 3 * limbs * i, k[i]);
        }
        if (status != GOSTKEY_ELLIPTIC_OK) {
            break;
        }
        curve->ops->to_affine(curve, xy, xyz, count);
        for (size_t i = 0; i < count; i++) {
            size_t at = done + i;
            unsigned counter = 0;
            int good;

            (void)load_private(curve, d, private_le + private_stride * at);
            good = finish(curve, out + 2 * size * at, xy + 2 * limbs * i, d, k[i],
                          digests + size * at);
            /* Once in 2^250 signatures; the counter cannot run out. */
            while (!good) {
                derive_nonce(curve, k[i], private_le + private_stride * at,
                             digests + size * at, fresh + size * at, ++counter);
                good = sign_once(curve, out + 2 * size * at, d, digests + size * at,
                                 k[i]);
            }
        }
        done += count;
    }
    if (status != GOSTKEY_ELLIPTIC_OK) {
        memset(out, 0, 2 * size * n);
    }
    gostkey_wipe(d, sizeof d);
    gostkey_wipe(k, sizeof k);
    gostkey_wipe(xyz, sizeof xyz);
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
    if (!curve->ops->is_on_curve_var(curve, xy)) {
        return GOSTKEY_ELLIPTIC_NOT_ON_CURVE;
    }
    if (curve->cofactor != 1 && !curve->ops->is_in_subgroup_var(curve, xy)) {
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

/* inverse[i] := 1 / e[i] mod q for count numbers that are not 0, with one inversion. */
static void invert_all(const struct gostkey_curve *curve, uint64_t inverse[][MAX],
                       uint64_t e[][MAX], size_t count)
{
    uint64_t rest[MAX];

    memcpy(inverse[0], e[0], sizeof inverse[0]);
    for (size_t i = 1; i < count; i++) {
        gostkey_scalar_multiply(curve, inverse[i], inverse[i - 1], e[i]);
    }
    gostkey_scalar_invert(curve, rest, inverse[count - 1]);
    for (size_t i = count - 1; i > 0; i--) {
        gostkey_scalar_multiply(curve, inverse[i], rest, inverse[i - 1]);
        gostkey_scalar_multiply(curve, rest, rest, e[i]);
    }
    memcpy(inverse[0], rest, sizeof inverse[0]);
}

int gostkey_elliptic_verify_var(int curve_number, uint8_t *out,
                                const uint8_t *public_le, size_t public_stride,
                                const uint8_t *digests, const uint8_t *signatures,
                                size_t n)
{
    const struct gostkey_curve *curve = find(curve_number);
    uint64_t e[CHUNK][MAX], inverse[CHUNK][MAX];
    uint64_t r[MAX], s[MAX], u[MAX], v[MAX], xy[2 * MAX];
    size_t size;
    int key_is_good = 0;

    if (curve == NULL || (public_stride != 0 && public_stride != 16 * curve->limbs)) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    size = 8 * curve->limbs;
    for (size_t done = 0; done < n;) {
        size_t count = n - done < CHUNK ? n - done : CHUNK;

        for (size_t i = 0; i < count; i++) {
            load_digest(curve, e[i], digests + size * (done + i));
        }
        invert_all(curve, inverse, e, count);
        for (size_t i = 0; i < count; i++) {
            size_t at = done + i;

            if (at == 0 || public_stride != 0) {
                const uint8_t *key = public_le + public_stride * at;

                key_is_good = load_public_var(curve, xy, key) == GOSTKEY_ELLIPTIC_OK;
            }
            gostkey_scalar_load_be(curve, s, signatures + 2 * size * at);
            gostkey_scalar_load_be(curve, r, signatures + 2 * size * at + size);
            out[at] = 0;
            if (key_is_good && gostkey_scalar_mask_valid(curve, r) &&
                gostkey_scalar_mask_valid(curve, s)) {
                gostkey_scalar_multiply(curve, u, s, inverse[i]);
                gostkey_scalar_multiply(curve, v, r, inverse[i]);
                gostkey_scalar_negate(curve, v, v);
                out[at] = (uint8_t)curve->ops->check_var(curve, xy, u, v, r);
            }
        }
        done += count;
    }
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
        curve->ops->multiply(curve, xyz, scalar, xy);
        curve->ops->to_affine(curve, xy, xyz, 1);
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
    uint64_t wide[2 * MAX] = {0}, d[MAX];

    if (curve == NULL) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    for (size_t i = 0; i < n; i++) {
        const uint8_t *from = wide_le + (8 * curve->limbs + 8) * i;

        for (unsigned j = 0; j <= curve->limbs; j++) {
            wide[j] = gostkey_load64_le(from + 8 * j);
        }
        gostkey_scalar_from_wide(curve, d, wide);
        gostkey_scalar_store_le(curve, out + 8 * curve->limbs * i, d);
    }
    gostkey_wipe(wide, sizeof wide);
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
