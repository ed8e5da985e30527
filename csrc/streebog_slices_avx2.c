/* Streebog in slices with AVX2: 256 messages.
 *
 * Source: as in streebog_slices.h. */

#include <stdlib.h>
#include <string.h>

#include "streebog.h"
#include "target.h"
#include "wipe.h"

#if defined(GOSTKEY_X86_64)

GOSTKEY_TARGET_BEGIN(GOSTKEY_TARGET_AVX2)

#if defined(__GNUC__) || defined(__clang__)
typedef uint64_t gostkey_slice __attribute__((vector_size(32)));
#define SLICE_WORDS 4
#else
typedef uint64_t gostkey_slice;
#define SLICE_WORDS 1
#endif

#include "streebog_slices.h"

const struct gostkey_streebog_slices gostkey_streebog_slices_avx2 = {
    .lanes = SLICE_LANES,
    .container = container,
    .pbkdf2 = pbkdf2,
};

GOSTKEY_TARGET_END

#else

/* A translation unit may not be empty. */
typedef int gostkey_streebog_slices_avx2_is_left_out;

#endif
