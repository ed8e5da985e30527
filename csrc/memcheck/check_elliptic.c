/* Private keys, nonces, fresh random and UKM products are secret: sign, make
 * public keys, agree and multiply with them. */

#include <stdio.h>
#include <string.h>

#include "curve.h"
#include "gostkey_elliptic.h"
#include "gostkey_kernels.h"
#include "secret.h"

void check_elliptic(void);

/* A number in 1..q-1 of every curve of the size, not trivial. */
static void fill(uint8_t *out, size_t n, size_t size, unsigned seed)
{
    for (size_t i = 0; i < n * size; i++) {
        seed = seed * 1103515245u + 12345u;
        out[i] = (uint8_t)(seed >> 16);
        if (i % size == size - 1) {
            out[i] &= 0x3f;
        }
    }
}

static void check_curves(void)
{
    /* As many as share inversions. */
    enum { N = 33 };
    static uint8_t d[N * 64], fresh[N * 64], digest[N * 64], nonce[64], wide[N * 72];
    static uint8_t public[N * 128], out[N * 128];
    const uint8_t ukm[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    size_t bad;

    for (int curve = 0; curve < GOSTKEY_CURVE_COUNT; curve++) {
        size_t size = 8 * gostkey_curves[curve].limbs;

        gostkey_elliptic_prepare(curve);
        fill(d, N, size, 1);
        fill(fresh, N, size, 2);
        fill(digest, N, size, 3);
        fill(nonce, 1, size, 4);
        fill(wide, N, size + 8, 5);
        GOSTKEY_SECRET(d, sizeof d);
        GOSTKEY_SECRET(fresh, sizeof fresh);
        GOSTKEY_SECRET(nonce, sizeof nonce);
        GOSTKEY_SECRET(wide, sizeof wide);

        gostkey_elliptic_public_keys(curve, public, d, N, &bad);
        GOSTKEY_PUBLIC(public, sizeof public);
        gostkey_elliptic_sign(curve, out, d, size, digest, fresh, 0, N, &bad);
        gostkey_elliptic_sign_with_nonce(curve, out, d, digest, nonce);
        gostkey_elliptic_private_from_wide(curve, out, wide, N);
        gostkey_elliptic_public_keys(curve, public, out, N, &bad);
        GOSTKEY_PUBLIC(public, sizeof public);
        gostkey_elliptic_vko_point(curve, out, d, public, ukm, sizeof ukm);
        gostkey_elliptic_multiply_mod_q(curve, out, d, fresh, N);
        gostkey_elliptic_divide_mod_q(curve, out, d, fresh, N, &bad);
    }
}

/* Every family but the one that valgrind cannot run. */
void check_elliptic(void)
{
    const char *family;

    for (int i = 0; (family = gostkey_kernel_family(i)) != NULL; i++) {
        if (strcmp(family, "avx512") != 0) {
            gostkey_kernels_select(family);
            printf("elliptic: %s\n", family);
            check_curves();
        }
    }
    gostkey_kernels_select("portable");
}
