/* Keys of the token of mock_cryptoki.c: made and used by the project's own C core. */

#define _GNU_SOURCE
#include "mock_store.h"

#include <string.h>
#include <sys/random.h>

#include "gostkey_elliptic.h"

/* The curves that a device of this kind knows, by the DER of their OIDs, with their
 * numbers in the C core. */
static const struct { int curve, bits; CK_BYTE length, oid[12]; } curves[] = {
    {2, 256, 9, {6, 7, 0x2A, 0x85, 3, 2, 2, 0x23, 1}},  /* CryptoPro-A */
    {3, 256, 9, {6, 7, 0x2A, 0x85, 3, 2, 2, 0x23, 2}},  /* CryptoPro-B */
    {4, 256, 9, {6, 7, 0x2A, 0x85, 3, 2, 2, 0x23, 3}},  /* CryptoPro-C */
    {2, 256, 9, {6, 7, 0x2A, 0x85, 3, 2, 2, 0x24, 0}},  /* CryptoPro-XchA */
    {4, 256, 9, {6, 7, 0x2A, 0x85, 3, 2, 2, 0x24, 1}},  /* CryptoPro-XchB */
    {6, 512, 11, {6, 9, 0x2A, 0x85, 3, 7, 1, 2, 1, 2, 1}}, /* tc26-512-a */
    {7, 512, 11, {6, 9, 0x2A, 0x85, 3, 7, 1, 2, 1, 2, 2}}, /* tc26-512-b */
};

static int curve_of(struct object *object, int bits)
{
    struct attribute *oid = attribute(object, CKA_GOSTR3410_PARAMS);
    for (size_t i = 0; oid != NULL && i < sizeof curves / sizeof *curves; i++)
        if (curves[i].bits == bits && curves[i].length == oid->length &&
            memcmp(curves[i].oid, oid->value, oid->length) == 0)
            return curves[i].curve;
    return -1;
}

static CK_RV fill_pair(struct object *open, struct object *closed, int bits)
{
    CK_ULONG size = (CK_ULONG)bits / 8;
    CK_BYTE wide[72], point[128], wrapped[131];
    size_t bad;
    struct attribute *oid = attribute(open, CKA_GOSTR3410_PARAMS);
    struct attribute *hash = attribute(closed, CKA_GOSTR3411_PARAMS);
    if (number("once", 0)) {
        if (hash != NULL)
            return CKR_ATTRIBUTE_READ_ONLY;
        hash = attribute(open, CKA_GOSTR3411_PARAMS);
        if (oid == NULL || hash == NULL)
            return CKR_TEMPLATE_INCOMPLETE;
        put(closed, CKA_GOSTR3410_PARAMS, oid->value, oid->length);
        put(closed, CKA_GOSTR3411_PARAMS, hash->value, hash->length);
    }
    open->curve = closed->curve = curve_of(closed, bits);
    if (closed->curve < 0 || curve_of(open, bits) != closed->curve)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (hash == NULL || value(closed, CKA_KEY_TYPE) !=
                            (bits == 512 ? CKK_GOSTR3410_512 : (CK_ULONG)CKK_GOSTR3410))
        return CKR_TEMPLATE_INCOMPLETE;
    if (getrandom(wide, sizeof wide, 0) != sizeof wide ||
        gostkey_elliptic_prepare(closed->curve) != GOSTKEY_ELLIPTIC_OK)
        return 5; /* CKR_GENERAL_ERROR */
    gostkey_elliptic_private_from_wide(closed->curve, closed->secret, wide, 1);
    gostkey_elliptic_public_keys(closed->curve, point, closed->secret, 1, &bad);
    if (number("bad_point", 0))
        point[0] ^= 1;
    if (number("point", 0)) {
        CK_ULONG head = bits == 512 ? 3 : 2;
        wrapped[0] = 4;
        wrapped[1] = bits == 512 ? 0x81 : 0x40;
        wrapped[2] = 0x80;
        memcpy(wrapped + head, point, 2 * size);
        put(open, CKA_VALUE, wrapped, head + 2 * size);
    } else {
        put(open, CKA_VALUE, point, 2 * size);
    }
    put_number(open, CKA_CLASS, CKO_PUBLIC_KEY);
    put_number(closed, CKA_CLASS, CKO_PRIVATE_KEY);
    put_flag(closed, CKA_PRIVATE, 1);
    put_flag(closed, CKA_SIGN, 1);
    if (number("leaky", 0)) {
        put_flag(closed, CKA_EXTRACTABLE, 1);
        put_flag(closed, CKA_SENSITIVE, 0);
    }
    return CKR_OK;
}

CK_RV C_GenerateKeyPair(CK_ULONG handle, CK_MECHANISM *how, CK_ATTRIBUTE *public_,
                               CK_ULONG public_count, CK_ATTRIBUTE *private_,
                               CK_ULONG private_count, CK_ULONG *public_made,
                               CK_ULONG *private_made)
{
    int bits = how->mechanism == CKM_MAKE_512 ? 512 : 256;
    struct object *open, *closed;
    CK_RV code = CKR_DEVICE_MEMORY;
    SESSION(handle);
    if ((how->mechanism != CKM_MAKE_512 && how->mechanism != CKM_MAKE_256) ||
        !number(bits == 512 ? "bits512" : "bits256", 1))
        return CKR_MECHANISM_INVALID;
    if (!session->write)
        return CKR_SESSION_READ_ONLY;
    if (!logged_in[session->slot])
        return CKR_USER_NOT_LOGGED_IN;
    open = make(session->slot, public_, public_count);
    closed = open == NULL ? NULL : make(session->slot, private_, private_count);
    if (closed != NULL)
        code = fill_pair(open, closed, bits);
    if (code != CKR_OK) {
        if (open != NULL)
            open->handle = 0;
        if (closed != NULL)
            closed->handle = 0;
        return code;
    }
    save();
    *public_made = open->handle;
    *private_made = closed->handle;
    return CKR_OK;
}

CK_RV C_SignInit(CK_ULONG handle, CK_MECHANISM *how, CK_ULONG key)
{
    struct object *object;
    SESSION(handle);
    object = find(session, key);
    if (object == NULL || value(object, CKA_CLASS) != CKO_PRIVATE_KEY)
        return CKR_OBJECT_HANDLE_INVALID;
    if (how->mechanism != CKM_SIGN_256 && how->mechanism != CKM_SIGN_512)
        return CKR_MECHANISM_INVALID;
    if ((how->mechanism == CKM_SIGN_512) !=
        (value(object, CKA_KEY_TYPE) == CKK_GOSTR3410_512))
        return CKR_KEY_TYPE_INCONSISTENT;
    session->key = key;
    session->mechanism = how->mechanism;
    return CKR_OK;
}

static void lay_out(CK_BYTE *signature, CK_ULONG size)
{
    const char *how = order("layout");
    CK_BYTE half[64];
    if (how == NULL || strlen(how) != 2)
        how = "sr";
    if (how[0] == 'r' || how[0] == 'R') {
        memcpy(half, signature, size);
        memcpy(signature, signature + size, size);
        memcpy(signature + size, half, size);
    }
    for (int i = 0; i < 2 && (how[0] == 'S' || how[0] == 'R'); i++) {
        memcpy(half, signature + (CK_ULONG)i * size, size);
        for (CK_ULONG j = 0; j < size; j++)
            signature[(CK_ULONG)i * size + j] = half[size - 1 - j];
    }
}

CK_RV C_Sign(CK_ULONG handle, CK_BYTE *digest, CK_ULONG length, CK_BYTE *out,
                    CK_ULONG *out_length)
{
    struct object *object;
    CK_ULONG size;
    CK_BYTE fresh[64];
    size_t bad;
    SESSION(handle);
    size = session->mechanism == CKM_SIGN_512 ? 64 : 32;
    object = find(session, session->key);
    if (session->key == 0 || object == NULL)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (length != size)
        return CKR_DATA_LEN_RANGE;
    if (out == NULL || *out_length < 2 * size) {
        CK_RV code = out == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
        *out_length = 2 * size;
        return code;
    }
    session->key = 0;
    if (getrandom(fresh, sizeof fresh, 0) != sizeof fresh ||
        gostkey_elliptic_prepare(object->curve) != GOSTKEY_ELLIPTIC_OK ||
        gostkey_elliptic_sign(object->curve, out, object->secret, 0, digest, fresh, 0, 1,
                              &bad) != GOSTKEY_ELLIPTIC_OK)
        return 5; /* CKR_GENERAL_ERROR */
    lay_out(out, size);
    if (number("wrong", 0))
        out[size / 2] ^= 0x10;
    *out_length = 2 * size;
    return CKR_OK;
}
