/* Memory for a secret that lives long.
 *
 * Locking can be refused (a limit, an old kernel): the secret is then as well kept as in
 * any other memory, so what is refused is not an error.
 *
 * Source: mlock(2), madvise(2) of Linux: MADV_DONTDUMP, MADV_WIPEONFORK. */

/* For mmap and its flags under -std=c11. */
#if defined(__linux__)
#define _DEFAULT_SOURCE
#elif defined(__APPLE__)
#define _DARWIN_C_SOURCE
#endif

#include "secret_page.h"

#include <stdlib.h>

#include "wipe.h"

#if defined(__linux__) || defined(__APPLE__)

#include <sys/mman.h>

void *gostkey_secret_page_new(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);

    if (p == MAP_FAILED) {
        return NULL;
    }
    (void)mlock(p, size);
#if defined(MADV_DONTDUMP)
    (void)madvise(p, size, MADV_DONTDUMP);
#endif
#if defined(MADV_WIPEONFORK)
    (void)madvise(p, size, MADV_WIPEONFORK);
#endif
    return p;
}

void gostkey_secret_page_free(void *p, size_t size)
{
    if (p != NULL) {
        gostkey_wipe(p, size);
        (void)munmap(p, size); /* unlocks it too */
    }
}

#elif defined(_WIN32)

#include <windows.h>

void *gostkey_secret_page_new(size_t size)
{
    void *p = VirtualAlloc(NULL, size, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);

    if (p != NULL) {
        (void)VirtualLock(p, size);
    }
    return p;
}

void gostkey_secret_page_free(void *p, size_t size)
{
    if (p != NULL) {
        gostkey_wipe(p, size);
        (void)VirtualFree(p, 0, MEM_RELEASE);
    }
}

#else

void *gostkey_secret_page_new(size_t size)
{
    return calloc(1, size);
}

void gostkey_secret_page_free(void *p, size_t size)
{
    if (p != NULL) {
        gostkey_wipe(p, size);
        free(p);
    }
}

#endif
