/* Prints the tables of base points that the kernels make, for a test to compare with
 * points computed in another way.  "absent <kernel>" where the machine cannot run it. */

#include <stdio.h>

#include "cpu.h"
#include "print_table_to.h"

#define AVX2 (GOSTKEY_CPU_AVX2 | GOSTKEY_CPU_BMI2)
#define AVX512 (AVX2 | GOSTKEY_CPU_AVX512 | GOSTKEY_CPU_GFNI)

int main(void)
{
    const unsigned features = gostkey_cpu_features();

#define PRINT(name, number, needed)                                                    \
    if ((features & (needed)) == (needed)) {                                           \
        gostkey_print_##name(&gostkey_curves[number]);                                 \
    } else {                                                                           \
        printf("absent " #name "\n");                                                  \
    }
    GOSTKEY_TABLES(PRINT)
    return 0;
}
