/* What the processor can do, as far as kernels are chosen by it, and as far as the
 * operating system saves the registers that it takes. */

#ifndef GOSTKEY_CPU_H
#define GOSTKEY_CPU_H

enum {
    GOSTKEY_CPU_BMI2 = 1,   /* BMI2 and ADX */
    GOSTKEY_CPU_AVX2 = 2,   /* AVX2 */
    GOSTKEY_CPU_GFNI = 4,   /* GFNI */
    GOSTKEY_CPU_AVX512 = 8, /* AVX-512 F, DQ, BW, VL, IFMA and VBMI */
    GOSTKEY_CPU_NEON = 16   /* Advanced SIMD of 64-bit ARM */
};

/* Return the sum of what there is. */
unsigned gostkey_cpu_features(void);

#endif
