/* Kuznyechik, the 128-bit block cipher of GOST R 34.12-2015.
 *
 * Constant time: pi is made of gates, L of doublings in GF(2^8); eight blocks
 * go side by side, so many in one call cost less each than one. */

#ifndef GOSTKEY_KUZNYECHIK_H
#define GOSTKEY_KUZNYECHIK_H

#include <stddef.h>
#include <stdint.h>

#define GOSTKEY_KUZNYECHIK_BLOCK 16

/* The ten round keys; the owner wipes them. */
typedef struct {
    uint8_t keys[10][16];
} gostkey_kuznyechik;

void gostkey_kuznyechik_set_key(gostkey_kuznyechik *cipher, const uint8_t key[32]);

/* Encrypt (or decrypt) blocks of 16 octets, each by itself.
 *
 * Out:     out[16 * blocks]; may be in
 * Timing:  depends on blocks only. */
void gostkey_kuznyechik_encrypt(const gostkey_kuznyechik *cipher, uint8_t *out,
                                const uint8_t *in, size_t blocks);
void gostkey_kuznyechik_decrypt(const gostkey_kuznyechik *cipher, uint8_t *out,
                                const uint8_t *in, size_t blocks);

#endif
