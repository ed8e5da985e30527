/* Tests of the fields; field_check.h has the work. */

#include <stdio.h>

#include "curve.h"

int test_fields(void);

#define FIELDS(DO)                                                                     \
    DO(256_any, 0)                                                                     \
    DO(256_minus617, 2)                                                                \
    DO(256_plus3225, 3)                                                                \
    DO(256_any, 4)                                                                     \
    DO(512_any, 5)                                                                     \
    DO(512_minus569, 6)                                                                \
    DO(512_plus111, 7)

#define DECLARE(name, number)                                                          \
    int gostkey_field_check##name(const struct gostkey_curve *curve);
FIELDS(DECLARE)

int test_fields(void)
{
    int failures = 0, here;

#define RUN(name, number)                                                              \
    here = gostkey_field_check##name(&gostkey_curves[number]);                         \
    if (here != 0) {                                                                   \
        printf("field " #name ": %d wrong\n", here);                                   \
    }                                                                                  \
    failures += here;
    FIELDS(RUN)
    return failures;
}
