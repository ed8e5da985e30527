/* The struct gostkey_curve_ops made of the AVX-512 templates; what they do not do is
 * left to the scalar code.  The including file also defines
 *
 *     GOSTKEY_OPS      name of the struct gostkey_curve_ops to define */

static void base_multiply(const struct gostkey_curve *curve, uint64_t *xyz,
                          const uint64_t *k)
{
    GOSTKEY_SCALAR.base_multiply(curve, xyz, k);
}

static void multiply(const struct gostkey_curve *curve, uint64_t *xyz,
                     const uint64_t *k, const uint64_t *xy)
{
    GOSTKEY_SCALAR.multiply(curve, xyz, k, xy);
}

static void to_affine(const struct gostkey_curve *curve, uint64_t *xy,
                      const uint64_t *xyz, size_t n)
{
    GOSTKEY_SCALAR.to_affine(curve, xy, xyz, n);
}

static int is_on_curve_var(const struct gostkey_curve *curve, const uint64_t *xy)
{
    return GOSTKEY_SCALAR.is_on_curve_var(curve, xy);
}

static int is_in_subgroup_var(const struct gostkey_curve *curve, const uint64_t *xy)
{
    return GOSTKEY_SCALAR.is_in_subgroup_var(curve, xy);
}

static int check_var(const struct gostkey_curve *curve, const uint64_t *xy,
                     const uint64_t *u, const uint64_t *v, const uint64_t *r)
{
    return GOSTKEY_SCALAR.check_var(curve, xy, u, v, r);
}

static void prepare_var(const struct gostkey_curve *curve)
{
    base_prepare_var(curve);
    singles_prepare_var(curve);
    verify_prepare_var(curve);
}

static void points(const struct gostkey_curve *curve, uint64_t *xy, const uint64_t *k,
                   size_t n)
{
    if (n < LEAST_KEYS) {
        base_points_few(curve, xy, k, n);
    } else {
        base_points(curve, xy, k, n);
    }
}

#if !defined(GOSTKEY_WITHOUT_OPS)

const struct gostkey_curve_ops GOSTKEY_OPS = {
    .prepare_var = prepare_var,
    .base_multiply = base_multiply,
    .multiply = multiply,
    .base_points = points,
    .to_affine = to_affine,
    .is_on_curve_var = is_on_curve_var,
    .is_in_subgroup_var = is_in_subgroup_var,
    .check_points_var = check_points_var,
    .check_var = check_var,
    .check_many_var = check_many_var,
};

#endif
