/* Included before a kernel's file by those who want only some of its functions (selftest,
 * tables): without the struct of all of them a compiler leaves out the rest, which would
 * take it most of its time. */

#ifndef GOSTKEY_WITHOUT_OPS_H
#define GOSTKEY_WITHOUT_OPS_H

#define GOSTKEY_WITHOUT_OPS

#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic ignored "-Wunused-function"
#endif

#endif
