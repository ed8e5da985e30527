/* Streebog in slices, portable: in vectors of 128 bits where the compiler knows them
 * (GCC, Clang), which is what SSE2 and NEON have, elsewhere in words.
 *
 * Source: as in streebog_slices.h. */

#include <stddef.h>
#include <stdint.h>

#if (defined(__GNUC__) || defined(__clang__)) && !defined(GOSTKEY_NO_VECTORS)
typedef uint64_t gostkey_slice __attribute__((vector_size(16)));
#define SLICE_WORDS 2
#else
typedef uint64_t gostkey_slice;
#define SLICE_WORDS 1
#endif

#include "streebog_slices.h"

const struct gostkey_streebog_slices gostkey_streebog_slices_portable = {
    .lanes = SLICE_LANES,
    .container = container,
    .pbkdf2 = pbkdf2,
};
