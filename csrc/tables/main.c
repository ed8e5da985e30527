/* Prints the tables of base points that the kernels make, for a test to compare with
 * points computed in another way.  "absent <kernel>" where the machine cannot run it. */

#include <stdio.h>

#include "cpu.h"
#include "print_table_to.h"

int main(void)
{
    const unsigned needed = GOSTKEY_CPU_AVX512 | GOSTKEY_CPU_GFNI | GOSTKEY_CPU_AVX2 |
                            GOSTKEY_CPU_BMI2;
    const int runs = (gostkey_cpu_features() & needed) == needed;

#define PRINT(name, number, avx512)                                                    \
    if (runs || !(avx512)) {                                                           \
        gostkey_print_##name(&gostkey_curves[number]);                                 \
    } else {                                                                           \
        printf("absent " #name "\n");                                                  \
    }
    GOSTKEY_TABLES(PRINT)
    return 0;
}
