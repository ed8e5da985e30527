/* What Cryptoki calls things, as far as mock_cryptoki.c uses it; and the objects and PIN
 * counters of its token (mock_store.c).
 *
 * Source: PKCS #11 2.40, 3 (structures) and the values of its constants. */

#ifndef MOCK_STORE_H
#define MOCK_STORE_H

typedef unsigned char CK_BYTE;
typedef unsigned long CK_ULONG;
typedef CK_ULONG CK_RV;

typedef struct { CK_BYTE major, minor; } CK_VERSION;
typedef struct { CK_ULONG type; void *value; CK_ULONG length; } CK_ATTRIBUTE;
typedef struct { CK_ULONG mechanism; void *parameter; CK_ULONG length; } CK_MECHANISM;
typedef struct { CK_ULONG minimum, maximum, flags; } CK_MECHANISM_INFO;

typedef struct {
    CK_VERSION cryptoki;
    CK_BYTE manufacturer[32];
    CK_ULONG flags;
    CK_BYTE description[32];
    CK_VERSION library;
} CK_INFO;

typedef struct {
    CK_BYTE description[64], manufacturer[32];
    CK_ULONG flags;
    CK_VERSION hardware, firmware;
} CK_SLOT_INFO;

typedef struct {
    CK_BYTE label[32], manufacturer[32], model[16], serial[16];
    CK_ULONG flags, sessions_max, sessions, rw_sessions_max, rw_sessions, pin_max,
        pin_min, public_total, public_free, private_total, private_free;
    CK_VERSION hardware, firmware;
    CK_BYTE time[16];
} CK_TOKEN_INFO;

typedef struct { CK_ULONG slot, state, flags, error; } CK_SESSION_INFO;

enum {
    CKR_OK = 0, CKR_SLOT_ID_INVALID = 3, CKR_ARGUMENTS_BAD = 7,
    CKR_ATTRIBUTE_READ_ONLY = 0x10, CKR_ATTRIBUTE_SENSITIVE = 0x11, CKR_ATTRIBUTE_TYPE_INVALID = 0x12,
    CKR_ATTRIBUTE_VALUE_INVALID = 0x13, CKR_DATA_LEN_RANGE = 0x21,
    CKR_DEVICE_MEMORY = 0x31, CKR_DEVICE_REMOVED = 0x32,
    CKR_FUNCTION_NOT_SUPPORTED = 0x54, CKR_KEY_TYPE_INCONSISTENT = 0x63,
    CKR_MECHANISM_INVALID = 0x70, CKR_OBJECT_HANDLE_INVALID = 0x82,
    CKR_OPERATION_NOT_INITIALIZED = 0x91, CKR_PIN_INCORRECT = 0xA0,
    CKR_PIN_LOCKED = 0xA4, CKR_SESSION_HANDLE_INVALID = 0xB3,
    CKR_SESSION_READ_ONLY = 0xB5, CKR_TEMPLATE_INCOMPLETE = 0xD0,
    CKR_TEMPLATE_INCONSISTENT = 0xD1, CKR_TOKEN_NOT_PRESENT = 0xE0,
    CKR_USER_ALREADY_LOGGED_IN = 0x100, CKR_USER_NOT_LOGGED_IN = 0x101,
    CKR_USER_PIN_NOT_INITIALIZED = 0x102, CKR_BUFFER_TOO_SMALL = 0x150,
    CKR_CRYPTOKI_NOT_INITIALIZED = 0x190,

    CKA_CLASS = 0, CKA_TOKEN = 1, CKA_PRIVATE = 2, CKA_LABEL = 3, CKA_VALUE = 0x11,
    CKA_KEY_TYPE = 0x100, CKA_ID = 0x102, CKA_SENSITIVE = 0x103, CKA_SIGN = 0x108,
    CKA_EXTRACTABLE = 0x162, CKA_GOSTR3410_PARAMS = 0x250,
    CKA_GOSTR3411_PARAMS = 0x251,

    CKO_PUBLIC_KEY = 2, CKO_PRIVATE_KEY = 3,
    CKK_GOSTR3410 = 0x30, CKM_MAKE_256 = 0x1200, CKM_SIGN_256 = 0x1201
};
#define CKK_GOSTR3410_512 0xD4321003UL
#define CKM_MAKE_512 0xD4321005UL
#define CKM_SIGN_512 0xD4321006UL
#define UNAVAILABLE (~0UL)

enum { OBJECTS = 24, ATTRIBUTES = 20, LONGEST = 3000, SESSIONS = 16, SLOTS = 4 };

struct attribute { CK_ULONG type, length; CK_BYTE value[LONGEST]; };
struct object {
    CK_ULONG handle, slot, count; /* handle 0: a free place */
    int curve;
    CK_BYTE secret[64];
    struct attribute attributes[ATTRIBUTES];
};

struct state {
    CK_ULONG next;
    int tries_left[SLOTS], tries_total;
    struct object objects[OBJECTS];
};
extern struct state state;

/* The name of a file beside the library; in one place, overwritten by the next. */
const char *beside(const char *suffix);

/* The rest of the line of an order, or NULL; overwritten by the next. */
const char *order(const char *name);

/* The number in an order. */
long number(const char *name, long otherwise);

void save(void);
void load(void);

struct attribute *attribute(struct object *object, CK_ULONG type);

/* A number or a flag; 0 if there is none. */
CK_ULONG value(struct object *object, CK_ULONG type);

CK_RV put(struct object *object, CK_ULONG type, const void *from, CK_ULONG length);
CK_RV put_number(struct object *object, CK_ULONG type, CK_ULONG number_);
CK_RV put_flag(struct object *object, CK_ULONG type, CK_BYTE flag);

/* A new object, or NULL if there is no room. */
struct object *make(CK_ULONG slot, const CK_ATTRIBUTE *from, CK_ULONG count);

/* ---- sessions ------------------------------------------------------------------ */

struct session {
    int open, write;
    CK_ULONG slot, found, count, key, mechanism, matches[OBJECTS];
};
extern struct session sessions[SESSIONS];
extern int pulled_out, logged_in[SLOTS];

/* Logs the function's name, obeys orders; the code that it shall give. */
CK_RV begin(const char *name);

/* Whether no token is in. */
int gone(void);

/* An object that the session may see, or NULL. */
int visible(struct session *session, struct object *object);
struct object *find(struct session *session, CK_ULONG handle);

/* What functions begin with. */
#define BEGIN()                                                                        \
    do {                                                                               \
        CK_RV code_ = begin(__func__);                                                 \
        if (code_ != CKR_OK)                                                           \
            return code_;                                                              \
    } while (0)

#define SESSION(handle)                                                                \
    struct session *session;                                                           \
    BEGIN();                                                                           \
    if ((handle) < 1 || (handle) > SESSIONS || !sessions[(handle)-1].open)             \
        return CKR_SESSION_HANDLE_INVALID;                                             \
    if (gone())                                                                        \
        return CKR_DEVICE_REMOVED;                                                     \
    session = &sessions[(handle)-1]

/* ---- keys (mock_keys.c) -------------------------------------------------------- */

CK_RV C_GenerateKeyPair(CK_ULONG handle, CK_MECHANISM *how, CK_ATTRIBUTE *public_,
                        CK_ULONG public_count, CK_ATTRIBUTE *private_,
                        CK_ULONG private_count, CK_ULONG *public_made,
                        CK_ULONG *private_made);
CK_RV C_SignInit(CK_ULONG handle, CK_MECHANISM *how, CK_ULONG key);
CK_RV C_Sign(CK_ULONG handle, CK_BYTE *digest, CK_ULONG length, CK_BYTE *out,
             CK_ULONG *out_length);

#endif
