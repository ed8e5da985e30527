/* Tests of the elliptic part by its public functions: the vectors of
 * tests/vectors, corner scalars, and fixed-base against variable-base multiples. */

#include <stdio.h>
#include <string.h>

#include "curve.h"
#include "gostkey_elliptic.h"
#include "vectors_elliptic.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

int test_elliptic(void);

static int failures;

static void check(int good, const char *what, int curve, size_t i)
{
    if (!good) {
        printf("elliptic: curve %d, %s %zu failed\n", curve, what, i);
        failures++;
    }
}

static unsigned digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void from_hex(uint8_t *out, const char *hex)
{
    for (; hex[0] != '\0'; hex += 2) {
        *out++ = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
    }
}

static void reversed_from_hex(uint8_t *out, const char *hex, size_t size)
{
    uint8_t t[64];

    from_hex(t, hex);
    for (size_t i = 0; i < size; i++) {
        out[i] = t[size - 1 - i];
    }
}

static size_t size_of(int curve)
{
    return curve < 5 ? 32 : 64;
}

static int equal_hex(const uint8_t *bytes, const char *hex, size_t n)
{
    uint8_t t[128];

    from_hex(t, hex);
    return memcmp(bytes, t, n) == 0;
}

static void test_signatures(void)
{
    uint8_t d[64], digest[64], k[64], signature[128], public[128], out[128], verdict;
    size_t bad;

    for (size_t i = 0; i < COUNT(good); i++) {
        int curve = good[i].curve;
        size_t size = size_of(curve);

        from_hex(d, good[i].d_le);
        from_hex(digest, good[i].digest);
        from_hex(signature, good[i].signature);
        from_hex(public, good[i].public_le);
        reversed_from_hex(k, good[i].k_be, size);
        check(gostkey_elliptic_public_keys(curve, out, d, 1, &bad) == 0 &&
                  memcmp(out, public, 2 * size) == 0,
              "public key", curve, i);
        check(gostkey_elliptic_sign_with_nonce(curve, out, d, digest, k) == 0 &&
                  memcmp(out, signature, 2 * size) == 0,
              "signature", curve, i);
        check(gostkey_elliptic_verify_var(curve, &verdict, public, 0, digest, signature,
                                          1) == 0 &&
                  verdict == 1,
              "verification", curve, i);
        /* A hedged one verifies; with another fresh it is another. */
        check(gostkey_elliptic_sign(curve, out, d, 0, digest, k, 0, 1,
                                    &bad) == 0 &&
                  gostkey_elliptic_verify_var(curve, &verdict, public, 0, digest, out,
                                              1) == 0 &&
                  verdict == 1,
              "hedged signature", curve, i);
        k[0] ^= 1;
        check(gostkey_elliptic_sign(curve, signature, d, 0, digest, k, 0, 1,
                                    &bad) == 0 &&
                  memcmp(out, signature, 2 * size) != 0,
              "other fresh", curve, i);
    }
    for (size_t i = 0; i < COUNT(discarded); i++) {
        int curve = discarded[i].curve;
        size_t size = size_of(curve);

        memset(d, 5, size);
        memset(digest, 7, size);
        if (discarded[i].d_be[0] != '\0') {
            reversed_from_hex(d, discarded[i].d_be, size);
            from_hex(digest, discarded[i].digest);
        }
        d[size - 1] &= 0x7f;
        reversed_from_hex(k, discarded[i].k_be, size);
        if (discarded[i].d_be[0] != '\0') {
            reversed_from_hex(d, discarded[i].d_be, size);
        }
        check(gostkey_elliptic_sign_with_nonce(curve, out, d, digest, k) ==
                  GOSTKEY_ELLIPTIC_NONCE,
              "discarded nonce", curve, i);
    }
    for (size_t i = 0; i < COUNT(refused); i++) {
        int curve = refused[i].curve;

        from_hex(digest, refused[i].digest);
        from_hex(signature, refused[i].signature);
        from_hex(public, refused[i].public_le);
        check(gostkey_elliptic_verify_var(curve, &verdict, public, 0, digest, signature,
                                          1) == 0 &&
                  verdict == 0,
              refused[i].comment, curve, i);
    }
}

static void test_points(void)
{
    uint8_t public[128], d[64], ukm[1] = {1}, out[128];

    for (size_t i = 0; i < COUNT(small_order); i++) {
        int curve = small_order[i].curve;

        from_hex(public, small_order[i].public_le);
        memset(d, 5, sizeof d);
        d[size_of(curve) - 1] = 0x15;
        check(gostkey_elliptic_point_fault_var(curve, public) ==
                  GOSTKEY_ELLIPTIC_SUBGROUP,
              "small order", curve, i);
        check(gostkey_elliptic_vko_point(curve, out, d, public, ukm, 1) ==
                  GOSTKEY_ELLIPTIC_SUBGROUP,
              "VKO of small order", curve, i);
    }
    memset(public, 0xff, sizeof public);
    for (int curve = 0; curve < GOSTKEY_CURVE_COUNT; curve++) {
        check(gostkey_elliptic_point_fault_var(curve, public) ==
                  GOSTKEY_ELLIPTIC_COORDINATE,
              "coordinate", curve, 0);
    }
}

/* k G from the comb, and by VKO with the base point as the peer's key. */
static void test_corners(void)
{
    uint8_t d[64], quarter[64], base[128], out[128], one[64] = {1}, four[64] = {4};
    size_t bad;

    for (size_t i = 0; i < COUNT(corner); i++) {
        int curve = corner[i].curve;
        size_t size = size_of(curve);

        from_hex(d, corner[i].d_le);
        check(gostkey_elliptic_public_keys(curve, out, d, 1, &bad) == 0 &&
                  equal_hex(out, corner[i].public_le, 2 * size),
              "corner scalar", curve, i);
        gostkey_elliptic_public_keys(curve, base, one, 1, &bad);
        /* VKO multiplies by the cofactor. */
        memcpy(quarter, d, size);
        if (gostkey_curves[curve].cofactor == 4) {
            gostkey_elliptic_divide_mod_q(curve, quarter, d, four, 1, &bad);
        }
        check(gostkey_elliptic_vko_point(curve, out, quarter, base, one, 1) == 0 &&
                  equal_hex(out, corner[i].public_le, 2 * size),
              "VKO of corner scalar", curve, i);
    }
}

/* Corner scalars at every place of batches of all tail lengths. */
static void test_corners_in_batches(void)
{
    static const size_t counts[] = {2, 7, 8, 9, 31, 32, 33, 63, 64, 65, 200};
    static uint8_t d[200 * 64], public[200 * 128];
    size_t bad, first = 0;

    for (int curve = 0; curve < GOSTKEY_CURVE_COUNT; curve++) {
        size_t size = size_of(curve), end = first;

        while (end < COUNT(corner) && corner[end].curve == curve) {
            end++;
        }
        for (size_t c = 0; c < COUNT(counts); c++) {
            for (size_t i = 0; i < counts[c]; i++) {
                from_hex(d + size * i, corner[first + (i + c) % (end - first)].d_le);
            }
            gostkey_elliptic_public_keys(curve, public, d, counts[c], &bad);
            for (size_t i = 0; i < counts[c]; i++) {
                check(equal_hex(public + 2 * size * i,
                                corner[first + (i + c) % (end - first)].public_le,
                                2 * size),
                      "corner scalar in a batch", curve, i);
            }
        }
        first = end;
    }
}

/* Chunk borders, strides, and what happens when one of many is bad. */
static void test_batches(void)
{
    enum { N = 67 };
    static uint8_t d[N * 64], fresh[64], digests[N * 64];
    static uint8_t public[N * 128], signatures[N * 128], single[128], good_ones[N];
    size_t bad = 0;

    for (int curve = 0; curve < GOSTKEY_CURVE_COUNT; curve += 4) {
        size_t size = size_of(curve);

        for (size_t i = 0; i < N * size; i++) {
            d[i] = (uint8_t)(i % size == size - 1 ? 0x11 : i * 7 + i / size);
            fresh[i % 64] = (uint8_t)(i * 3);
            digests[i] = (uint8_t)(i * 5 + 1);
        }
        gostkey_elliptic_public_keys(curve, public, d, N, &bad);
        gostkey_elliptic_sign(curve, signatures, d, size, digests, fresh, 0, N,
                              &bad);
        for (size_t i = 0; i < N; i++) {
            gostkey_elliptic_public_keys(curve, single, d + size * i, 1, &bad);
            check(memcmp(single, public + 2 * size * i, 2 * size) == 0, "batch key",
                  curve, i);
            gostkey_elliptic_sign(curve, single, d + size * i, 0, digests + size * i,
                                  fresh, i, 1, &bad);
            check(memcmp(single, signatures + 2 * size * i, 2 * size) == 0,
                  "batch signature", curve, i);
        }
        signatures[2 * size * 5] ^= 1;
        public[2 * size * 40] ^= 1;
        gostkey_elliptic_verify_var(curve, good_ones, public, 2 * size, digests,
                                    signatures, N);
        for (size_t i = 0; i < N; i++) {
            check(good_ones[i] == (i != 5 && i != 40), "batch verification", curve, i);
        }
        memset(d + size * 66, 0, size);
        check(gostkey_elliptic_public_keys(curve, public, d, N, &bad) ==
                      GOSTKEY_ELLIPTIC_PRIVATE_KEY &&
                  bad == 66 && public[0] == 0 && public[1] == 0,
              "zero key", curve, bad);
        bad = 0;
        check(gostkey_elliptic_sign(curve, signatures, d, size, digests, fresh, 0, N,
                                    &bad) == GOSTKEY_ELLIPTIC_PRIVATE_KEY &&
                  bad == 66 && signatures[0] == 0 && signatures[1] == 0,
              "zero key signs", curve, bad);
    }
}

int test_elliptic(void)
{
    static int prepared;

    failures = 0;
    /* With a second family, other parts may have prepared it already. */
    if (!prepared) {
        check(gostkey_elliptic_point_fault_var(0, (const uint8_t *)"") ==
                  GOSTKEY_ELLIPTIC_ARGUMENT,
              "not prepared", 0, 0);
        prepared = 1;
    }
    for (int curve = 0; curve < GOSTKEY_CURVE_COUNT; curve++) {
        check(gostkey_elliptic_prepare(curve) == 0, "prepare", curve, 0);
    }
    check(gostkey_elliptic_prepare(GOSTKEY_CURVE_COUNT) == GOSTKEY_ELLIPTIC_ARGUMENT,
          "number", GOSTKEY_CURVE_COUNT, 0);
    test_signatures();
    test_points();
    test_corners();
    test_corners_in_batches();
    test_batches();
    return failures;
}
