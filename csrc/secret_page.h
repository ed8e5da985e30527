/* Memory for a secret that lives long: the state of a generator. */

#ifndef GOSTKEY_SECRET_PAGE_H
#define GOSTKEY_SECRET_PAGE_H

#include <stddef.h>

/* Return `size` bytes of zeros on pages of their own, NULL if there is no memory.  As far
 * as the system does it, the pages are never written to disk (swap, core files), and a
 * forked child finds zeros there. */
void *gostkey_secret_page_new(size_t size);

/* Wipe the bytes and give the pages back; NULL is allowed. */
void gostkey_secret_page_free(void *p, size_t size);

#endif
