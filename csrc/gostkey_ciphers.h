/* GOST 28147-89, Magma and Kuznyechik in their modes: the public functions of
 * this part of the core, each for a whole text at once.
 *
 * All of it takes a time that depends on sizes only; keys, initial values and
 * texts may be secret.  An S-box is its number in primitives.py, SBOXES; a
 * cipher is its number in BLOCK_CIPHERS: 0 Magma, 1 Kuznyechik.
 *
 * Return: 0, or GOSTKEY_CIPHERS_ARGUMENT if an S-box or a cipher is unknown or
 * a size cannot be; then out is all zero.  out has size bytes unless said
 * otherwise, and does not overlap with in. */

#ifndef GOSTKEY_CIPHERS_H
#define GOSTKEY_CIPHERS_H

#include <stddef.h>
#include <stdint.h>

enum { GOSTKEY_CIPHERS_ARGUMENT = -1 };

/* ffi: begin */

/* GOST 28147-89 in the classic little-endian convention: key[32], iv[8].
 * meshing: not 0 for CryptoPro key meshing every 1024 bytes [RFC4357, 2.3.2]. */

/* Whole blocks of 8 bytes, each by itself. */
int gostkey_gost28147_ecb_encrypt(uint8_t *out, uint32_t sbox, const uint8_t *key,
                                  const uint8_t *in, size_t size);
int gostkey_gost28147_ecb_decrypt(uint8_t *out, uint32_t sbox, const uint8_t *key,
                                  const uint8_t *in, size_t size);

/* Gamma feedback mode, any size. */
int gostkey_gost28147_cfb_encrypt(uint8_t *out, uint32_t sbox, const uint8_t *key,
                                  const uint8_t *iv, const uint8_t *in, size_t size,
                                  int meshing);
int gostkey_gost28147_cfb_decrypt(uint8_t *out, uint32_t sbox, const uint8_t *key,
                                  const uint8_t *iv, const uint8_t *in, size_t size,
                                  int meshing);

/* Gamma mode, any size; encrypts and decrypts. */
int gostkey_gost28147_cnt(uint8_t *out, uint32_t sbox, const uint8_t *key,
                          const uint8_t *iv, const uint8_t *in, size_t size,
                          int meshing);

/* MAC: tag[4], from the start state iv.  The rest of the last block counts as
 * zeros, and a text of one block as two, the second of zeros. */
int gostkey_gost28147_mac(uint8_t *tag, uint32_t sbox, const uint8_t *key,
                          const uint8_t *iv, const uint8_t *in, size_t size,
                          int meshing);

/* Many at once: item i with key keys + key_stride * i, where a stride of 0 is one key
 * for all.
 *
 * MACs as of gostkey_gost28147_mac, 4 bytes each, with a start state of zeros and
 * without meshing; the texts are laid end to end, and their sizes are no secret. */
int gostkey_gost28147_macs(uint8_t *tags, uint32_t sbox, const uint8_t *keys,
                           size_t key_stride, const uint8_t *texts,
                           const uint64_t *sizes, size_t n);

/* Whole blocks of 8 bytes, `size` bytes of each item, each block by itself; out may be
 * in.  decrypts: 0 to encrypt. */
int gostkey_gost28147_ecb_each(uint8_t *out, uint32_t sbox, const uint8_t *keys,
                               size_t key_stride, const uint8_t *in, size_t size,
                               size_t n, int decrypts);

/* Magma and Kuznyechik in the modes of GOST R 34.13-2015: key[32]; a block has 8
 * or 16 bytes; iv is iv_size bytes, one or more blocks. */

/* Whole blocks, each by itself. */
int gostkey_block_encrypt(uint8_t *out, uint32_t cipher, const uint8_t *key,
                          const uint8_t *in, size_t size);
int gostkey_block_decrypt(uint8_t *out, uint32_t cipher, const uint8_t *key,
                          const uint8_t *in, size_t size);

/* CBC, whole blocks. */
int gostkey_cbc_encrypt(uint8_t *out, uint32_t cipher, const uint8_t *key,
                        const uint8_t *iv, size_t iv_size, const uint8_t *in,
                        size_t size);
int gostkey_cbc_decrypt(uint8_t *out, uint32_t cipher, const uint8_t *key,
                        const uint8_t *iv, size_t iv_size, const uint8_t *in,
                        size_t size);

/* CFB with s = block, any size. */
int gostkey_cfb_encrypt(uint8_t *out, uint32_t cipher, const uint8_t *key,
                        const uint8_t *iv, size_t iv_size, const uint8_t *in,
                        size_t size);
int gostkey_cfb_decrypt(uint8_t *out, uint32_t cipher, const uint8_t *key,
                        const uint8_t *iv, size_t iv_size, const uint8_t *in,
                        size_t size);

/* OFB with s = block, any size; encrypts and decrypts. */
int gostkey_ofb(uint8_t *out, uint32_t cipher, const uint8_t *key, const uint8_t *iv,
                size_t iv_size, const uint8_t *in, size_t size);

/* CTR, any size; encrypts and decrypts; iv is half a block.  With a section (a
 * multiple of the block) the key is changed by ACPKM after each so many bytes
 * [RFC8645, 6.2.2]; section 0 never changes it. */
int gostkey_ctr_acpkm(uint8_t *out, uint32_t cipher, const uint8_t *key,
                      const uint8_t *iv, const uint8_t *in, size_t size,
                      size_t section);

/* OMAC, the first tag_size bytes of it, 1 to a block. */
int gostkey_omac(uint8_t *tag, size_t tag_size, uint32_t cipher, const uint8_t *key,
                 const uint8_t *in, size_t size);

/* ffi: end */

#endif
