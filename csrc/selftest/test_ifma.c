/* Tests of the fields of the AVX-512 kernels; ifma_field_check.h has the work.  Passes where
 * the machine has not what they need: test_matrix.py says so. */

#include <stdio.h>

#include "cpu.h"
#include "curve.h"
#include "target.h"

int test_ifma(void);

#if defined(GOSTKEY_X86_64_AVX512)

#define FIELDS(DO)                                                                     \
    DO(256_plus, 0)                                                                    \
    DO(256_minus, 1)                                                                   \
    DO(256_minus, 2)                                                                   \
    DO(256_plus, 3)                                                                    \
    DO(256_any, 4)                                                                     \
    DO(512_any, 5)                                                                     \
    DO(512_minus, 6)                                                                   \
    DO(512_plus, 7)

#define DECLARE(name, number)                                                          \
    int gostkey_ifma_check##name(const struct gostkey_curve *curve);
FIELDS(DECLARE)

int test_ifma(void)
{
    const unsigned needed = GOSTKEY_CPU_AVX512 | GOSTKEY_CPU_GFNI | GOSTKEY_CPU_AVX2 |
                            GOSTKEY_CPU_BMI2;
    static int done;
    int failures = 0, here;

    /* The fields are the same whatever family is in use. */
    if (done++) {
        return 0;
    }
    if ((gostkey_cpu_features() & needed) != needed) {
        printf("ifma: not run, the machine has no AVX-512 IFMA, VBMI and GFNI\n");
        return 0;
    }
#define RUN(name, number)                                                              \
    here = gostkey_ifma_check##name(&gostkey_curves[number]);                          \
    if (here != 0) {                                                                   \
        printf("ifma " #name ", curve %d: %d wrong\n", number, here);                  \
    }                                                                                  \
    failures += here;
    FIELDS(RUN)
    return failures;
}

#else

int test_ifma(void)
{
    printf("ifma: not run, this build has no AVX-512 kernels\n");
    return 0;
}

#endif
