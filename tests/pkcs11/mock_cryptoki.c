/* A PKCS #11 library in front of a token that does not exist: makes and keeps GOST
 * keys of 256 and 512 bits and signs with them, by the project's own C core.
 *
 * mock_store.c keeps its objects, mock_keys.c makes its keys.
 *
 * Beside the library LIB lie LIB.state (objects and PIN counters, so that the next
 * process finds them), LIB.orders (what shall go wrong; read at every call) and
 * LIB.log (the names of the functions called).  Orders, one a line:
 *
 *     tokens N          so many tokens are in (1); they are told apart by serial number
 *     pin TEXT          the user's PIN (12345678)
 *     tries N           tries of the PIN in all (10); read when the state is new
 *     bits256 0, bits512 0   it makes no such keys
 *     layout sr|rs|SR|RS     order of a signature's halves, capitals: little-endian
 *     wrong 1           every signature has one wrong bit
 *     point 1           public keys come as an OCTET STRING around the point
 *     bad_point 1       public keys are no points
 *     once 1            curve and hash may be said of the public key only
 *     leaky 1           private keys can be read out
 *     most N            room for so many objects
 *     removed 1         nothing is in any more
 *     no_pin 1          no user's PIN was ever set
 *     pad 1             the PIN is typed at the token
 *     fail NAME CODE    the function of that name gives the code, in hexadecimal
 *     remove_at NAME    at that function the token is pulled out
 *
 * For one thread.  Keys lie open in the state: it is no token at all.
 *
 * Sources: PKCS #11 2.40, 3 and 5 (structures, order of the functions, codes);
 * PKCS #11 Current Mechanisms 2.40, 2.50 (GOST); TC26's numbers for 512 bits. */

#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "mock_store.h"

static int initialized;

/* ---- the library, slots and tokens ------------------------------------------- */

static void pad(CK_BYTE *out, size_t length, const char *text)
{
    memset(out, ' ', length);
    memcpy(out, text, strlen(text));
}

static CK_RV C_Initialize(void *arguments)
{
    (void)arguments;
    BEGIN();
    load();
    memset(sessions, 0, sizeof sessions);
    memset(logged_in, 0, sizeof logged_in);
    initialized = 1;
    pulled_out = 0;
    return CKR_OK;
}

static CK_RV C_Finalize(void *reserved)
{
    (void)reserved;
    initialized = 0;
    return CKR_OK;
}

static CK_RV C_GetInfo(CK_INFO *info)
{
    BEGIN();
    memset(info, 0, sizeof *info);
    info->cryptoki = (CK_VERSION){2, 40};
    pad(info->manufacturer, 32, "tests");
    pad(info->description, 32, "no token at all");
    return initialized ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED;
}

static CK_RV C_GetSlotList(CK_BYTE present, CK_ULONG *list, CK_ULONG *count)
{
    CK_ULONG n = (CK_ULONG)number("tokens", 1);
    BEGIN();
    if (present && gone())
        n = 0;
    if (list != NULL) {
        if (*count < n)
            return CKR_BUFFER_TOO_SMALL;
        for (CK_ULONG i = 0; i < n; i++)
            list[i] = i;
    }
    *count = n;
    return CKR_OK;
}

static CK_RV C_GetSlotInfo(CK_ULONG slot, CK_SLOT_INFO *info)
{
    BEGIN();
    if (slot >= SLOTS)
        return CKR_SLOT_ID_INVALID;
    memset(info, 0, sizeof *info);
    pad(info->description, 64, "a reader that is not there");
    pad(info->manufacturer, 32, "tests");
    info->flags = gone() ? 6 : 7; /* present, removable, hardware */
    return CKR_OK;
}

static CK_RV C_GetTokenInfo(CK_ULONG slot, CK_TOKEN_INFO *info)
{
    char serial[16];
    BEGIN();
    if (slot >= SLOTS)
        return CKR_SLOT_ID_INVALID;
    if (gone())
        return CKR_TOKEN_NOT_PRESENT;
    memset(info, 0, sizeof *info);
    pad(info->label, 32, "Mock ECP");
    pad(info->manufacturer, 32, "tests");
    pad(info->model, 16, "Mock ECP 2.0");
    snprintf(serial, sizeof serial, "3b0000%02lx", slot + 1);
    pad(info->serial, 16, serial);
    info->flags = 0x1 | 0x4 | 0x400; /* generator, login wanted, set up */
    if (!number("no_pin", 0))
        info->flags |= 0x8;
    if (number("pad", 0))
        info->flags |= 0x100;
    if (state.tries_left[slot] == 0)
        info->flags |= 0x40000;
    else if (state.tries_left[slot] == 1)
        info->flags |= 0x20000;
    else if (state.tries_left[slot] < state.tries_total)
        info->flags |= 0x10000;
    info->pin_max = 32;
    info->pin_min = 6;
    info->public_free = info->private_free = UNAVAILABLE;
    return CKR_OK;
}

static CK_RV C_GetMechanismList(CK_ULONG slot, CK_ULONG *list, CK_ULONG *count)
{
    CK_ULONG mechanisms[4], n = 0;
    (void)slot;
    BEGIN();
    if (gone())
        return CKR_TOKEN_NOT_PRESENT;
    if (number("bits256", 1)) {
        mechanisms[n++] = CKM_MAKE_256;
        mechanisms[n++] = CKM_SIGN_256;
    }
    if (number("bits512", 1)) {
        mechanisms[n++] = CKM_MAKE_512;
        mechanisms[n++] = CKM_SIGN_512;
    }
    if (list != NULL)
        memcpy(list, mechanisms, n * sizeof *list);
    *count = n;
    return CKR_OK;
}

static CK_RV C_GetMechanismInfo(CK_ULONG slot, CK_ULONG type, CK_MECHANISM_INFO *info)
{
    (void)slot;
    BEGIN();
    info->minimum = info->maximum = type == CKM_MAKE_512 || type == CKM_SIGN_512 ? 512 : 256;
    info->flags = 1; /* hardware */
    return CKR_OK;
}

/* ---- sessions and the PIN ---------------------------------------------------- */

static CK_RV C_OpenSession(CK_ULONG slot, CK_ULONG flags, void *application,
                           void *notify, CK_ULONG *handle)
{
    (void)application;
    (void)notify;
    BEGIN();
    if (gone())
        return CKR_TOKEN_NOT_PRESENT;
    for (CK_ULONG i = 0; i < SESSIONS; i++) {
        if (!sessions[i].open) {
            memset(&sessions[i], 0, sizeof sessions[i]);
            sessions[i].open = 1;
            sessions[i].write = (flags & 2) != 0;
            sessions[i].slot = slot;
            *handle = i + 1;
            return CKR_OK;
        }
    }
    return 0xB1; /* CKR_SESSION_COUNT */
}

static CK_RV C_CloseSession(CK_ULONG handle)
{
    int others = 0;
    SESSION(handle);
    session->open = 0;
    for (int i = 0; i < SESSIONS; i++)
        others |= sessions[i].open && sessions[i].slot == session->slot;
    if (!others)
        logged_in[session->slot] = 0;
    return CKR_OK;
}

static CK_RV C_GetSessionInfo(CK_ULONG handle, CK_SESSION_INFO *info)
{
    SESSION(handle);
    info->slot = session->slot;
    info->state = logged_in[session->slot] ? (session->write ? 3 : 1)
                                           : (session->write ? 2 : 0);
    info->flags = 4 | (session->write ? 2 : 0);
    info->error = 0;
    return CKR_OK;
}

static CK_RV C_Login(CK_ULONG handle, CK_ULONG user, CK_BYTE *pin, CK_ULONG length)
{
    const char *right;
    SESSION(handle);
    (void)user;
    if (logged_in[session->slot])
        return CKR_USER_ALREADY_LOGGED_IN;
    if (number("no_pin", 0))
        return CKR_USER_PIN_NOT_INITIALIZED;
    if (state.tries_left[session->slot] == 0)
        return CKR_PIN_LOCKED;
    right = order("pin");
    right = right == NULL ? "12345678" : right;
    if (pin != NULL && (length != strlen(right) || memcmp(pin, right, length) != 0)) {
        state.tries_left[session->slot]--;
        save();
        return CKR_PIN_INCORRECT;
    }
    state.tries_left[session->slot] = state.tries_total;
    save();
    logged_in[session->slot] = 1;
    return CKR_OK;
}

static CK_RV C_Logout(CK_ULONG handle)
{
    SESSION(handle);
    if (!logged_in[session->slot])
        return CKR_USER_NOT_LOGGED_IN;
    logged_in[session->slot] = 0;
    return CKR_OK;
}

/* ---- objects ----------------------------------------------------------------- */

static CK_RV C_CreateObject(CK_ULONG handle, CK_ATTRIBUTE *from, CK_ULONG count,
                            CK_ULONG *made)
{
    struct object *object;
    SESSION(handle);
    if (!session->write)
        return CKR_SESSION_READ_ONLY;
    if (!logged_in[session->slot])
        return CKR_USER_NOT_LOGGED_IN;
    object = make(session->slot, from, count);
    if (object == NULL)
        return CKR_DEVICE_MEMORY;
    save();
    *made = object->handle;
    return CKR_OK;
}

static CK_RV C_DestroyObject(CK_ULONG handle, CK_ULONG which)
{
    struct object *object;
    SESSION(handle);
    object = find(session, which);
    if (object == NULL)
        return CKR_OBJECT_HANDLE_INVALID;
    memset(object, 0, sizeof *object);
    save();
    return CKR_OK;
}

static CK_RV C_GetAttributeValue(CK_ULONG handle, CK_ULONG which, CK_ATTRIBUTE *into,
                                 CK_ULONG count)
{
    struct object *object;
    CK_RV result = CKR_OK;
    SESSION(handle);
    object = find(session, which);
    if (object == NULL)
        return CKR_OBJECT_HANDLE_INVALID;
    for (CK_ULONG i = 0; i < count; i++) {
        struct attribute *found = attribute(object, into[i].type);
        if (into[i].type == CKA_VALUE && value(object, CKA_CLASS) == CKO_PRIVATE_KEY) {
            into[i].length = UNAVAILABLE;
            result = CKR_ATTRIBUTE_SENSITIVE;
        } else if (found == NULL) {
            into[i].length = UNAVAILABLE;
            result = CKR_ATTRIBUTE_TYPE_INVALID;
        } else {
            if (into[i].value != NULL && into[i].length < found->length)
                return CKR_BUFFER_TOO_SMALL;
            if (into[i].value != NULL)
                memcpy(into[i].value, found->value, found->length);
            into[i].length = found->length;
        }
    }
    return result;
}

static CK_RV C_FindObjectsInit(CK_ULONG handle, CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    SESSION(handle);
    session->found = session->count = 0;
    for (int i = 0; i < OBJECTS; i++) {
        struct object *object = &state.objects[i];
        int fits = visible(session, object);
        for (CK_ULONG j = 0; fits && j < count; j++) {
            struct attribute *one = attribute(object, wanted[j].type);
            fits = one != NULL && one->length == wanted[j].length &&
                   memcmp(one->value, wanted[j].value, one->length) == 0;
        }
        if (fits)
            session->matches[session->count++] = object->handle;
    }
    return CKR_OK;
}

static CK_RV C_FindObjects(CK_ULONG handle, CK_ULONG *into, CK_ULONG most,
                           CK_ULONG *count)
{
    SESSION(handle);
    *count = 0;
    while (*count < most && session->found < session->count)
        into[(*count)++] = session->matches[session->found++];
    return CKR_OK;
}

static CK_RV C_FindObjectsFinal(CK_ULONG handle)
{
    SESSION(handle);
    (void)session;
    return CKR_OK;
}

static CK_RV C_GenerateRandom(CK_ULONG handle, CK_BYTE *into, CK_ULONG length)
{
    SESSION(handle);
    (void)session;
    return getrandom(into, length, 0) == (ssize_t)length ? CKR_OK : 5;
}

static CK_RV not_here(void) { return CKR_FUNCTION_NOT_SUPPORTED; }

/* ---- the list of functions, in the standard's order --------------------------- */

typedef CK_RV (*function)(void);
#define F(name) (function)(void (*)(void))name
#define NO F(not_here)

#pragma GCC diagnostic ignored "-Wcast-function-type"

CK_RV C_GetFunctionList(void **list);

static struct { CK_VERSION version; function functions[68]; } functions = {
    {2, 40},
    {F(C_Initialize), F(C_Finalize), F(C_GetInfo), F(C_GetFunctionList),
     F(C_GetSlotList), F(C_GetSlotInfo), F(C_GetTokenInfo), F(C_GetMechanismList),
     F(C_GetMechanismInfo), NO, NO, NO, /* C_InitToken, C_InitPIN, C_SetPIN */
     F(C_OpenSession), F(C_CloseSession), NO, F(C_GetSessionInfo), NO, NO, F(C_Login),
     F(C_Logout), F(C_CreateObject), NO, F(C_DestroyObject), NO,
     F(C_GetAttributeValue), NO, F(C_FindObjectsInit), F(C_FindObjects),
     F(C_FindObjectsFinal), NO, NO, NO, NO, NO, NO, NO, NO, /* encrypt, decrypt */
     NO, NO, NO, NO, NO,                                    /* digest */
     F(C_SignInit), F(C_Sign), NO, NO, NO, NO,              /* C_SignUpdate and on */
     NO, NO, NO, NO, NO, NO,                                /* verify */
     NO, NO, NO, NO,                                        /* two at once */
     NO, F(C_GenerateKeyPair), NO, NO, NO, NO, F(C_GenerateRandom), NO, NO, NO}};

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(void **list)
{
    *list = &functions;
    return CKR_OK;
}
