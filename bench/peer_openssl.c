/* The OpenSSL GOST engine's speed, for bench/side_by_side.py.
 *
 *     peer_openssl sign SECONDS            ns per signature, tc26-256-b
 *     peer_openssl streebog256 SECONDS     ns per MiB, one stream
 *     peer_openssl version                 what is measured
 *
 * The key is made and everything is set up once; the loop holds nothing but
 * EVP_PKEY_sign, or EVP_DigestUpdate of one MiB.  Built by `make bench`:
 *
 *     cc -O2 peer_openssl.c -o peer_openssl -lcrypto   (Debian: libssl-dev)
 */

#define _POSIX_C_SOURCE 200809L
/* Engines are deprecated since OpenSSL 3, and the GOST engine is one. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#define MIB ((size_t)1 << 20)

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void report(double seconds, unsigned long count)
{
    printf("%.1f\n", 1e9 * seconds / (double)count);
}

static void sign(ENGINE *engine, double seconds)
{
    unsigned char digest[32], signature[64];
    size_t size;
    unsigned long count = 0;
    double start;
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *making = EVP_PKEY_CTX_new_id(NID_id_GostR3410_2012_256, engine);
    EVP_PKEY_CTX *signing;

    if (making == NULL || EVP_PKEY_keygen_init(making) <= 0 ||
        EVP_PKEY_CTX_ctrl_str(making, "paramset", "TCB") <= 0 ||
        EVP_PKEY_keygen(making, &key) <= 0) {
        fail("no key");
    }
    signing = EVP_PKEY_CTX_new(key, engine);
    if (signing == NULL || EVP_PKEY_sign_init(signing) <= 0) {
        fail("no signing");
    }
    memset(digest, 7, sizeof digest);
    start = now();
    do {
        for (int i = 0; i < 100; i++) {
            size = sizeof signature;
            digest[i % 32]++;
            if (EVP_PKEY_sign(signing, signature, &size, digest, 32) <= 0) {
                fail("sign");
            }
        }
        count += 100;
    } while (now() - start < seconds);
    report(now() - start, count);
    EVP_PKEY_CTX_free(signing);
    EVP_PKEY_CTX_free(making);
    EVP_PKEY_free(key);
}

static void streebog256(ENGINE *engine, double seconds)
{
    unsigned char *data = malloc(MIB);
    unsigned long count = 0;
    double start;
    const EVP_MD *hash = ENGINE_get_digest(engine, NID_id_GostR3411_2012_256);
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (data == NULL || hash == NULL || context == NULL ||
        EVP_DigestInit_ex(context, hash, engine) <= 0) {
        fail("no hash");
    }
    for (size_t i = 0; i < MIB; i++) {
        data[i] = (unsigned char)(i * 131);
    }
    start = now();
    do {
        if (EVP_DigestUpdate(context, data, MIB) <= 0) {
            fail("hash");
        }
        count++;
    } while (now() - start < seconds);
    report(now() - start, count);
    EVP_MD_CTX_free(context);
    free(data);
}

int main(int argc, char **argv)
{
    double seconds = argc > 2 ? atof(argv[2]) : 1.0;
    ENGINE *engine;

    ENGINE_load_builtin_engines();
    engine = ENGINE_by_id("gost");
    if (engine == NULL || !ENGINE_init(engine) ||
        !ENGINE_set_default(engine, ENGINE_METHOD_ALL)) {
        fail("no GOST engine (Debian: libengine-gost-openssl)");
    }
    if (argc > 1 && strcmp(argv[1], "sign") == 0) {
        sign(engine, seconds);
    } else if (argc > 1 && strcmp(argv[1], "streebog256") == 0) {
        streebog256(engine, seconds);
    } else if (argc > 1 && strcmp(argv[1], "version") == 0) {
        printf("%s, %s\n", OpenSSL_version(OPENSSL_VERSION), ENGINE_get_name(engine));
    } else {
        fprintf(stderr, "usage: peer_openssl sign|streebog256|version [SECONDS]\n");
        return 2;
    }
    ENGINE_finish(engine);
    ENGINE_free(engine);
    return 0;
}
