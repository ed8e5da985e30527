/* Telling memcheck that a value derived from a secret may now be branched on: in a
 * header of its own, so that all files without this are the same in a build for
 * memcheck as in any other, and a compiler's cache makes them once. */

#ifndef GOSTKEY_DECLASSIFY_H
#define GOSTKEY_DECLASSIFY_H

/* Say beside each use why it may.  Nothing unless built for memcheck. */
#ifdef GOSTKEY_MEMCHECK
#include <valgrind/memcheck.h>
#define gostkey_declassify(p, n) ((void)VALGRIND_MAKE_MEM_DEFINED((p), (n)))
#else
#define gostkey_declassify(p, n) ((void)(p), (void)(n))
#endif

#endif
