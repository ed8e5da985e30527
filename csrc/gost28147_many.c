/* GOST 28147-89 for many short texts under keys of their own: MACs and ECB.
 *
 * A text's MAC waits for itself block by block, and a key of a container is four or
 * eight blocks; so the lanes are filled from many items.
 *
 * Source: [RFC5830, 5 and 8]. */

#include <string.h>

#include "bytes.h"
#include "gost28147.h"
#include "gostkey_ciphers.h"
#include "wipe.h"

#define BLOCK GOSTKEY_GOST28147_BLOCK
#define LANES GOSTKEY_GOST28147_LANES
/* Fewer texts than this cost less one after the other. */
#define FEW 4
#define SBOX_COUNT (GOSTKEY_SBOX_D + 1)

/* Keys and blocks of the lanes; the owner wipes it. */
typedef struct {
    gostkey_gost28147_sbox sbox;
    gostkey_gost28147_keys keys;
    gostkey_gost28147_lanes s;
} state;

/* Zero what an output has, and say why. */
static int refuse(uint8_t *out, size_t size)
{
    if (size > 0) {
        memset(out, 0, size);
    }
    return GOSTKEY_CIPHERS_ARGUMENT;
}

/* Steps of the MAC of a text: one of one block counts as two. */
static uint64_t steps_of(uint64_t size)
{
    uint64_t blocks = size / BLOCK + (size % BLOCK != 0);

    return blocks == 1 ? 2 : blocks;
}

static void take_block(gostkey_gost28147_lanes *s, size_t lane, const uint8_t *block)
{
    s->n1[lane] ^= gostkey_load32_le(block);
    s->n2[lane] ^= gostkey_load32_le(block + 4);
}

/* The last blocks of a text, of `size` bytes from `from` on: less than a whole one, and
 * after the text's end zeros. */
static void take_rest(gostkey_gost28147_lanes *s, size_t lane, const uint8_t *from,
                      size_t size)
{
    uint8_t block[BLOCK] = {0};

    memcpy(block, from, size);
    take_block(s, lane, block);
    gostkey_wipe(block, sizeof block);
}

/* tags[i] := MAC of text i, for `count` from 1 to LANES; the keys are set. */
static void mac_group(state *s, uint8_t *tags, const uint8_t *const *texts,
                      const uint64_t *sizes, size_t count)
{
    uint64_t most = 0;

    memset(&s->s, 0, sizeof s->s);
    memset(tags, 0, 4 * count);
    for (size_t i = 0; i < count; i++) {
        most = steps_of(sizes[i]) > most ? steps_of(sizes[i]) : most;
    }
    for (uint64_t step = 0; step < most; step++) {
        const uint64_t at = step * BLOCK;

        for (size_t i = 0; i < count; i++) {
            if (step < sizes[i] / BLOCK) {
                take_block(&s->s, i, texts[i] + at);
            } else if (at < sizes[i]) {
                take_rest(&s->s, i, texts[i] + at, (size_t)(sizes[i] - at));
            }
        }
        gostkey_gost28147_mac_lanes(&s->sbox, &s->keys, &s->s);
        for (size_t i = 0; i < count; i++) {
            if (step + 1 == steps_of(sizes[i])) {
                gostkey_store32_le(tags + 4 * i, s->s.n1[i]);
            }
        }
    }
}

/* As mac_group, one after the other. */
static void mac_few(uint8_t *tags, uint32_t sbox, const uint8_t *keys,
                    size_t key_stride, const uint8_t *texts, const uint64_t *sizes,
                    size_t count)
{
    static const uint8_t zeros[BLOCK];

    for (size_t i = 0; i < count; i++) {
        gostkey_gost28147_mac(tags + 4 * i, sbox, keys + key_stride * i, zeros, texts,
                              (size_t)sizes[i], 0);
        texts += sizes[i];
    }
}

int gostkey_gost28147_macs(uint8_t *tags, uint32_t sbox, const uint8_t *keys,
                           size_t key_stride, const uint8_t *texts,
                           const uint64_t *sizes, size_t n)
{
    state s;

    if (sbox >= SBOX_COUNT) {
        return refuse(tags, 4 * n);
    }
    memset(&s, 0, sizeof s);
    gostkey_gost28147_prepare(&s.sbox, sbox);
    for (size_t done = 0; done < n;) {
        const size_t count = n - done < LANES ? n - done : LANES;
        const uint8_t *group[LANES];

        if (count < FEW) {
            mac_few(tags + 4 * done, sbox, keys + key_stride * done, key_stride, texts,
                    sizes + done, count);
            break;
        }
        for (size_t i = 0; i < count; i++) {
            gostkey_gost28147_set_lane(&s.keys, i, keys + key_stride * (done + i));
            group[i] = texts;
            texts += sizes[done + i];
        }
        mac_group(&s, tags + 4 * done, group, sizes + done, count);
        done += count;
    }
    gostkey_wipe(&s, sizeof s);
    return 0;
}

int gostkey_gost28147_ecb_each(uint8_t *out, uint32_t sbox, const uint8_t *keys,
                               size_t key_stride, const uint8_t *in, size_t size,
                               size_t n, int decrypts)
{
    state s;
    /* The block that is next: of which item, and at which of its bytes. */
    size_t item = 0, at = 0;

    if (sbox >= SBOX_COUNT || size % BLOCK != 0) {
        return refuse(out, size * n);
    }
    memset(&s, 0, sizeof s);
    gostkey_gost28147_prepare(&s.sbox, sbox);
    /* The blocks of all items are one row: lane i of a group takes the i-th from here. */
    for (size_t left = size / BLOCK * n; left > 0;) {
        const size_t count = left < LANES ? left : LANES;

        for (size_t i = 0; i < count; i++) {
            gostkey_gost28147_set_lane(&s.keys, i, keys + key_stride * item);
            s.s.n1[i] = gostkey_load32_le(in + BLOCK * i);
            s.s.n2[i] = gostkey_load32_le(in + BLOCK * i + 4);
            at += BLOCK;
            if (at == size) {
                item++;
                at = 0;
            }
        }
        if (decrypts) {
            gostkey_gost28147_decrypt_lanes(&s.sbox, &s.keys, &s.s);
        } else {
            gostkey_gost28147_encrypt_lanes(&s.sbox, &s.keys, &s.s);
        }
        for (size_t i = 0; i < count; i++) {
            gostkey_store32_le(out + BLOCK * i, s.s.n1[i]);
            gostkey_store32_le(out + BLOCK * i + 4, s.s.n2[i]);
        }
        in += BLOCK * count;
        out += BLOCK * count;
        left -= count;
    }
    gostkey_wipe(&s, sizeof s);
    return 0;
}
