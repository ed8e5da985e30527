/* The kernels in use: what kernels.c chooses between. */

#ifndef GOSTKEY_KERNELS_CHOICE_H
#define GOSTKEY_KERNELS_CHOICE_H

#include "curve.h"
#include "scalar.h"

struct gostkey_kernels {
    const char *family;
    unsigned features; /* of cpu.h: all that are needed */
    const char *ec256, *ec512, *streebog;
    /* For 4 and for 8 limbs. */
    const struct gostkey_scalar_ops *scalar256, *scalar512;
    /* For each curve, in the order of gostkey_curves. */
    const struct gostkey_curve_ops *ops[GOSTKEY_CURVE_COUNT];
};

/* Set by gostkey_kernels_select, read by everything else. */
extern const struct gostkey_kernels *gostkey_kernels;

/* What the family in use does for a curve. */
static inline const struct gostkey_curve_ops *gostkey_ops(
    const struct gostkey_curve *curve)
{
    return gostkey_kernels->ops[curve - gostkey_curves];
}

/* The same for numbers mod q. */
static inline const struct gostkey_scalar_ops *gostkey_scalars(
    const struct gostkey_curve *curve)
{
    return curve->limbs == 4 ? gostkey_kernels->scalar256 : gostkey_kernels->scalar512;
}

/* Place of the family in use among all of this build; below GOSTKEY_FAMILIES. */
#define GOSTKEY_FAMILIES 4
int gostkey_kernels_number(void);

#endif
