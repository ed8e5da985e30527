/* Shows that no secret decides a branch or an address in the C core: run under
 * valgrind's memcheck, it calls check_<part>() of every check_<part>.c in this
 * folder; each marks its secrets as undefined (secret.h) and uses them.
 *
 *     valgrind --error-exitcode=9 memcheck          0: nothing found
 *     valgrind --error-exitcode=9 memcheck canary   9: what must be found is
 *
 * Exit status 3 if memcheck is not active: a run without it would prove
 * nothing and must not look like a success; 2 if there was nothing to check.
 * parts.h is made by the Makefile: one PART(name) a line. */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "secret.h"

#define PART(name) void check_##name(void);
#include "parts.h"
#undef PART

static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {
#define PART(name) {#name, check_##name},
#include "parts.h"
#undef PART
    {NULL, NULL},
};

/* Under another tool of valgrind, or none, a byte marked undefined still
 * counts as defined; memcheck gives 1 here for an undefined byte. */
static int memcheck_is_active(void)
{
    uint8_t byte = 0, bits = 0;

    if (RUNNING_ON_VALGRIND == 0) {
        return 0;
    }
    GOSTKEY_SECRET(&byte, 1);
    return VALGRIND_GET_VBITS(&byte, &bits, 1) == 1 && bits == 0xff;
}

/* Do what must never be done with a secret, once each: proof that this
 * build and this valgrind would notice. */
static int canary(void)
{
    static const uint8_t table[256] = {1};
    volatile uint8_t secret = 7;
    volatile uint8_t result = 0;
    unsigned before = VALGRIND_COUNT_ERRORS;
    unsigned branch, address;

    GOSTKEY_SECRET(&secret, 1);
    if (secret & 1) {
        result = 1;
    }
    branch = VALGRIND_COUNT_ERRORS - before;
    result = table[secret];
    address = VALGRIND_COUNT_ERRORS - before - branch;
    (void)result;
    printf("canary: branch %s, address %s\n", branch ? "noticed" : "MISSED",
           address ? "noticed" : "MISSED");
    return branch != 0 && address != 0 ? 0 : 4;
}

int main(int argc, char **argv)
{
    size_t i;

    if (!memcheck_is_active()) {
        fprintf(stderr, "memcheck is not active; run this under valgrind\n");
        return 3;
    }
    if (argc > 1 && strcmp(argv[1], "canary") == 0) {
        return canary();
    }
    for (i = 0; parts[i].run != NULL; i++) {
        unsigned before = VALGRIND_COUNT_ERRORS;
        unsigned found;

        parts[i].run();
        found = VALGRIND_COUNT_ERRORS - before;
        printf("%-12s %s\n", parts[i].name, found ? "FAILED" : "ok");
        fflush(stdout);
    }
    if (i == 0) {
        printf("no part to check\n");
        return 2;
    }
    return 0;
}
