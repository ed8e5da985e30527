/* Overwriting of secrets.
 *
 * memset alone may be removed as a dead store.  explicit_bzero and memset_s
 * are not everywhere, so: memset followed by an empty statement that the
 * compiler must believe to read the memory; elsewhere a store through a
 * volatile pointer. */

#include "wipe.h"

#include <string.h>

void gostkey_wipe(void *p, size_t n)
{
    if (n == 0) {
        return;
    }
#if defined(__GNUC__) || defined(__clang__)
    memset(p, 0, n);
    __asm__ __volatile__("" : : "r"(p) : "memory");
#else
    volatile unsigned char *bytes = p;

    while (n-- != 0) {
        *bytes++ = 0;
    }
#endif
}
