/* One running hash for the names of gostkey_hashes.h, on the stack. */

#ifndef GOSTKEY_HASH_H
#define GOSTKEY_HASH_H

#include "gostkey_hashes.h"
#include "gostr3411_94.h"
#include "streebog.h"

enum {
    GOSTKEY_STREEBOG256,
    GOSTKEY_STREEBOG512,
    GOSTKEY_GOSTR341194_CRYPTOPRO,
    GOSTKEY_GOSTR341194_TEST,
    GOSTKEY_HASH_COUNT
};

#define GOSTKEY_HASH_MAX_SIZE 64
#define GOSTKEY_HASH_MAX_BLOCK 64

/* The owner wipes it.  May be copied by assignment. */
struct gostkey_hash {
    int name;
    union {
        gostkey_streebog streebog;
        gostkey_gostr3411_94 old;
    } as;
};

/* Whether the name is one of Streebog's. */
int gostkey_hash_is_streebog(int name);

/* The S-boxes of gost28147.h that a name of GOST R 34.11-94 means. */
unsigned gostkey_hash_sbox(int name);

/* Start a hash; secret as in gostkey_hash_new. */
void gostkey_hash_init(gostkey_hash *hash, int name, int secret);

/* Write the digest; the state is wiped. */
void gostkey_hash_final(gostkey_hash *hash, uint8_t *digest);

#endif
