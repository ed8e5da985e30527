/* Mark memory as secret for valgrind's memcheck.
 *
 * A secret is made "undefined": memcheck then reports every branch and every
 * address that depends on it, which is just what secret data must never
 * decide.  GOSTKEY_PUBLIC takes the mark off again, for results that are
 * given to everyone (a signature, a public key). */

#ifndef GOSTKEY_MEMCHECK_SECRET_H
#define GOSTKEY_MEMCHECK_SECRET_H

#ifndef GOSTKEY_MEMCHECK
#error "the checks mean something only when the core is built with GOSTKEY_MEMCHECK"
#endif

#include <valgrind/memcheck.h>

#define GOSTKEY_SECRET(p, n) ((void)VALGRIND_MAKE_MEM_UNDEFINED((p), (n)))
#define GOSTKEY_PUBLIC(p, n) ((void)VALGRIND_MAKE_MEM_DEFINED((p), (n)))

#endif
