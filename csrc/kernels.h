/* The kernels in use: what kernels.c chooses between. */

#ifndef GOSTKEY_KERNELS_CHOICE_H
#define GOSTKEY_KERNELS_CHOICE_H

#include "curve.h"
#include "streebog.h"

struct gostkey_kernels {
    const char *family;
    unsigned features; /* of cpu.h: all that are needed */
    const char *ec256, *ec512;
    /* Or what it names for want of features. */
    const struct gostkey_streebog_kernel *streebog;
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

/* Place of the family in use among all of this build; below GOSTKEY_FAMILIES. */
#define GOSTKEY_FAMILIES 3
int gostkey_kernels_number(void);

/* The kernel of Streebog that is i-th of those that this machine can run, whatever
 * family it belongs to, or NULL if there are no more; and the choice of one.  For
 * tests: a family may have a kernel that only lesser machines take. */
const struct gostkey_streebog_kernel *gostkey_streebog_kernel_at(int i);
void gostkey_streebog_use(const struct gostkey_streebog_kernel *kernel);

#endif
