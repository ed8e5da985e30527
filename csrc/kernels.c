/* The families of kernels, fastest first, and the choice of one. */

#include "kernels.h"

#include <stddef.h>
#include <string.h>

#include "cpu.h"
#include "gostkey_kernels.h"
#include "target.h"

#define COUNT ((int)(sizeof families / sizeof *families))

static const struct gostkey_curve_kernels portable_curves = {
    .ec256 = "portable",
    .ec512 = "portable",
    .scalar256 = &gostkey_scalar_portable,
    .scalar512 = &gostkey_scalar_portable,
    .ops = {&gostkey_curve256_plus, &gostkey_curve256_minus617,
            &gostkey_curve256_minus617, &gostkey_curve256_plus, &gostkey_curve256_any,
            &gostkey_curve512_any, &gostkey_curve512_minus569,
            &gostkey_curve512_plus111, &gostkey_curve512_minus569},
};

#if defined(GOSTKEY_X86_64)
static const struct gostkey_curve_kernels mulx_curves = {
    .ec256 = "mulx",
    .ec512 = "mulx",
    .scalar256 = &gostkey_scalar_portable,
    .scalar512 = &gostkey_scalar_portable,
    .ops = {&gostkey_curve256_plus_mulx, &gostkey_curve256_minus617_mulx,
            &gostkey_curve256_minus617_mulx, &gostkey_curve256_plus_mulx,
            &gostkey_curve256_any_mulx, &gostkey_curve512_any_mulx,
            &gostkey_curve512_minus569_mulx, &gostkey_curve512_plus111_mulx,
            &gostkey_curve512_minus569_mulx},
};
#endif

#if defined(GOSTKEY_X86_64_AVX512)
static const struct gostkey_curve_kernels avx512_curves = {
    .ec256 = "avx512ifma",
    .ec512 = "avx512ifma",
    .scalar256 = &gostkey_scalar256_avx512,
    .scalar512 = &gostkey_scalar512_avx512,
    .ops = {&gostkey_curve256_plus_avx512, &gostkey_curve256_minus_avx512,
            &gostkey_curve256_minus_avx512, &gostkey_curve256_plus_avx512,
            &gostkey_curve256_any_avx512, &gostkey_curve512_any_avx512,
            &gostkey_curve512_minus_avx512, &gostkey_curve512_plus_avx512,
            &gostkey_curve512_minus_avx512},
};
#endif

static const struct gostkey_kernels families[] = {
#if defined(GOSTKEY_X86_64_AVX512)
    {
        .family = "avx512",
        .features = GOSTKEY_CPU_BMI2 | GOSTKEY_CPU_AVX2 | GOSTKEY_CPU_GFNI |
                    GOSTKEY_CPU_AVX512,
        .streebog = &gostkey_streebog_avx512,
        .curves = &avx512_curves,
        .gostr3411_94 = &gostkey_gostr3411_94_avx512,
    },
#endif
#if defined(GOSTKEY_X86_64)
    {
        .family = "avx2",
        .features = GOSTKEY_CPU_BMI2 | GOSTKEY_CPU_AVX2,
        .streebog = &gostkey_streebog_avx2_gfni,
        .curves = &mulx_curves,
        .gostr3411_94 = &gostkey_gostr3411_94_avx2,
    },
#endif
#if defined(GOSTKEY_AARCH64)
    {
        .family = "neon",
        .features = GOSTKEY_CPU_NEON,
        .streebog = &gostkey_streebog_neon,
        .curves = &portable_curves,
        .gostr3411_94 = &gostkey_gostr3411_94_portable,
    },
#endif
    {
        .family = "portable",
        .features = 0,
        .streebog = &gostkey_streebog_portable,
        .curves = &portable_curves,
        .gostr3411_94 = &gostkey_gostr3411_94_portable,
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

/* The kernel, or what serves in its place on this machine. */
static const struct gostkey_streebog_kernel *streebog_of(
    const struct gostkey_kernels *family)
{
    const unsigned features = gostkey_cpu_features();
    const struct gostkey_streebog_kernel *kernel = family->streebog;

    while ((features & kernel->features) != kernel->features) {
        kernel = kernel->otherwise;
    }
    return kernel;
}

int gostkey_kernels_select(const char *family)
{
    for (int k = 0; k < COUNT; k++) {
        if (strcmp(families[k].family, family) == 0 && runs(&families[k])) {
            gostkey_kernels = &families[k];
            gostkey_streebog_kernel = streebog_of(gostkey_kernels);
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
        return gostkey_kernels->curves->ec256;
    }
    if (strcmp(part, "ec512") == 0) {
        return gostkey_kernels->curves->ec512;
    }
    if (strcmp(part, "streebog") == 0) {
        return gostkey_streebog_kernel->name;
    }
    if (strcmp(part, "gostr3411_94") == 0) {
        return gostkey_kernels->gostr3411_94->name;
    }
    return NULL;
}

const struct gostkey_streebog_kernel *gostkey_streebog_kernel_at(int i)
{
    const unsigned features = gostkey_cpu_features();

    for (int k = 0; k < COUNT; k++) {
        const struct gostkey_streebog_kernel *kernel = families[k].streebog;

        for (; kernel != NULL; kernel = kernel->otherwise) {
            if ((features & kernel->features) == kernel->features && i-- == 0) {
                return kernel;
            }
        }
    }
    return NULL;
}

void gostkey_streebog_use(const struct gostkey_streebog_kernel *kernel)
{
    gostkey_streebog_kernel = kernel;
}
