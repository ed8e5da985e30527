/* Prints the tables of base points of a kernel for one of its curves: a template,
 * included after the kernel's own file, whose tables are static.  Defines
 * GOSTKEY_PRINT_TABLE(curve).  For each table a head, and a line for each entry:
 *
 *     table <kernel> <use> <curve> <entries> <bits of R>
 *     <shift> <odd> <x> <y>           stands for odd 2^shift G
 *
 * Numbers x, y are hexadecimal, times R = 2^bits where the field is in Montgomery's
 * form.  <use>: "comb" for secrets in batches, "single" for one secret, "rows" for public
 * numbers. */

#include <stdio.h>

#include "print_table_to.h"

static void print_head(const char *use, const struct gostkey_curve *curve, size_t entries,
                       int r_bits)
{
    printf("table %s %s %d %zu %d\n", GOSTKEY_TABLE_NAME, use,
           (int)(curve - gostkey_curves), entries, r_bits);
}

#if defined(LIMBS52)

#if defined(GOSTKEY_P_ANY)
#define R_BITS (52 * LIMBS52)
#else
#define R_BITS 0
#endif

static void print_comb(const struct gostkey_curve *curve)
{
    print_head("comb", curve, WINDOWS * ENTRIES, R_BITS);
    for (size_t i = 0; i < WINDOWS; i++) {
        for (size_t j = 0; j < ENTRIES; j++) {
            printf("%zu %zu", W * i, 2 * j + 1);
            for (int coordinate = 0; coordinate < 2; coordinate++) {
                printf(" ");
                for (int l = LIMBS52 - 1; l >= 0; l--) {
                    /* 13 digits are 52 bits; a limb of more shows by its length. */
                    printf("%013llx", (unsigned long long)prepared_curves[curve->slot]
                                          .base[i][coordinate * LIMBS52 + l][j]);
                }
            }
            printf("\n");
        }
    }
}

/* x and y in words. */
static void print_words(size_t shift, size_t odd, const uint64_t xy[2 * LIMBS])
{
    printf("%zu %zu", shift, odd);
    for (int coordinate = 0; coordinate < 2; coordinate++) {
        printf(" ");
        for (int l = LIMBS - 1; l >= 0; l--) {
            printf("%016llx", (unsigned long long)xy[coordinate * LIMBS + l]);
        }
    }
    printf("\n");
}

static void print_singles(const struct gostkey_curve *curve)
{
    print_head("single", curve, 8 * ROUND_PLACE(ROUNDS), R_BITS);
    for (size_t r = 0; r < ROUNDS; r++) {
        for (size_t e = 0; e < (size_t)ROUND_ENTRIES(r); e++) {
            const struct packed8 *entry = &singles[curve->slot][(size_t)ROUND_PLACE(r) + e];
            uint64_t words[2 * LIMBS][8];

            memcpy(words, entry->words, sizeof words);
            for (size_t lane = 0; lane < 8; lane++) {
                uint64_t xy[2 * LIMBS];

                for (int i = 0; i < 2 * LIMBS; i++) {
                    xy[i] = words[i][lane];
                }
                print_words(CHUNK_BITS * lane + ROUND_SHIFT(r), 2 * e + 1, xy);
            }
        }
    }
}

static void print_rows(const struct gostkey_curve *curve)
{
    print_head("rows", curve, ROWS_WINDOWS * ROWS_ENTRIES, R_BITS);
    for (size_t i = 0; i < ROWS_WINDOWS; i++) {
        for (size_t j = 0; j < ROWS_ENTRIES; j++) {
            print_words(ROWS_W * i, 2 * j + 1, verify_curves[curve->slot].base[i][j]);
        }
    }
}

#else

static void print_comb(const struct gostkey_curve *curve)
{
    print_head("comb", curve, WINDOWS * ENTRIES, 0);
    for (size_t i = 0; i < WINDOWS; i++) {
        for (size_t j = 0; j < ENTRIES; j++) {
            const struct affine *entry = &prepared_curves[curve->slot].base[i][j];

            printf("%zu %zu", W * i, 2 * j + 1);
            for (int coordinate = 0; coordinate < 2; coordinate++) {
                uint64_t plain[LIMBS];

                printf(" ");
                fe_to_plain(plain, coordinate == 0 ? &entry->x : &entry->y, curve);
                for (int l = LIMBS - 1; l >= 0; l--) {
                    printf("%016llx", (unsigned long long)plain[l]);
                }
            }
            printf("\n");
        }
    }
}

#endif

void GOSTKEY_PRINT_TABLE(const struct gostkey_curve *curve)
{
    prepare_var(curve);
    print_comb(curve);
#if defined(LIMBS52)
    print_singles(curve);
    print_rows(curve);
#endif
}
