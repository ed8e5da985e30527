/* Points over the field of field.h: a template with it, for multiples.h.
 *
 * Jacobian coordinates: x = X / Z^2, y = Y / Z^3; Z = 0 is infinity.
 *
 * Sources: [EFD] Explicit-Formulas Database, short Weierstrass, Jacobian:
 * dbl-2001-b, add-1998-cmo-2 (and its mixed form). */

#include "wipe.h"

struct affine {
    struct fe x, y;
};

struct jacobian {
    struct fe x, y, z;
};

/* The curve's numbers in the field's form; multiples.h keeps them. */
struct coefficients {
    struct fe a, b, one;
};

static const struct coefficients *coefficients_of(const struct gostkey_curve *curve);

/* z := 2 x; also for infinity and points of order 2.  The usual formulas [EFD] with
 * Z halved, which takes four of their doublings away:
 *
 *     alpha = (3 X^2 + a Z^4) / 2, gamma = Y^2, beta = X gamma
 *     X' = alpha^2 - 2 beta, Y' = alpha (beta - X') - gamma^2, Z' = Y Z */
static void point_double(struct jacobian *z, const struct jacobian *x,
                         const struct gostkey_curve *curve)
{
    struct fe alpha, beta, gamma, delta, t;

    fe_square(&delta, &x->z, curve);
    fe_square(&gamma, &x->y, curve);
    if (curve->a_is_minus_3) {
        /* alpha = 3 / 2 (X - Z^2)(X + Z^2) */
        fe_add(&t, &x->x, &delta, curve);
        fe_subtract(&alpha, &x->x, &delta, curve);
        fe_multiply(&beta, &x->x, &gamma, curve);
        fe_multiply(&t, &t, &alpha, curve);
        fe_halve(&alpha, &t, curve);
        fe_add(&alpha, &alpha, &t, curve);
    } else {
        fe_square(&t, &x->x, curve);
        fe_square(&delta, &delta, curve);
        fe_multiply(&beta, &x->x, &gamma, curve);
        fe_double(&alpha, &t, curve);
        fe_add(&alpha, &alpha, &t, curve);
        fe_multiply(&t, &delta, &coefficients_of(curve)->a, curve);
        fe_add(&alpha, &alpha, &t, curve);
        fe_halve(&alpha, &alpha, curve);
    }
    fe_square(&t, &alpha, curve);
    fe_multiply(&z->z, &x->y, &x->z, curve);
    fe_subtract_twice(&z->x, &t, &beta, curve);
    fe_subtract(&beta, &beta, &z->x, curve);
    fe_square(&gamma, &gamma, curve);
    fe_multiply(&alpha, &alpha, &beta, curve);
    fe_subtract(&z->y, &alpha, &gamma, curve);
}

/* z := x + y for points that are neither equal nor opposite nor infinity; h and r
 * are left for callers that cannot know: both 0 if the points are equal, h alone
 * if they are opposite (and then Z is 0, which is right). */
static void point_add(struct jacobian *z, const struct jacobian *x,
                      const struct affine *y, struct fe *h, struct fe *r,
                      const struct gostkey_curve *curve)
{
    struct fe hh, v, t;

    fe_square(&t, &x->z, curve);
    fe_multiply(h, &y->x, &t, curve);
    fe_subtract(h, h, &x->x, curve);
    fe_multiply(&t, &t, &x->z, curve);
    fe_multiply(r, &y->y, &t, curve);
    fe_subtract(r, r, &x->y, curve);
    fe_square(&hh, h, curve);
    fe_multiply(&v, &x->x, &hh, curve);
    fe_multiply(&hh, &hh, h, curve); /* h^3 */
    fe_multiply(&z->z, &x->z, h, curve);
    fe_multiply(&t, &x->y, &hh, curve);
    fe_square(&z->x, r, curve);
    fe_subtract_also_twice(&z->x, &z->x, &hh, &v, curve);
    fe_subtract(&v, &v, &z->x, curve);
    fe_multiply(&v, &v, r, curve);
    fe_subtract(&z->y, &v, &t, curve);
}

/* z := x + y, where y may equal x, but is not opposite and neither is infinity. */
static void point_add_or_double(struct jacobian *z, const struct jacobian *x,
                                const struct affine *y,
                                const struct gostkey_curve *curve)
{
    struct jacobian twice;
    struct fe h, r;
    uint64_t equal;

    point_double(&twice, x, curve);
    point_add(z, x, y, &h, &r, curve);
    equal = fe_mask_zero(&h, curve);
    fe_select(&z->x, equal, &twice.x, &z->x);
    fe_select(&z->y, equal, &twice.y, &z->y);
    fe_select(&z->z, equal, &twice.z, &z->z);
    gostkey_wipe(&twice, sizeof twice);
}

static int is_infinity_var(const struct jacobian *x, const struct gostkey_curve *curve)
{
    return fe_mask_zero(&x->z, curve) != 0;
}

/* z := x + y, any points. */
static void point_add_affine_var(struct jacobian *z, const struct jacobian *x,
                                 const struct affine *y,
                                 const struct gostkey_curve *curve)
{
    struct jacobian sum;
    struct fe h, r;

    if (is_infinity_var(x, curve)) {
        z->x = y->x;
        z->y = y->y;
        z->z = coefficients_of(curve)->one;
        return;
    }
    point_add(&sum, x, y, &h, &r, curve);
    if (fe_mask_zero(&h, curve) && fe_mask_zero(&r, curve)) {
        point_double(z, x, curve);
    } else {
        *z = sum;
    }
}

/* z := x + y, any points. */
static void point_add_var(struct jacobian *z, const struct jacobian *x,
                          const struct jacobian *y, const struct gostkey_curve *curve)
{
    struct jacobian left;
    struct affine right;
    struct fe zz, h, r;
    struct jacobian sum;

    if (is_infinity_var(x, curve)) {
        *z = *y;
        return;
    }
    if (is_infinity_var(y, curve)) {
        *z = *x;
        return;
    }
    /* Scale both to the common Z of their product: x by y's, and y, whose own Z
     * then counts as 1, stays.  The sum's Z gets y's factor in the end. */
    fe_square(&zz, &y->z, curve);
    fe_multiply(&left.x, &x->x, &zz, curve);
    fe_multiply(&zz, &zz, &y->z, curve);
    fe_multiply(&left.y, &x->y, &zz, curve);
    left.z = x->z;
    right.x = y->x;
    right.y = y->y;
    point_add(&sum, &left, &right, &h, &r, curve);
    if (fe_mask_zero(&h, curve) && fe_mask_zero(&r, curve)) {
        point_double(z, x, curve);
        return;
    }
    fe_multiply(&sum.z, &sum.z, &y->z, curve);
    *z = sum;
}

/* xy[i] := xyz[i] in the field's form, for n points that are not infinity. */
static void points_to_affine(struct affine *xy, const struct jacobian *xyz, size_t n,
                             const struct gostkey_curve *curve)
{
    struct fe inverse, here, t;

    if (n == 0) {
        return;
    }
    /* xy[i].x = Z[0] ... Z[i], until the way back puts the result there. */
    xy[0].x = xyz[0].z;
    for (size_t i = 1; i < n; i++) {
        fe_multiply(&xy[i].x, &xy[i - 1].x, &xyz[i].z, curve);
    }
    fe_invert(&inverse, &xy[n - 1].x, curve);
    for (size_t i = n; i-- > 0;) {
        if (i > 0) {
            fe_multiply(&here, &inverse, &xy[i - 1].x, curve);
            fe_multiply(&inverse, &inverse, &xyz[i].z, curve);
        } else {
            here = inverse;
        }
        fe_square(&t, &here, curve);
        fe_multiply(&xy[i].x, &xyz[i].x, &t, curve);
        fe_multiply(&t, &t, &here, curve);
        fe_multiply(&xy[i].y, &xyz[i].y, &t, curve);
    }
    gostkey_wipe(&inverse, sizeof inverse);
    gostkey_wipe(&here, sizeof here);
    gostkey_wipe(&t, sizeof t);
}

/* z[j] := (2 j + 1) x for j < count; x is neither infinity nor of order 2.  None
 * of these is infinity: the order of x is q, 2 q, 4 q or 4. */
static void odd_multiples_var(struct jacobian *z, const struct jacobian *x,
                              size_t count, const struct gostkey_curve *curve)
{
    struct jacobian two;

    z[0] = *x;
    point_double(&two, x, curve);
    for (size_t j = 1; j < count; j++) {
        point_add_var(&z[j], &z[j - 1], &two, curve);
    }
}
