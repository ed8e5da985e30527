/* Which kernels run: the choice, for callers outside the core.
 *
 * A family is a name for one choice of all kernels: "portable", "avx2", "avx512" or
 * "neon".  The choice is made once, before another thread may call in; until then
 * it is "portable". */

#ifndef GOSTKEY_KERNELS_H
#define GOSTKEY_KERNELS_H

/* ffi: begin */

/* Name of the family that is i-th in speed of those that this machine can run, or
 * NULL if there are no more. */
const char *gostkey_kernel_family(int i);

/* Choose a family.  Returns 0, or -1 if there is none of that name or this
 * machine cannot run it; nothing changes then. */
int gostkey_kernels_select(const char *family);

/* Name of the kernel in use for "ec256", "ec512", "streebog" or "gostr3411_94"; NULL
 * for another part. */
const char *gostkey_kernel_of(const char *part);

/* ffi: end */

#endif
