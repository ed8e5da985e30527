/* The kernels in use: what kernels.c chooses between. */

#ifndef GOSTKEY_KERNELS_CHOICE_H
#define GOSTKEY_KERNELS_CHOICE_H

#include "curve.h"
#include "gostr3411_94.h"
#include "scalar.h"
#include "streebog.h"

/* What arithmetic on curves is done with. */
struct gostkey_curve_kernels {
    const char *ec256, *ec512;
    /* For 4 and for 8 limbs. */
    const struct gostkey_scalar_ops *scalar256, *scalar512;
    /* For each curve, in the order of gostkey_curves. */
    const struct gostkey_curve_ops *ops[GOSTKEY_CURVE_COUNT];
};

struct gostkey_kernels {
    const char *family;
    unsigned features; /* of cpu.h: all that are needed */
    /* Or what it names for want of features. */
    const struct gostkey_streebog_kernel *streebog;
    const struct gostkey_curve_kernels *curves;
    const struct gostkey_gostr3411_94_kernel *gostr3411_94;
};

/* Set by gostkey_kernels_select, read by everything else. */
extern const struct gostkey_kernels *gostkey_kernels;

/* What the family in use does for a curve, and for numbers mod q. */
static inline const struct gostkey_curve_ops *gostkey_ops(
    const struct gostkey_curve *curve)
{
    return gostkey_kernels->curves->ops[curve - gostkey_curves];
}

static inline const struct gostkey_scalar_ops *gostkey_scalars(
    const struct gostkey_curve *curve)
{
    return curve->limbs == 4 ? gostkey_kernels->curves->scalar256
                             : gostkey_kernels->curves->scalar512;
}

/* Place of the family in use among all of this build; below GOSTKEY_FAMILIES. */
#define GOSTKEY_FAMILIES 4
int gostkey_kernels_number(void);

/* The kernel of Streebog that is i-th of those that this machine can run, whatever
 * family it belongs to, or NULL if there are no more; and the choice of one.  For
 * tests: a family may have a kernel that only lesser machines take. */
const struct gostkey_streebog_kernel *gostkey_streebog_kernel_at(int i);
void gostkey_streebog_use(const struct gostkey_streebog_kernel *kernel);

#endif
