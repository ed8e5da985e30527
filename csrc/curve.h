/* The parameter sets and what a field's code offers for them.
 *
 * Numbers are arrays of `limbs` 64-bit words, least significant first, 4 for
 * the 256-bit sets and 8 for the 512-bit ones; arrays that serve both have 8.
 * "Plain" means the number itself, below its modulus, not in Montgomery form. */

#ifndef GOSTKEY_CURVE_H
#define GOSTKEY_CURVE_H

#include <stddef.h>
#include <stdint.h>

#define GOSTKEY_MAX_LIMBS 8
#define GOSTKEY_MAX_SIZE 64

struct gostkey_curve {
    unsigned slot;     /* which table of its field's own is this curve's */
    unsigned limbs;    /* 4 or 8 */
    unsigned q_bits;   /* length of q */
    unsigned cofactor; /* 1 or 4 */
    int a_is_minus_3;
    uint64_t p[GOSTKEY_MAX_LIMBS];
    uint64_t a[GOSTKEY_MAX_LIMBS];
    uint64_t b[GOSTKEY_MAX_LIMBS];
    uint64_t x[GOSTKEY_MAX_LIMBS]; /* base point; x = 0 for tc26-256-d */
    uint64_t y[GOSTKEY_MAX_LIMBS];
    uint64_t q[GOSTKEY_MAX_LIMBS];
    /* With cofactor 4: the x of the points of order 2 and of order 4. */
    uint64_t order2_x[GOSTKEY_MAX_LIMBS];
    uint64_t order4_x[GOSTKEY_MAX_LIMBS];
    /* Montgomery constants, R = 2^(64 limbs). */
    uint64_t p_negative_inverse;          /* -1/p mod 2^64 */
    uint64_t p_r2[GOSTKEY_MAX_LIMBS];     /* R^2 mod p */
    uint64_t q_negative_inverse;          /* -1/q mod 2^64 */
    uint64_t q_r2[GOSTKEY_MAX_LIMBS];     /* R^2 mod q */
};

/* What multiples.h makes of a field, and a kernel does faster.  A point xyz is 3 * limbs words, Jacobian and in
 * the field's own form; a point xy is 2 * limbs words, affine and plain.  All
 * need prepare() to have been called for the curve. */
struct gostkey_curve_ops {
    /* Build the table of the base point; takes milliseconds, variable time.
     * Not to be called by two threads at once. */
    void (*prepare_var)(const struct gostkey_curve *curve);

    /* xyz := k G for 1 <= k < q.  Timing: constant. */
    void (*base_multiply)(const struct gostkey_curve *curve, uint64_t *xyz,
                          const uint64_t *k);

    /* xyz := k (x, y) for 1 <= k < q and a point of order q.
     * Timing: constant in k; the point is public. */
    void (*multiply)(const struct gostkey_curve *curve, uint64_t *xyz,
                     const uint64_t *k, const uint64_t *xy);

    /* xy[i] := k[i] G, affine and plain, for n scalars 1 <= k < q of `limbs` words
     * each.  Timing: constant. */
    void (*base_points)(const struct gostkey_curve *curve, uint64_t *xy,
                        const uint64_t *k, size_t n);

    /* xy[i] := xyz[i] for n points, none of them infinity, with one inversion for
     * all.  Timing: constant. */
    void (*to_affine)(const struct gostkey_curve *curve, uint64_t *xy,
                      const uint64_t *xyz, size_t n);

    /* 1 if the coordinates, below p, fulfil the equation; else 0. */
    int (*is_on_curve_var)(const struct gostkey_curve *curve, const uint64_t *xy);

    /* 1 if q times this point of the curve is infinity; else 0. */
    int (*is_in_subgroup_var)(const struct gostkey_curve *curve, const uint64_t *xy);

    /* good[i] := 1 if n points, coordinates below p, are on the curve and q times them is
     * infinity; else 0. */
    void (*check_points_var)(const struct gostkey_curve *curve, uint8_t *good,
                             const uint64_t *xy, size_t n);

    /* 1 if u G + v (x, y) is not infinity and its x is r mod q; else 0.
     * u, v, r < q; the point is on the curve. */
    int (*check_var)(const struct gostkey_curve *curve, const uint64_t *xy,
                     const uint64_t *u, const uint64_t *v, const uint64_t *r);

    /* good[i] := check_var of the i-th of everything; n items of `limbs` words, and of
     * 2 * limbs for points, or one point for all if one_point is not 0. */
    void (*check_many_var)(const struct gostkey_curve *curve, uint8_t *good,
                           const uint64_t *xy, int one_point, const uint64_t *u,
                           const uint64_t *v, const uint64_t *r, size_t n);
};

#define GOSTKEY_CURVE_COUNT 9

/* In the order of primitives.CURVES in Python.  Made by make_curves.py. */
extern const struct gostkey_curve gostkey_curves[GOSTKEY_CURVE_COUNT];

/* One for each shape of p; named after limbs and p.  kernels.c knows which
 * curve has which. */
extern const struct gostkey_curve_ops gostkey_curve256_minus617;
extern const struct gostkey_curve_ops gostkey_curve256_plus;
extern const struct gostkey_curve_ops gostkey_curve256_any;
extern const struct gostkey_curve_ops gostkey_curve512_minus569;
extern const struct gostkey_curve_ops gostkey_curve512_plus111;
extern const struct gostkey_curve_ops gostkey_curve512_any;

/* The same for processors with AVX2, BMI2 and ADX, where target.h has them. */
extern const struct gostkey_curve_ops gostkey_curve256_minus617_mulx;
extern const struct gostkey_curve_ops gostkey_curve256_plus_mulx;
extern const struct gostkey_curve_ops gostkey_curve256_any_mulx;
extern const struct gostkey_curve_ops gostkey_curve512_minus569_mulx;
extern const struct gostkey_curve_ops gostkey_curve512_plus111_mulx;
extern const struct gostkey_curve_ops gostkey_curve512_any_mulx;

/* The same with AVX-512 IFMA, where target.h has it. */
extern const struct gostkey_curve_ops gostkey_curve256_minus_avx512;
extern const struct gostkey_curve_ops gostkey_curve256_plus_avx512;
extern const struct gostkey_curve_ops gostkey_curve256_any_avx512;
extern const struct gostkey_curve_ops gostkey_curve512_minus_avx512;
extern const struct gostkey_curve_ops gostkey_curve512_plus_avx512;
extern const struct gostkey_curve_ops gostkey_curve512_any_avx512;

#endif
