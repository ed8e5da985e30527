/* nettle.
 *
 *     sign|verify : tc26-256-b | tc26-512-a      the two curves that it has
 *     hash : 256|512 : SIZE                      Streebog, one message
 *
 * Nonces come from nettle's own generator, Yarrow.  (Debian: nettle-dev.) */

#include "peer.h"

#include <gmp.h>
#include <nettle/dsa.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>
#include <nettle/ecdsa.h>
#include <nettle/gostdsa.h>
#include <nettle/streebog.h>
#include <nettle/version.h>
#include <nettle/yarrow.h>

enum { SIGN, VERIFY, HASH };

static int operation;
static struct yarrow256_ctx generator;
static struct ecc_point point;
static struct ecc_scalar scalar;
static struct dsa_signature signature;
static struct streebog512_ctx state512;
static struct streebog256_ctx state256;
static unsigned char digest[64], *message;
static size_t digest_size, message_size;

static void random_bytes(void *context, size_t length, uint8_t *out)
{
    yarrow256_random(context, length, out);
}

static void prepare(void)
{
    const struct ecc_curve *curve;
    unsigned char seed[YARROW256_SEED_FILE_SIZE] = "speed only, no secret";

    if (is(0, "hash")) {
        operation = HASH;
        digest_size = is(1, "512") ? 64 : 32;
        message_size = strtoul(peer_words[2], NULL, 10);
        message = message_of(message_size);
        once();
        prove(digest, digest_size);
        return;
    }
    if (is(0, "sign")) {
        operation = SIGN;
    } else if (is(0, "verify")) {
        operation = VERIFY;
    } else {
        none("nettle has no such operation");
    }
    if (is(1, "tc26-256-b")) {
        curve = nettle_get_gost_gc256b();
        digest_size = 32;
    } else if (is(1, "tc26-512-a")) {
        curve = nettle_get_gost_gc512a();
        digest_size = 64;
    } else {
        none("nettle does not know this curve");
        return;
    }
    yarrow256_init(&generator, 0, NULL);
    yarrow256_seed(&generator, sizeof seed, seed);
    ecc_point_init(&point, curve);
    ecc_scalar_init(&scalar, curve);
    dsa_signature_init(&signature);
    ecdsa_generate_keypair(&point, &scalar, &generator, random_bytes);
    memset(digest, 7, sizeof digest);
    gostdsa_sign(&scalar, &generator, random_bytes, digest_size, digest, &signature);
    if (!gostdsa_verify(&point, digest_size, digest, &signature)) {
        fail("gostdsa_verify");
    }
}

static void once(void)
{
    if (operation == SIGN) {
        gostdsa_sign(&scalar, &generator, random_bytes, digest_size, digest,
                     &signature);
    } else if (operation == VERIFY) {
        if (!gostdsa_verify(&point, digest_size, digest, &signature)) {
            fail("gostdsa_verify");
        }
    } else if (digest_size == 64) {
        streebog512_init(&state512);
        streebog512_update(&state512, message_size, message);
        streebog512_digest(&state512, 64, digest);
    } else {
        streebog256_init(&state256);
        streebog256_update(&state256, message_size, message);
        streebog256_digest(&state256, 32, digest);
    }
}

static const char *version(void)
{
    static char text[40];

    snprintf(text, sizeof text, "nettle %d.%d", nettle_version_major(),
             nettle_version_minor());
    return text;
}
