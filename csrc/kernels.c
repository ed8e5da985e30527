/* The families of kernels, fastest first, and the choice of one. */

#include "kernels.h"

#include <stddef.h>
#include <string.h>

#include "cpu.h"
#include "gostkey_kernels.h"
#include "target.h"

#define COUNT ((int)(sizeof families / sizeof *families))

static const struct gostkey_kernels families[] = {
    {
        .family = "portable",
        .features = 0,
        .ec256 = "portable",
        .ec512 = "portable",
        .streebog = "portable",
        .ops = {&gostkey_curve256_any, &gostkey_curve256_minus617,
                &gostkey_curve256_minus617, &gostkey_curve256_plus3225,
                &gostkey_curve256_any, &gostkey_curve512_any,
                &gostkey_curve512_minus569, &gostkey_curve512_plus111,
                &gostkey_curve512_minus569},
    },
};

/* The last one is "portable" and runs everywhere. */
const struct gostkey_kernels *gostkey_kernels = &families[COUNT - 1];

static int runs(const struct gostkey_kernels *family)
{
    return (gostkey_cpu_features() & family->features) == family->features;
}

const char *gostkey_kernel_family(int i)
{
    for (int k = 0; k < COUNT; k++) {
        if (runs(&families[k]) && i-- == 0) {
            return families[k].family;
        }
    }
    return NULL;
}

int gostkey_kernels_select(const char *family)
{
    for (int k = 0; k < COUNT; k++) {
        if (strcmp(families[k].family, family) == 0 && runs(&families[k])) {
            gostkey_kernels = &families[k];
            return 0;
        }
    }
    return -1;
}

int gostkey_kernels_number(void)
{
    return (int)(gostkey_kernels - families);
}

const char *gostkey_kernel_of(const char *part)
{
    if (strcmp(part, "ec256") == 0) {
        return gostkey_kernels->ec256;
    }
    if (strcmp(part, "ec512") == 0) {
        return gostkey_kernels->ec512;
    }
    if (strcmp(part, "streebog") == 0) {
        return gostkey_kernels->streebog;
    }
    return NULL;
}
