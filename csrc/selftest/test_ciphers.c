/* Self-test of the ciphers: the shared vectors, the published examples of key
 * meshing, and that many blocks at once are the same as each alone. */

#include <stdio.h>
#include <string.h>

#include "gost28147.h"
#include "gostkey_ciphers.h"
#include "vectors_ciphers.h"

#define MOST 2048

typedef struct {
    uint8_t bytes[MOST];
    size_t size;
} octets;

static int failures;

static octets from_hex(const char *hex)
{
    octets out;
    size_t n = hex == NULL ? 0 : strlen(hex) / 2;

    memset(&out, 0, sizeof out);
    if (n > MOST) {
        printf("vector of %lu bytes is too long\n", (unsigned long)n);
        failures++;
        return out;
    }
    for (size_t i = 0; i < 2 * n; i++) {
        char c = hex[i];
        unsigned digit = c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;

        out.bytes[i / 2] = (uint8_t)((unsigned)out.bytes[i / 2] << 4 | digit);
    }
    out.size = n;
    return out;
}

static void check(const char *what, unsigned number, int status, const uint8_t *got,
                  const uint8_t *expected, size_t size)
{
    if (status != 0 || memcmp(got, expected, size) != 0) {
        printf("ciphers: %s of case %u is wrong\n", what, number);
        failures++;
    }
}

static void test_blocks(unsigned i)
{
    unsigned c = block_cases[i].cipher;
    octets key = from_hex(block_cases[i].key), iv = from_hex(block_cases[i].iv);
    octets feedback = from_hex(block_cases[i].iv_feedback);
    octets start = from_hex(block_cases[i].iv_ctr), pt = from_hex(block_cases[i].pt);
    octets ecb = from_hex(block_cases[i].ecb), cbc = from_hex(block_cases[i].cbc);
    octets cfb = from_hex(block_cases[i].cfb), ofb = from_hex(block_cases[i].ofb);
    octets ctr = from_hex(block_cases[i].ctr), omac = from_hex(block_cases[i].omac);
    uint8_t out[MOST];
    int s;

    s = gostkey_block_encrypt(out, c, key.bytes, pt.bytes, ecb.size);
    check("block_encrypt", i, s, out, ecb.bytes, ecb.size);
    s = gostkey_block_decrypt(out, c, key.bytes, ecb.bytes, ecb.size);
    check("block_decrypt", i, s, out, pt.bytes, ecb.size);
    if (cbc.size > 0) {
        s = gostkey_cbc_encrypt(out, c, key.bytes, iv.bytes, iv.size, pt.bytes,
                                cbc.size);
        check("cbc_encrypt", i, s, out, cbc.bytes, cbc.size);
        s = gostkey_cbc_decrypt(out, c, key.bytes, iv.bytes, iv.size, cbc.bytes,
                                cbc.size);
        check("cbc_decrypt", i, s, out, pt.bytes, cbc.size);
    }
    if (cfb.size == 0) {
        return;
    }
    s = gostkey_cfb_encrypt(out, c, key.bytes, feedback.bytes, feedback.size, pt.bytes,
                            cfb.size);
    check("cfb_encrypt", i, s, out, cfb.bytes, cfb.size);
    s = gostkey_cfb_decrypt(out, c, key.bytes, feedback.bytes, feedback.size,
                            cfb.bytes, cfb.size);
    check("cfb_decrypt", i, s, out, pt.bytes, cfb.size);
    s = gostkey_ofb(out, c, key.bytes, feedback.bytes, feedback.size, pt.bytes,
                    ofb.size);
    check("ofb", i, s, out, ofb.bytes, ofb.size);
    s = gostkey_ctr_acpkm(out, c, key.bytes, start.bytes, pt.bytes, ctr.size, 0);
    check("ctr", i, s, out, ctr.bytes, ctr.size);
    s = gostkey_omac(out, omac.size, c, key.bytes, pt.bytes, pt.size);
    check("omac", i, s, out, omac.bytes, omac.size);
}

/* The case in lane 16 and so in a second group, between others, which are not looked at. */
static void test_lanes(unsigned box, const uint8_t *key, octets pt, octets ecb,
                       octets data, octets mac)
{
    enum { PLACE = 16, ITEMS = 18 };
    static uint8_t keys[ITEMS * 32], texts[ITEMS * MOST], out[ITEMS * MOST];
    uint64_t sizes[ITEMS];
    size_t at = 0;
    int s;

    for (size_t i = 0; i < ITEMS; i++) {
        sizes[i] = i == PLACE ? data.size : i;
        memset(texts + at, (int)i, sizes[i]);
        memset(keys + 32 * i, (int)(3 * i), 32);
        if (i == PLACE) {
            memcpy(texts + at, data.bytes, data.size);
            memcpy(keys + 32 * i, key, 32);
        }
        at += (size_t)sizes[i];
    }
    s = gostkey_gost28147_macs(out, box, keys, 32, texts, sizes, ITEMS);
    check("macs", PLACE, s, out + 4 * PLACE, mac.bytes, 4);
    memset(texts, 0x77, pt.size * ITEMS);
    memcpy(texts + pt.size * PLACE, pt.bytes, pt.size);
    s = gostkey_gost28147_ecb_each(out, box, keys, 32, texts, pt.size, ITEMS, 0);
    check("ecb_each encrypts", PLACE, s, out + pt.size * PLACE, ecb.bytes, ecb.size);
    s = gostkey_gost28147_ecb_each(out, box, keys, 32, out, pt.size, ITEMS, 1);
    check("ecb_each decrypts", PLACE, s, out + pt.size * PLACE, pt.bytes, pt.size);
}

static void test_gost28147(unsigned i)
{
    unsigned box = gost28147_cases[i].sbox;
    octets key = from_hex(gost28147_cases[i].key), iv = from_hex(gost28147_cases[i].iv);
    octets pt = from_hex(gost28147_cases[i].pt), ecb = from_hex(gost28147_cases[i].ecb);
    octets cfb = from_hex(gost28147_cases[i].cfb_nomesh);
    octets cnt = from_hex(gost28147_cases[i].cnt_nomesh);
    octets data = from_hex(gost28147_cases[i].mac_data);
    octets mac = from_hex(gost28147_cases[i].mac4);
    static const uint8_t zeros[8];
    uint8_t out[MOST];
    int s;

    s = gostkey_gost28147_ecb_encrypt(out, box, key.bytes, pt.bytes, pt.size);
    check("ecb_encrypt", i, s, out, ecb.bytes, ecb.size);
    s = gostkey_gost28147_ecb_decrypt(out, box, key.bytes, ecb.bytes, ecb.size);
    check("ecb_decrypt", i, s, out, pt.bytes, pt.size);
    s = gostkey_gost28147_cfb_encrypt(out, box, key.bytes, iv.bytes, pt.bytes, pt.size,
                                      0);
    check("cfb_encrypt", i, s, out, cfb.bytes, cfb.size);
    s = gostkey_gost28147_cfb_decrypt(out, box, key.bytes, iv.bytes, cfb.bytes,
                                      cfb.size, 0);
    check("cfb_decrypt", i, s, out, pt.bytes, pt.size);
    s = gostkey_gost28147_cnt(out, box, key.bytes, iv.bytes, pt.bytes, pt.size, 0);
    check("cnt", i, s, out, cnt.bytes, cnt.size);
    s = gostkey_gost28147_mac(out, box, key.bytes, zeros, data.bytes, data.size, 0);
    check("mac", i, s, out, mac.bytes, 4);
    test_lanes(box, key.bytes, pt, ecb, data, mac);
    if (gost28147_cases[i].long_pt != NULL) {
        pt = from_hex(gost28147_cases[i].long_pt);
        cfb = from_hex(gost28147_cases[i].long_cfb_mesh);
        s = gostkey_gost28147_cfb_encrypt(out, box, key.bytes, iv.bytes, pt.bytes,
                                          pt.size, 1);
        check("meshed cfb_encrypt", i, s, out, cfb.bytes, cfb.size);
        s = gostkey_gost28147_cfb_decrypt(out, box, key.bytes, iv.bytes, cfb.bytes,
                                          cfb.size, 1);
        check("meshed cfb_decrypt", i, s, out, pt.bytes, pt.size);
    }
}

/* R 1323565.1.017-2018, A.1 and A.2 (the second is also in RFC 8645, A.1). */
static void test_acpkm(void)
{
    static const struct {
        unsigned cipher;
        size_t section;
        const char *iv, *secret;
    } cases[] = {
        {0, 16, "12345678",
         "2ab81deeeb1e4cab68e104c4bd6b94eac72c67af6c2e5b6b0eafb61770f1b32e"
         "a1ae71149eed1382abd467180672ec6f84a2f15b3fca72c1"},
        {1, 32, "1234567890abcef0",
         "f195d8bec10ed1dbd57b5fa240bda1b885eee733f6a13e5df33ce4b33c45dee4"
         "4bceeb8f646f4c55001706275e85e800587c4df568d094393e4834afd0805046"
         "cf30f57686aeece11cfc6c316b8a896edffd07ec813636460c4f3b743423163e"
         "6409a9c282fac8d469d221e7fbd6de5d"},
    };
    octets key = from_hex(
        "8899aabbccddeeff0011223344556677fedcba98765432100123456789abcdef");
    octets plain = from_hex(
        "1122334455667700ffeeddccbbaa998800112233445566778899aabbcceeff0a"
        "112233445566778899aabbcceeff0a002233445566778899aabbcceeff0a0011"
        "33445566778899aabbcceeff0a001122445566778899aabbcceeff0a00112233"
        "5566778899aabbcceeff0a0011223344");

    for (unsigned i = 0; i < 2; i++) {
        octets iv = from_hex(cases[i].iv), secret = from_hex(cases[i].secret);
        uint8_t out[MOST];
        int s = gostkey_ctr_acpkm(out, cases[i].cipher, key.bytes, iv.bytes,
                                  plain.bytes, secret.size, cases[i].section);

        check("ctr_acpkm", i, s, out, secret.bytes, secret.size);
    }
}

/* Groups of blocks give what each block alone gives, and decryption undoes it. */
static void test_groups(void)
{
    uint8_t key[32], in[16 * 20], out[16 * 20], alone[16 * 20];

    for (size_t i = 0; i < sizeof in; i++) {
        in[i] = (uint8_t)(i * 7 + i / 13);
    }
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)(i * 29 + 5);
    }
    for (unsigned c = 0; c < 2; c++) {
        size_t block = c == 0 ? 8 : 16;

        for (size_t count = 0; count <= 20; count++) {
            int s = gostkey_block_encrypt(out, c, key, in, count * block);

            for (size_t i = 0; i < count; i++) {
                s |= gostkey_block_encrypt(alone + i * block, c, key, in + i * block,
                                           block);
            }
            check("group", c, s, out, alone, count * block);
            s = gostkey_block_decrypt(alone, c, key, out, count * block);
            check("group back", c, s, alone, in, count * block);
        }
    }
}

/* Four blocks under four keys, as GOST R 34.11-94 wants them. */
static void test_encrypt4(void)
{
    for (unsigned box = 0; box < GOSTKEY_SBOX_COUNT; box++) {
        gostkey_gost28147 c;
        uint8_t keys[128], in[32], out[32], alone[32];

        for (size_t i = 0; i < sizeof keys; i++) {
            keys[i] = (uint8_t)(i * 11 + box);
            in[i % 32] = (uint8_t)(i * 3);
        }
        gostkey_gost28147_prepare(&c.sbox, box);
        gostkey_gost28147_encrypt4(&c.sbox, out, keys, in);
        for (size_t i = 0; i < 4; i++) {
            gostkey_gost28147_set_key(&c, keys + 32 * i, GOSTKEY_GOST28147_LITTLE);
            gostkey_gost28147_encrypt(&c, alone + 8 * i, in + 8 * i, 1,
                                      GOSTKEY_GOST28147_LITTLE);
        }
        check("encrypt4", box, 0, out, alone, sizeof out);
    }
}

/* What cannot be is refused, and the output is zero. */
static void test_refusals(void)
{
    static const uint8_t in[32], zeros[32];
    uint8_t out[32];

#define REFUSED(call, size)                                                          \
    do {                                                                             \
        memset(out, 0xff, sizeof out);                                               \
        if ((call) != GOSTKEY_CIPHERS_ARGUMENT || memcmp(out, zeros, size) != 0) {   \
            printf("ciphers: not refused: %s\n", #call);                             \
            failures++;                                                              \
        }                                                                            \
    } while (0)

    REFUSED(gostkey_gost28147_ecb_encrypt(out, 6, in, in, 8), 8);
    REFUSED(gostkey_gost28147_ecb_decrypt(out, 0, in, in, 9), 9);
    REFUSED(gostkey_gost28147_cnt(out, 6, in, in, in, 9, 0), 9);
    REFUSED(gostkey_gost28147_mac(out, 6, in, in, in, 9, 0), 4);
    REFUSED(gostkey_block_encrypt(out, 2, in, in, 16), 16);
    REFUSED(gostkey_block_decrypt(out, 1, in, in, 8), 8);
    REFUSED(gostkey_cbc_encrypt(out, 1, in, in, 8, in, 16), 16);
    REFUSED(gostkey_cbc_decrypt(out, 1, in, in, 16, in, 8), 8);
    REFUSED(gostkey_cfb_encrypt(out, 0, in, in, 0, in, 8), 8);
    REFUSED(gostkey_ofb(out, 0, in, in, 12, in, 8), 8);
    REFUSED(gostkey_ctr_acpkm(out, 1, in, in, in, 16, 8), 16);
    REFUSED(gostkey_omac(out, 9, 0, in, in, 16), 9);
#undef REFUSED
}

int test_ciphers(void)
{
    failures = 0;
    for (unsigned i = 0; i < sizeof block_cases / sizeof *block_cases; i++) {
        test_blocks(i);
    }
    for (unsigned i = 0; i < sizeof gost28147_cases / sizeof *gost28147_cases; i++) {
        test_gost28147(i);
    }
    test_acpkm();
    test_groups();
    test_encrypt4();
    test_refusals();
    return failures;
}
