/* libgcrypt.
 *
 *     sign|verify|keygen : tc26-256-a ... tc26-512-c
 *     hash : 256|512 : SIZE            Streebog, one message
 *
 * Keys and digests are S-expressions, built once.  (Debian: libgcrypt20-dev.) */

#include "peer.h"

#include <gcrypt.h>

enum { SIGN, VERIFY, KEYGEN, HASH };

static int operation, algorithm;
static gcry_sexp_t making, private_key, public_key, data, signature;
static gcry_md_hd_t state;
static unsigned char digest[64], *message;
static size_t digest_size, message_size;

static void sign(void)
{
    gcry_sexp_release(signature);
    signature = NULL;
    if (gcry_pk_sign(&signature, data, private_key)) {
        fail("gcry_pk_sign");
    }
}

static void prepare_hash(void)
{
    operation = HASH;
    algorithm = is(1, "512") ? GCRY_MD_STRIBOG512 : GCRY_MD_STRIBOG256;
    digest_size = is(1, "512") ? 64 : 32;
    message_size = strtoul(peer_words[2], NULL, 10);
    message = message_of(message_size);
    if (gcry_md_open(&state, algorithm, 0)) {
        none("libgcrypt was built without Streebog");
    }
    once();
    prove(digest, digest_size);
}

static void prepare(void)
{
    char curve[40], reason[120];
    gcry_sexp_t made = NULL;
    gcry_error_t error;

    gcry_check_version(NULL);
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
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
        none("libgcrypt has no such operation");
    }
    if (strncmp(peer_words[1], "tc26-", 5) != 0 || strlen(peer_words[1]) != 10) {
        none("libgcrypt does not know this curve");
    }
    /* tc26-256-b -> GOST2012-256-tc26-B; the first of them has another name. */
    snprintf(curve, sizeof curve, "GOST2012-%.3s-tc26-%c", peer_words[1] + 5,
             peer_words[1][9] - 'a' + 'A');
    if (is(1, "tc26-256-a")) {
        strcpy(curve, "GOST2012-256-A");
    }
    digest_size = peer_words[1][5] == '5' ? 64 : 32;
    memset(digest, 7, sizeof digest);
    error = gcry_sexp_build(&making, NULL, "(genkey (ecc (curve %s) (flags gost)))",
                            curve);
    if (!error) {
        error = gcry_pk_genkey(&made, making);
    }
    if (error) {
        snprintf(reason, sizeof reason, "libgcrypt makes no key on this curve: %s",
                 gcry_strerror(error));
        none(reason);
    }
    private_key = gcry_sexp_find_token(made, "private-key", 0);
    public_key = gcry_sexp_find_token(made, "public-key", 0);
    if (gcry_sexp_build(&data, NULL, "(data (flags gost) (value %b))",
                        (int)digest_size, digest)) {
        fail("gcry_sexp_build");
    }
    sign();
    if (gcry_pk_verify(signature, data, public_key)) {
        fail("gcry_pk_verify");
    }
}

static void once(void)
{
    gcry_sexp_t made = NULL;

    switch (operation) {
    case SIGN:
        sign();
        break;
    case VERIFY:
        if (gcry_pk_verify(signature, data, public_key)) {
            fail("gcry_pk_verify");
        }
        break;
    case KEYGEN:
        if (gcry_pk_genkey(&made, making)) {
            fail("gcry_pk_genkey");
        }
        gcry_sexp_release(made);
        break;
    default:
        gcry_md_reset(state);
        gcry_md_write(state, message, message_size);
        memcpy(digest, gcry_md_read(state, algorithm), digest_size);
    }
}

static const char *version(void)
{
    static char text[60];

    snprintf(text, sizeof text, "libgcrypt %s", gcry_check_version(NULL));
    return text;
}
