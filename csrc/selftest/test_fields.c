/* Tests of the fields; field_check.h has the work. */

#include <stdio.h>

#include "cpu.h"
#include "curve.h"
#include "target.h"

int test_fields(void);

#define FIELDS(DO, more)                                                               \
    DO(256_plus##more, 0)                                                              \
    DO(256_minus617##more, 2)                                                          \
    DO(256_plus##more, 3)                                                              \
    DO(256_any##more, 0)                                                               \
    DO(256_any##more, 4)                                                               \
    DO(512_any##more, 5)                                                               \
    DO(512_minus569##more, 6)                                                          \
    DO(512_plus111##more, 7)

#define DECLARE(name, number)                                                          \
    int gostkey_field_check##name(const struct gostkey_curve *curve);
FIELDS(DECLARE, )
#if defined(GOSTKEY_X86_64)
FIELDS(DECLARE, _mulx)
#endif

int test_fields(void)
{
    int failures = 0, here;

#define RUN(name, number)                                                              \
    here = gostkey_field_check##name(&gostkey_curves[number]);                         \
    if (here != 0) {                                                                   \
        printf("field " #name ": %d wrong\n", here);                                   \
    }                                                                                  \
    failures += here;
    FIELDS(RUN, )
#if defined(GOSTKEY_X86_64)
    if ((gostkey_cpu_features() & GOSTKEY_CPU_BMI2) &&
        (gostkey_cpu_features() & GOSTKEY_CPU_AVX2)) {
        FIELDS(RUN, _mulx)
    }
#endif
    return failures;
}
