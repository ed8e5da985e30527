/* GOST R 34.11-94 over the constant-time GOST 28147-89.
 *
 * A block of 256 bits is four 64-bit words, the lowest first; byte 0 of message
 * and digest is the lowest of word 0.
 *
 * Source: GOST R 34.11-94 (RFC 5831), the section numbers are those of the RFC. */

#include "gostr3411_94.h"

#include <string.h>

#include "bytes.h"
#include "wipe.h"

/* C_3 [5.1]; C_2 = C_4 = 0. */
static const uint64_t constant3[4] = {0xff00ff00ff00ff00, 0x00ff00ff00ff00ff,
                                      0xff0000ff00ffff00, 0xff00ffff000000ff};

/* A [5.1]: y4 | y3 | y2 | y1 becomes y1 ^ y2 | y4 | y3 | y2. */
static void change(uint64_t y[4])
{
    uint64_t top = y[0] ^ y[1];

    y[0] = y[1];
    y[1] = y[2];
    y[2] = y[3];
    y[3] = top;
}

/* key := P(u ^ v) [5.1]: byte 4 k + i of it is byte 8 i + k. */
static void make_key(uint8_t key[32], const uint64_t u[4], const uint64_t v[4])
{
    for (int i = 0; i < 4; i++) {
        uint64_t w = u[i] ^ v[i];

        for (int k = 0; k < 8; k++) {
            key[4 * k + i] = (uint8_t)(w >> (8 * k));
        }
    }
}

/* Run the shift register psi [5.3] `times` times over 16-bit words. */
static void psi(uint64_t x[4], int times)
{
    uint16_t y[16 + 61];

    for (int i = 0; i < 16; i++) {
        y[i] = (uint16_t)(x[i / 4] >> (16 * (i % 4)));
    }
    for (int t = 0; t < times; t++) {
        y[16 + t] = (uint16_t)(y[t] ^ y[t + 1] ^ y[t + 2] ^ y[t + 3] ^ y[t + 12] ^
                               y[t + 15]);
    }
    for (int i = 0; i < 4; i++) {
        const uint16_t *word = y + times + 4 * i;

        x[i] = (uint64_t)word[0] | (uint64_t)word[1] << 16 | (uint64_t)word[2] << 32 |
               (uint64_t)word[3] << 48;
    }
    gostkey_wipe(y, sizeof y);
}

/* h := chi(m, h) [5]. */
static void step(const gostkey_gost28147_sbox *sbox, uint64_t h[4], const uint64_t m[4])
{
    uint64_t u[4], v[4], s[4];
    uint8_t keys[4 * 32], octets[32];

    memcpy(u, h, sizeof u);
    memcpy(v, m, sizeof v);
    make_key(keys, u, v);
    for (int number = 1; number < 4; number++) {
        change(u);
        if (number == 2) {
            for (int i = 0; i < 4; i++) {
                u[i] ^= constant3[i];
            }
        }
        change(v);
        change(v);
        make_key(keys + 32 * number, u, v);
    }
    for (int i = 0; i < 4; i++) {
        gostkey_store64_le(octets + 8 * i, h[i]);
    }
    gostkey_gost28147_encrypt4(sbox, octets, keys, octets);
    for (int i = 0; i < 4; i++) {
        s[i] = gostkey_load64_le(octets + 8 * i);
    }
    psi(s, 12);
    for (int i = 0; i < 4; i++) {
        s[i] ^= m[i];
    }
    psi(s, 1);
    for (int i = 0; i < 4; i++) {
        h[i] ^= s[i];
    }
    psi(h, 61);
    gostkey_wipe(u, sizeof u);
    gostkey_wipe(v, sizeof v);
    gostkey_wipe(s, sizeof s);
    gostkey_wipe(keys, sizeof keys);
    gostkey_wipe(octets, sizeof octets);
}

static void load(uint64_t m[4], const uint8_t data[32])
{
    for (int i = 0; i < 4; i++) {
        m[i] = gostkey_load64_le(data + 8 * i);
    }
}

/* sigma := sigma + m mod 2^256 */
static void add(uint64_t sigma[4], const uint64_t m[4])
{
    uint64_t carry = 0;

    for (int i = 0; i < 4; i++) {
        uint64_t sum = sigma[i] + m[i];
        uint64_t over = ((sigma[i] & m[i]) | ((sigma[i] | m[i]) & ~sum)) >> 63;

        sigma[i] = sum + carry;
        carry = over | ((sum & ~sigma[i]) >> 63);
    }
}

/* Hash one block of the message, padded with zeros if it is the last one. */
static void block(gostkey_gostr3411_94 *state, const uint8_t data[32])
{
    uint64_t m[4];

    load(m, data);
    step(&state->sbox, state->h, m);
    add(state->sigma, m);
    gostkey_wipe(m, sizeof m);
}

void gostkey_gostr3411_94_init(gostkey_gostr3411_94 *state, unsigned sbox_id)
{
    memset(state, 0, sizeof *state);
    gostkey_gost28147_prepare(&state->sbox, sbox_id);
}

void gostkey_gostr3411_94_update(gostkey_gostr3411_94 *state, const uint8_t *data,
                                 size_t n)
{
    state->bytes += n;
    while (n != 0) {
        size_t space = GOSTKEY_GOSTR3411_94_BLOCK - state->used;
        size_t taken = n < space ? n : space;

        memcpy(state->rest + state->used, data, taken);
        state->used += taken;
        data += taken;
        n -= taken;
        if (state->used == GOSTKEY_GOSTR3411_94_BLOCK) {
            block(state, state->rest);
            state->used = 0;
        }
    }
}

void gostkey_gostr3411_94_final(gostkey_gostr3411_94 *state, uint8_t digest[32])
{
    const uint64_t bits[4] = {state->bytes << 3, state->bytes >> 61};

    if (state->used != 0) {
        memset(state->rest + state->used, 0, sizeof state->rest - state->used);
        block(state, state->rest);
    }
    step(&state->sbox, state->h, bits);
    step(&state->sbox, state->h, state->sigma);
    for (int i = 0; i < 4; i++) {
        gostkey_store64_le(digest + 8 * i, state->h[i]);
    }
    gostkey_wipe(state, sizeof *state);
}

/* Lanes one after the other: what every kernel is compared with. */

#define LANES GOSTKEY_GOSTR3411_94_LANES

static void prepare(gostkey_gostr3411_94_room *room, unsigned sbox_id)
{
    gostkey_gost28147_sbox sbox;

    gostkey_gost28147_prepare(&sbox, sbox_id);
    memcpy(room->box, &sbox, sizeof sbox);
}

static void step_lanes(gostkey_gostr3411_94_room *room,
                       gostkey_gostr3411_94_lanes *lanes, const uint8_t *const *blocks,
                       unsigned which, int add_too)
{
    gostkey_gost28147_sbox sbox;
    uint64_t m[4];

    memcpy(&sbox, room->box, sizeof sbox);
    for (unsigned i = 0; i < LANES; i++) {
        if (which >> i & 1) {
            load(m, blocks[i]);
            step(&sbox, lanes->h + 4 * i, m);
            if (add_too) {
                add(lanes->sigma + 4 * i, m);
            }
        }
    }
    gostkey_wipe(m, sizeof m);
}

static void last(gostkey_gostr3411_94_room *room, gostkey_gostr3411_94_lanes *lanes,
                 uint8_t (*digests)[32], unsigned which)
{
    gostkey_gost28147_sbox sbox;

    memcpy(&sbox, room->box, sizeof sbox);
    for (unsigned i = 0; i < LANES; i++) {
        if (which >> i & 1) {
            step(&sbox, lanes->h + 4 * i, lanes->sigma + 4 * i);
            for (unsigned k = 0; k < 4; k++) {
                gostkey_store64_le(digests[i] + 8 * k, lanes->h[4 * i + k]);
            }
        }
    }
}

const struct gostkey_gostr3411_94_kernel gostkey_gostr3411_94_portable = {
    .name = "portable",
    .prepare = prepare,
    .step = step_lanes,
    .last = last,
};
