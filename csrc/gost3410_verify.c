/* GOST R 34.10-2012 with public keys: whether a point is one, and verification.  All data
 * are public, so times may depend on them.
 *
 * Works in chunks: what can be told without curve arithmetic first, then all that are left
 * together, as the kernels share their divisions.
 *
 * Sources: [GOST34.10-2012, 6.2] (RFC 7091), [RFC9215]. */

#include "gost3410.h"

#include <string.h>

#include "gostkey_elliptic.h"
#include "kernels.h"
#include "scalar.h"

static void load_point(const struct gostkey_curve *curve, uint64_t *xy,
                       const uint8_t *public_le)
{
    gostkey_scalar_load_le(curve, xy, public_le);
    gostkey_scalar_load_le(curve, xy + curve->limbs, public_le + 8 * curve->limbs);
}

int gostkey_load_public_var(const struct gostkey_curve *curve, uint64_t *xy,
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
    const struct gostkey_curve *curve = gostkey_prepared_curve(curve_number);
    uint64_t xy[2 * MAX];

    if (curve == NULL) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    return gostkey_load_public_var(curve, xy, public_le);
}

/* Items of a chunk that are left after what can be told without curve arithmetic;
 * arrays of `limbs` words an item, in the order of places. */
struct to_check {
    uint64_t *xy, *r, *s, *e;
    uint16_t *places; /* in the chunk; CHUNK fits 16 bits */
    uint8_t *good, *is_key;
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

/* is_key[i] := whether the i-th point is a public key; xy := it, or (0, 0), which is on no
 * curve of ours, where a coordinate is not below p. */
static void load_publics_var(const struct gostkey_curve *curve, uint8_t *is_key,
                             uint64_t *xy, const uint8_t *public_le, size_t count)
{
    const size_t limbs = curve->limbs;

    for (size_t i = 0; i < count; i++) {
        uint64_t *point = xy + 2 * limbs * i;

        load_point(curve, point, public_le + 16 * limbs * i);
        if (!gostkey_scalar_mask_less(curve, point, curve->p) ||
            !gostkey_scalar_mask_less(curve, point + limbs, curve->p)) {
            memset(point, 0, 16 * limbs);
        }
    }
    gostkey_ops(curve)->check_points_var(curve, is_key, xy, count);
}

int gostkey_elliptic_verify_var(int curve_number, uint8_t *out,
                                const uint8_t *public_le, size_t public_stride,
                                const uint8_t *digests, const uint8_t *signatures,
                                size_t n)
{
    const struct gostkey_curve *curve = gostkey_prepared_curve(curve_number);
    const int one_key = public_stride == 0;
    struct to_check items;
    struct gostkey_room room;
    size_t size, limbs, words;

    if (curve == NULL || (!one_key && public_stride != 16 * curve->limbs)) {
        return GOSTKEY_ELLIPTIC_ARGUMENT;
    }
    limbs = curve->limbs;
    size = 8 * limbs;
    words = 5 * limbs + 1;
    memset(out, 0, n);
    gostkey_room_open(&room, n, words);
    items.xy = room.words;
    items.r = items.xy + 2 * limbs * room.count;
    items.s = items.r + limbs * room.count;
    items.e = items.s + limbs * room.count;
    items.places = (uint16_t *)(items.e + limbs * room.count);
    items.good = (uint8_t *)(items.places + room.count);
    items.is_key = items.good + room.count;
    if (one_key && n > 0) {
        load_publics_var(curve, items.is_key, items.xy, public_le, 1);
    }
    for (size_t done = 0; done < n;) {
        size_t chunk = n - done < room.count ? n - done : room.count;

        items.count = 0;
        if (!one_key) {
            load_publics_var(curve, items.is_key, items.xy,
                             public_le + public_stride * done, chunk);
        }
        for (size_t i = 0; i < chunk; i++) {
            const uint8_t *signature = signatures + 2 * size * (done + i);
            uint64_t *r = items.r + limbs * items.count;
            uint64_t *s = items.s + limbs * items.count;

            gostkey_scalar_load_be(curve, s, signature);
            gostkey_scalar_load_be(curve, r, signature + size);
            if (!items.is_key[one_key ? 0 : i] || !gostkey_scalar_mask_valid(curve, r) ||
                !gostkey_scalar_mask_valid(curve, s)) {
                continue;
            }
            gostkey_scalar_load_le(curve, items.e + limbs * items.count,
                                   digests + size * (done + i));
            if (!one_key && items.count != i) {
                memcpy(items.xy + 2 * limbs * items.count, items.xy + 2 * limbs * i,
                       16 * limbs);
            }
            items.places[items.count++] = (uint16_t)i;
        }
        check_items_var(curve, &items, one_key);
        for (size_t i = 0; i < items.count; i++) {
            out[done + items.places[i]] = items.good[i];
        }
        done += chunk;
    }
    gostkey_room_close(&room, words);
    return GOSTKEY_ELLIPTIC_OK;
}
