/* Multiples of points, and the struct gostkey_curve_ops made of them: a template
 * with field.h and point.h.  The file that includes all three also defines
 *
 *     GOSTKEY_OPS     name of the struct gostkey_curve_ops to define
 *     GOSTKEY_SLOTS   how many curves share this field
 *
 * comb.h has the base point's multiples, batch.h many of them at once, verify.h what
 * is done with public data only. */

#include "comb.h"

#include "batch.h"

#include "verify.h"

/* From the top: sum := 2^V sum + d[i] Q.  The old sum s is odd and positive, since
 * it is (k >> V (i + 1)) | 1, so 2^V s is more than |d[i]| and not its equal or
 * opposite as integers; for i > 0 both together are below q, hence nor mod q.
 * For i = 0, 2^V s + d[0] = k is not 0 mod q; 2^V s - d[0] = k - 2 d[0] is odd, and is
 * q for k = q - 2 t with one odd t < 2^V at most: a doubling. */
static void multiply(const struct gostkey_curve *curve, uint64_t *xyz,
                     const uint64_t *k, const uint64_t *xy)
{
    enum { V = 5, ODD = 1 << (V - 1) };
    size_t windows = windows_of(curve, V);
    struct jacobian sum, jacobians[ODD];
    struct affine entry, table[ODD];
    struct fe h, r;
    uint64_t odd[LIMBS];
    uint64_t negative, place;
    uint64_t flipped = make_odd(odd, k, curve);

    point_from_plain(&entry, xy, curve);
    sum.x = entry.x;
    sum.y = entry.y;
    sum.z = coefficients_of(curve)->one;
    odd_multiples_var(jacobians, &sum, ODD, curve);
    points_to_affine(table, jacobians, ODD, curve);

    place = odd_digit(&negative, odd, windows - 1, windows, V);
    look_up(&entry, table, ODD, place, negative, curve);
    sum.x = entry.x;
    sum.y = entry.y;
    for (size_t i = windows - 1; i-- > 0;) {
        for (int j = 0; j < V; j++) {
            point_double(&sum, &sum, curve);
        }
        place = odd_digit(&negative, odd, i, windows, V);
        look_up(&entry, table, ODD, place, negative, curve);
        if (i > 0) {
            point_add(&sum, &sum, &entry, &h, &r, curve);
        } else {
            point_add_or_double(&sum, &sum, &entry, curve);
        }
    }
    fe_negate(&h, &sum.y, curve);
    fe_select(&sum.y, flipped, &h, &sum.y);
    store_jacobian(xyz, &sum);
    gostkey_wipe(&sum, sizeof sum);
    gostkey_wipe(&entry, sizeof entry);
    gostkey_wipe(&h, sizeof h);
    gostkey_wipe(&r, sizeof r);
    gostkey_wipe(odd, sizeof odd);
}

static void to_affine(const struct gostkey_curve *curve, uint64_t *xy,
                      const uint64_t *xyz, size_t n)
{
    enum { CHUNK = 32 };
    struct jacobian points[CHUNK];
    struct affine out[CHUNK];

    for (size_t done = 0; done < n;) {
        size_t count = n - done < CHUNK ? n - done : CHUNK;

        for (size_t i = 0; i < count; i++) {
            const uint64_t *from = xyz + 3 * LIMBS * (done + i);

            memcpy(points[i].x.v, from, sizeof points[i].x.v);
            memcpy(points[i].y.v, from + LIMBS, sizeof points[i].y.v);
            memcpy(points[i].z.v, from + 2 * LIMBS, sizeof points[i].z.v);
        }
        points_to_affine(out, points, count, curve);
        for (size_t i = 0; i < count; i++) {
            fe_to_plain(xy + 2 * LIMBS * (done + i), &out[i].x, curve);
            fe_to_plain(xy + 2 * LIMBS * (done + i) + LIMBS, &out[i].y, curve);
        }
        done += count;
    }
    gostkey_wipe(points, sizeof points);
    gostkey_wipe(out, sizeof out);
}

static void check_points_var(const struct gostkey_curve *curve, uint8_t *good,
                             const uint64_t *xy, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint64_t *point = xy + 2 * LIMBS * i;

        good[i] = is_on_curve_var(curve, point) &&
                  (curve->cofactor == 1 || is_in_subgroup_var(curve, point));
    }
}

#if !defined(GOSTKEY_WITHOUT_OPS)

const struct gostkey_curve_ops GOSTKEY_OPS = {
    .prepare_var = prepare_var,
    .base_multiply = base_multiply,
    .multiply = multiply,
    .base_points = base_points,
    .to_affine = to_affine,
    .is_on_curve_var = is_on_curve_var,
    .is_in_subgroup_var = is_in_subgroup_var,
    .check_points_var = check_points_var,
    .check_var = check_var,
    .check_many_var = check_many_var,
};

#endif
