/* Botan, by its C interface.
 *
 *     sign|verify|keygen : tc26-256-b, tc26-512-a, tc26-512-b
 *     hash : 256|512 : SIZE            Streebog, one message
 *
 * Digests are signed as they are ("Raw").  Random is Botan's own generator in
 * user space.  (Debian: libbotan-2-dev.) */

#include "peer.h"

#include <botan/ffi.h>

enum { SIGN, VERIFY, KEYGEN, HASH };

static int operation;
static const char *curve;
static botan_rng_t generator;
static botan_privkey_t private_key;
static botan_pubkey_t public_key;
static botan_pk_op_sign_t signing;
static botan_pk_op_verify_t verifying;
static botan_hash_t state;
static unsigned char digest[64], signature[256], *message;
static size_t digest_size, signature_size, message_size;

static void sign(void)
{
    signature_size = sizeof signature;
    if (botan_pk_op_sign_update(signing, digest, digest_size) ||
        botan_pk_op_sign_finish(signing, generator, signature, &signature_size)) {
        fail("botan_pk_op_sign");
    }
}

static void verify(void)
{
    if (botan_pk_op_verify_update(verifying, digest, digest_size) ||
        botan_pk_op_verify_finish(verifying, signature, signature_size)) {
        fail("botan_pk_op_verify");
    }
}

static void prepare_hash(void)
{
    operation = HASH;
    digest_size = is(1, "512") ? 64 : 32;
    message_size = strtoul(peer_words[2], NULL, 10);
    message = message_of(message_size);
    if (botan_hash_init(&state, is(1, "512") ? "Streebog-512" : "Streebog-256", 0)) {
        none("Botan was built without Streebog");
    }
    once();
    prove(digest, digest_size);
}

static void prepare(void)
{
    if (is(0, "hash")) {
        prepare_hash();
        return;
    }
    if (is(0, "sign")) {
        operation = SIGN;
    } else if (is(0, "verify")) {
        operation = VERIFY;
    } else if (is(0, "keygen")) {
        operation = KEYGEN;
    } else {
        none("Botan has no such operation");
    }
    curve = is(1, "tc26-256-b")   ? "gost_256A"
            : is(1, "tc26-512-a") ? "gost_512A"
            : is(1, "tc26-512-b") ? "gost_512B"
                                  : "";
    digest_size = peer_words[1][5] == '5' ? 64 : 32;
    if (!*curve || botan_rng_init(&generator, "user") ||
        botan_privkey_create(&private_key, "GOST-34.10", curve, generator)) {
        none("Botan does not know this curve");
    }
    memset(digest, 7, sizeof digest);
    if (botan_privkey_export_pubkey(&public_key, private_key) ||
        botan_pk_op_sign_create(&signing, private_key, "Raw", 0) ||
        botan_pk_op_verify_create(&verifying, public_key, "Raw", 0)) {
        fail("botan_pk_op");
    }
    sign();
    verify();
}

static void once(void)
{
    botan_privkey_t made;

    switch (operation) {
    case SIGN:
        sign();
        break;
    case VERIFY:
        verify();
        break;
    case KEYGEN:
        if (botan_privkey_create(&made, "GOST-34.10", curve, generator)) {
            fail("botan_privkey_create");
        }
        botan_privkey_destroy(made);
        break;
    default:
        if (botan_hash_update(state, message, message_size) ||
            botan_hash_final(state, digest)) {
            fail("botan_hash");
        }
    }
}

static const char *version(void)
{
    static char text[60];

    snprintf(text, sizeof text, "Botan %u.%u.%u", botan_version_major(),
             botan_version_minor(), botan_version_patch());
    return text;
}
