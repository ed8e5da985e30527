/* Hashes and what is built of them, for callers outside the core.
 *
 * A hash is named by its index in HASHES of engine/primitives.py: 0 Streebog-256,
 * 1 Streebog-512, 2 GOST R 34.11-94 with CryptoPro's parameters, 3 the same with
 * the test parameters.  Every name given must be one of these.
 *
 * What takes a key or password is constant time: it depends on lengths only. */

#ifndef GOSTKEY_HASHES_H
#define GOSTKEY_HASHES_H

#include <stddef.h>
#include <stdint.h>

/* ffi: begin */

typedef struct gostkey_hash gostkey_hash;

/* Bytes of a digest: 32 or 64; bytes of a block: 64 or 32; 0 for no such name. */
size_t gostkey_hash_size(int name);
size_t gostkey_hash_block(int name);

/* Start a hash, or copy a running one; NULL if there is no memory.  Streebog
 * with secret = 0 looks up tables by the data: for public data only. */
gostkey_hash *gostkey_hash_new(int name, int secret);
gostkey_hash *gostkey_hash_copy(const gostkey_hash *hash);

/* Wipe the state and give the memory back; NULL is allowed. */
void gostkey_hash_free(gostkey_hash *hash);

/* Wipe the state; the hash can only be freed after it. */
void gostkey_hash_wipe(gostkey_hash *hash);

/* Hash n more bytes. */
void gostkey_hash_update(gostkey_hash *hash, const uint8_t *data, size_t n);

/* Write the digest of what was hashed so far; the state goes on. */
void gostkey_hash_digest(const gostkey_hash *hash, uint8_t *digest);

/* Hash one message with Streebog; public data only; name is 0 or 1. */
void gostkey_streebog_one_var(int name, uint8_t *out, const uint8_t *data, size_t n);

/* Hash n messages of `length` bytes each, laid end to end, with Streebog; public
 * data only.  Out: n digests of gostkey_hash_size(name) bytes; name is 0 or 1. */
void gostkey_streebog_many_var(int name, uint8_t *out, const uint8_t *messages,
                               size_t length, size_t n);

/* The same for messages of different lengths: laid end to end, `size` bytes together
 * (returns 0, or -1 if the lengths are not that many; nothing is done then), or each at
 * a place of its own. */
int gostkey_streebog_joined_var(int name, uint8_t *out, const uint8_t *messages,
                                size_t size, const uint64_t *lengths, size_t n);
void gostkey_streebog_apart_var(int name, uint8_t *out, const uint8_t *const *messages,
                                const uint64_t *lengths, size_t n);

/* HMAC [RFC 2104]; mac has gostkey_hash_size(name) bytes. */
void gostkey_hmac(int name, uint8_t *mac, const uint8_t *key, size_t key_size,
                  const uint8_t *data, size_t n);

/* PBKDF2 [RFC 8018 5.2] with HMAC; iterations >= 1. */
void gostkey_pbkdf2(int name, uint8_t *out, size_t length, const uint8_t *password,
                    size_t password_size, const uint8_t *salt, size_t salt_size,
                    uint32_t iterations);

/* CPKDF: the storage key of a CryptoPro container, from a password that is
 * expanded already (four bytes a character).  Containers have 2000 iterations,
 * 2 with an empty password.  name is not 1: the hash has 32 bytes. */
void gostkey_container_key(int name, uint8_t key[32], const uint8_t *password,
                           size_t password_size, const uint8_t *salt,
                           size_t salt_size, uint32_t iterations);

/* Each of these for n items at once, several times as fast as one after the other where
 * the kernel has lanes.  Keys, passwords, salts and data are laid
 * end to end, their sizes in arrays; results end to end. */
void gostkey_hmac_many(int name, uint8_t *macs, const uint8_t *keys,
                       const uint64_t *key_sizes, const uint8_t *data,
                       const uint64_t *sizes, size_t n);
void gostkey_pbkdf2_many(int name, uint8_t *out, size_t length,
                         const uint8_t *passwords, const uint64_t *password_sizes,
                         const uint8_t *salts, const uint64_t *salt_sizes,
                         uint32_t iterations, size_t n);
void gostkey_container_keys(int name, uint8_t *keys, const uint8_t *passwords,
                            const uint64_t *password_sizes, const uint8_t *salts,
                            const uint64_t *salt_sizes, uint32_t iterations, size_t n);

/* ffi: end */

#endif
