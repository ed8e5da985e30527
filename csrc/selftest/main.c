/* Self-test of the C core, without Python: runs test_<part>() of every
 * test_<part>.c in this folder, once with each family of kernels that this machine
 * can run, or with the argument "best" with the first of them, and tells how each went.
 *
 * Exit status: 0 if all passed, 1 if any failed, 2 if there was none to run.
 * parts.h is made by the Makefile: one PART(name) a line. */

#include <stdio.h>
#include <string.h>

#include "gostkey_kernels.h"

#define PART(name) int test_##name(void);
#include "parts.h"
#undef PART

static const struct {
    const char *name;
    int (*run)(void);
} parts[] = {
#define PART(name) {#name, test_##name},
#include "parts.h"
#undef PART
    {NULL, NULL},
};

/* Run all parts with a family; return how many there are. */
static size_t run_parts(const char *family, int *failed)
{
    size_t i;

    for (i = 0; parts[i].run != NULL; i++) {
        int failures;

        /* Some parts try others. */
        gostkey_kernels_select(family);
        failures = parts[i].run();
        if (failures == 0) {
            printf("%-12s ok\n", parts[i].name);
        } else {
            printf("%-12s %d FAILED\n", parts[i].name, failures);
            *failed = 1;
        }
        fflush(stdout);
    }
    return i;
}

int main(int argc, char **argv)
{
    const int best = argc > 1 && strcmp(argv[1], "best") == 0;
    int failed = 0;

    for (int k = 0; gostkey_kernel_family(k) != NULL && !(best && k > 0); k++) {
        printf("kernels: %s\n", gostkey_kernel_family(k));
        if (run_parts(gostkey_kernel_family(k), &failed) == 0) {
            printf("no part to test\n");
            return 2;
        }
    }
    return failed;
}
