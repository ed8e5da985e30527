/* Overwriting of secrets. */

#ifndef GOSTKEY_WIPE_H
#define GOSTKEY_WIPE_H

#include <stddef.h>

/* Set n bytes to zero; the compiler cannot leave it out even if the memory is
 * never read again.  n = 0 does nothing, whatever p is. */
void gostkey_wipe(void *p, size_t n);

#endif
