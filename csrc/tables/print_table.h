/* Prints the table of base points of a kernel for its curves: a template, included after
 * the kernel's own file, whose table is static.  Defines GOSTKEY_PRINT_TABLE(curve).
 * A head, and a line for each entry:
 *
 *     table <kernel> <curve> <bits of a window> <windows> <entries> <bits of R>
 *     <window> <place> <x> <y>
 *
 * Numbers are hexadecimal, times R = 2^bits where the field is in Montgomery's form. */

#include <stdio.h>

#include "print_table_to.h"

#if defined(LIMBS52)
#if defined(GOSTKEY_P_ANY)
#define R_BITS (52 * LIMBS52)
#else
#define R_BITS 0
#endif
#else
#define R_BITS 0
#endif

void GOSTKEY_PRINT_TABLE(const struct gostkey_curve *curve)
{
    const size_t windows = (curve->q_bits + W - 1) / W;

    GOSTKEY_OPS.prepare_var(curve);
    printf("table %s %d %d %zu %d %d\n", GOSTKEY_TABLE_NAME,
           (int)(curve - gostkey_curves), W, windows, ENTRIES, R_BITS);
    for (size_t i = 0; i < windows; i++) {
        for (size_t j = 0; j < ENTRIES; j++) {
            printf("%zu %zu", i, j);
            for (int coordinate = 0; coordinate < 2; coordinate++) {
                printf(" ");
#if defined(LIMBS52)
                for (int l = LIMBS52 - 1; l >= 0; l--) {
                    /* 13 digits are 52 bits; a limb of more shows by its length. */
                    printf("%013llx", (unsigned long long)prepared_curves[curve->slot]
                                          .base[i][coordinate * LIMBS52 + l][j]);
                }
#else
                {
                    const struct affine *entry =
                        &prepared_curves[curve->slot].base[i][j];
                    uint64_t plain[LIMBS];

                    fe_to_plain(plain, coordinate == 0 ? &entry->x : &entry->y, curve);
                    for (int l = LIMBS - 1; l >= 0; l--) {
                        printf("%016llx", (unsigned long long)plain[l]);
                    }
                }
#endif
            }
            printf("\n");
        }
    }
}
