/* OpenSSL and its GOST engine.
 *
 *     sign|verify|keygen : p256 | ed25519 | tc26-256-a ... tc26-512-c
 *     hash : 256|512 : SIZE            Streebog, one message
 *     container_key : PASSWORD         CPKDF with one Streebog after another
 *
 * All but p256 and ed25519 is the engine's.  Contexts are made once; the loop
 * holds EVP_PKEY_sign and the like alone.  (Debian: libssl-dev,
 * libengine-gost-openssl.) */

#include "peer.h"

/* Engines are deprecated since OpenSSL 3, and the GOST engine is one. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/crypto.h>
#include <openssl/engine.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

enum { SIGN, VERIFY, KEYGEN, HASH, CONTAINER };

static int operation, edwards;
static ENGINE *engine;
static EVP_PKEY *key;
static EVP_PKEY_CTX *making, *using;
static EVP_MD_CTX *hashing, *edwards_context;
static const EVP_MD *hash;
static unsigned char digest[64], signature[256], *message;
static size_t digest_size, signature_size, message_size;

static void use_engine(void)
{
    ENGINE_load_builtin_engines();
    engine = ENGINE_by_id("gost");
    if (engine == NULL || !ENGINE_init(engine) ||
        !ENGINE_set_default(engine, ENGINE_METHOD_ALL)) {
        none("OpenSSL has no GOST engine here");
    }
}

/* Prepare the making of keys; also the size of what is signed. */
static void choose_curve(void)
{
    static const struct {
        const char *name, *parameters;
        int kind;
    } curves[] = {
        {"tc26-256-a", "TCA", NID_id_GostR3410_2012_256},
        {"tc26-256-b", "TCB", NID_id_GostR3410_2012_256},
        {"tc26-256-c", "TCC", NID_id_GostR3410_2012_256},
        {"tc26-256-d", "TCD", NID_id_GostR3410_2012_256},
        {"tc26-512-a", "A", NID_id_GostR3410_2012_512},
        {"tc26-512-b", "B", NID_id_GostR3410_2012_512},
        {"tc26-512-c", "C", NID_id_GostR3410_2012_512},
    };

    digest_size = 32;
    if (is(1, "p256")) {
        making = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
        if (making == NULL || EVP_PKEY_keygen_init(making) <= 0 ||
            EVP_PKEY_CTX_ctrl_str(making, "ec_paramgen_curve", "P-256") <= 0) {
            fail("P-256");
        }
        return;
    }
    if (is(1, "ed25519")) {
        edwards = 1;
        making = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
        if (making == NULL || EVP_PKEY_keygen_init(making) <= 0) {
            fail("Ed25519");
        }
        return;
    }
    use_engine();
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        if (is(1, curves[i].name)) {
            digest_size = curves[i].kind == NID_id_GostR3410_2012_512 ? 64 : 32;
            making = EVP_PKEY_CTX_new_id(curves[i].kind, engine);
            if (making == NULL || EVP_PKEY_keygen_init(making) <= 0 ||
                EVP_PKEY_CTX_ctrl_str(making, "paramset", curves[i].parameters) <= 0) {
                none("the engine does not know this curve");
            }
            return;
        }
    }
    none("the engine does not know this curve");
}

static void sign(void)
{
    signature_size = sizeof signature;
    if (edwards) {
        if (EVP_DigestSign(edwards_context, signature, &signature_size, digest, 32) <=
            0) {
            fail("EVP_DigestSign");
        }
        return;
    }
    if (EVP_PKEY_sign(using, signature, &signature_size, digest, digest_size) <= 0) {
        fail("EVP_PKEY_sign");
    }
}

static void prepare_key(void)
{
    choose_curve();
    memset(digest, 7, sizeof digest);
    if (EVP_PKEY_keygen(making, &key) <= 0) {
        fail("EVP_PKEY_keygen");
    }
    if (edwards) {
        edwards_context = EVP_MD_CTX_new();
        if (EVP_DigestSignInit(edwards_context, NULL, NULL, NULL, key) <= 0) {
            fail("EVP_DigestSignInit");
        }
    } else {
        using = EVP_PKEY_CTX_new(key, engine);
        if (using == NULL || EVP_PKEY_sign_init(using) <= 0) {
            fail("EVP_PKEY_sign_init");
        }
    }
    if (operation != VERIFY) {
        return;
    }
    sign();
    if (edwards) {
        EVP_MD_CTX_free(edwards_context);
        edwards_context = EVP_MD_CTX_new();
        if (EVP_DigestVerifyInit(edwards_context, NULL, NULL, NULL, key) <= 0) {
            fail("EVP_DigestVerifyInit");
        }
    } else if (EVP_PKEY_verify_init(using) <= 0) {
        fail("EVP_PKEY_verify_init");
    }
}

static void choose_hash(const char *bits)
{
    use_engine();
    hash = ENGINE_get_digest(engine, strcmp(bits, "512") == 0
                                         ? NID_id_GostR3411_2012_512
                                         : NID_id_GostR3411_2012_256);
    hashing = EVP_MD_CTX_new();
    if (hash == NULL || hashing == NULL) {
        none("the engine has no Streebog");
    }
}

static void start(void)
{
    if (EVP_DigestInit_ex(hashing, hash, engine) <= 0) {
        fail("EVP_DigestInit_ex");
    }
}

static void feed(const void *data, size_t size)
{
    if (EVP_DigestUpdate(hashing, data, size) <= 0) {
        fail("EVP_DigestUpdate");
    }
}

static void end(unsigned char *out)
{
    if (EVP_DigestFinal_ex(hashing, out, NULL) <= 0) {
        fail("EVP_DigestFinal_ex");
    }
}

/* One step of CPKDF: c = H(c ^ 36.. || a || c ^ 5c.. || b), with c and the pads
 * of *size* bytes, zeros behind the 32 of c. */
static void mix(unsigned char c[32], size_t size, const void *a, size_t a_size,
                const void *b, size_t b_size)
{
    unsigned char pad[64];

    memset(pad, 0x36, sizeof pad);
    for (int i = 0; i < 32; i++) {
        pad[i] ^= c[i];
    }
    start();
    feed(pad, size);
    feed(a, a_size);
    for (int i = 0; i < 64; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    feed(pad, size);
    feed(b, b_size);
    end(c);
}

/* The password's ASCII with four bytes a character; salt 0, 1 .. 11. */
static void container_key(void)
{
    static unsigned char salt[12], password[256];
    unsigned char first[32], c[33] = "DENEFH028.760246785.IUEFHWUIO.EF";
    size_t length = strlen(peer_words[1]);

    for (unsigned char i = 0; i < 12; i++) {
        salt[i] = i;
    }
    for (size_t i = 0; i < length && i < 64; i++) {
        password[4 * i] = (unsigned char)peer_words[1][i];
    }
    start();
    feed(salt, sizeof salt);
    feed(password, 4 * length);
    end(first);
    for (int i = 0; i < 2000; i++) {
        mix(c, 64, first, 32, first, 32);
    }
    mix(c, 32, salt, sizeof salt, password, 4 * length);
    start();
    feed(c, 32);
    end(digest);
}

static void prepare(void)
{
    if (is(0, "hash")) {
        operation = HASH;
        digest_size = is(1, "512") ? 64 : 32;
        message_size = strtoul(peer_words[2], NULL, 10);
        message = message_of(message_size);
        choose_hash(peer_words[1]);
    } else if (is(0, "container_key")) {
        operation = CONTAINER;
        digest_size = 32;
        choose_hash("256");
    } else if (is(0, "sign") || is(0, "verify") || is(0, "keygen")) {
        operation = is(0, "sign") ? SIGN : is(0, "verify") ? VERIFY : KEYGEN;
        prepare_key();
        return;
    } else {
        none("there is no such operation");
    }
    once();
    prove(digest, digest_size);
}

static void once(void)
{
    EVP_PKEY *made = NULL;

    switch (operation) {
    case SIGN:
        sign();
        break;
    case VERIFY:
        if ((edwards ? EVP_DigestVerify(edwards_context, signature, signature_size,
                                        digest, 32)
                     : EVP_PKEY_verify(using, signature, signature_size, digest,
                                       digest_size)) != 1) {
            fail("verify");
        }
        break;
    case KEYGEN:
        if (EVP_PKEY_keygen(making, &made) <= 0) {
            fail("EVP_PKEY_keygen");
        }
        EVP_PKEY_free(made);
        break;
    case HASH:
        start();
        feed(message, message_size);
        end(digest);
        break;
    default:
        container_key();
    }
}

static const char *version(void)
{
    static char text[200];

    snprintf(text, sizeof text, "%s%s%s", OpenSSL_version(OPENSSL_VERSION),
             engine ? ", " : "", engine ? ENGINE_get_name(engine) : "");
    return text;
}
