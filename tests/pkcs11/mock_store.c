/* The state of the token of mock_cryptoki.c, and the orders; see there. */

#define _GNU_SOURCE
#include "mock_store.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct state state;
struct session sessions[SESSIONS];
int pulled_out, logged_in[SLOTS];

const char *beside(const char *suffix)
{
    static char name[4096];
    Dl_info here;
    dladdr((void *)&state, &here);
    snprintf(name, sizeof name, "%s%s", here.dli_fname, suffix);
    return name;
}

const char *order(const char *name)
{
    static char line[256];
    FILE *file = fopen(beside(".orders"), "r");
    const char *found = NULL;
    if (file == NULL)
        return NULL;
    while (found == NULL && fgets(line, sizeof line, file) != NULL) {
        size_t length = strlen(name);
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            found = line + length + 1;
    }
    fclose(file);
    return found;
}

long number(const char *name, long otherwise)
{
    const char *text = order(name);
    return text == NULL ? otherwise : strtol(text, NULL, 0);
}

void save(void)
{
    FILE *file = fopen(beside(".state"), "wb");
    if (file != NULL) {
        fwrite(&state, sizeof state, 1, file);
        fclose(file);
    }
}

void load(void)
{
    FILE *file = fopen(beside(".state"), "rb");
    if (file != NULL && fread(&state, sizeof state, 1, file) == 1) {
        fclose(file);
        return;
    }
    if (file != NULL)
        fclose(file);
    memset(&state, 0, sizeof state);
    state.next = 1;
    state.tries_total = (int)number("tries", 10);
    for (int slot = 0; slot < SLOTS; slot++)
        state.tries_left[slot] = state.tries_total;
}

struct attribute *attribute(struct object *object, CK_ULONG type)
{
    for (CK_ULONG i = 0; i < object->count; i++)
        if (object->attributes[i].type == type)
            return &object->attributes[i];
    return NULL;
}

CK_ULONG value(struct object *object, CK_ULONG type)
{
    struct attribute *found = attribute(object, type);
    CK_ULONG result = 0;
    if (found != NULL)
        memcpy(&result, found->value, found->length < 8 ? found->length : 8);
    return result;
}

CK_RV put(struct object *object, CK_ULONG type, const void *from, CK_ULONG length)
{
    struct attribute *into = attribute(object, type);
    if (length > LONGEST || (into == NULL && object->count == ATTRIBUTES))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (into == NULL)
        into = &object->attributes[object->count++];
    into->type = type;
    into->length = length;
    memcpy(into->value, from, length);
    return CKR_OK;
}

CK_RV put_number(struct object *object, CK_ULONG type, CK_ULONG number_)
{
    return put(object, type, &number_, sizeof number_);
}

CK_RV put_flag(struct object *object, CK_ULONG type, CK_BYTE flag)
{
    return put(object, type, &flag, 1);
}

struct object *make(CK_ULONG slot, const CK_ATTRIBUTE *from, CK_ULONG count)
{
    long used = 0;
    struct object *place = NULL;
    for (int i = 0; i < OBJECTS; i++) {
        if (state.objects[i].handle != 0)
            used++;
        else if (place == NULL)
            place = &state.objects[i];
    }
    if (place == NULL || used >= number("most", OBJECTS))
        return NULL;
    memset(place, 0, sizeof *place);
    place->slot = slot;
    place->handle = state.next++;
    for (CK_ULONG i = 0; i < count; i++)
        if (put(place, from[i].type, from[i].value, from[i].length) != CKR_OK) {
            place->handle = 0;
            return NULL;
        }
    return place;
}

CK_RV begin(const char *name)
{
    FILE *log = fopen(beside(".log"), "a");
    const char *text;
    char wanted[64];
    if (log != NULL) {
        fprintf(log, "%s\n", name);
        fclose(log);
    }
    text = order("remove_at");
    if (text != NULL && strcmp(text, name) == 0)
        pulled_out = 1;
    snprintf(wanted, sizeof wanted, "fail %s", name);
    text = order(wanted);
    return text == NULL ? CKR_OK : strtoul(text, NULL, 16);
}

int gone(void) { return pulled_out || number("removed", 0); }

int visible(struct session *session, struct object *object)
{
    return object->handle != 0 && object->slot == session->slot &&
           (!value(object, CKA_PRIVATE) || logged_in[session->slot]);
}

struct object *find(struct session *session, CK_ULONG handle)
{
    for (int i = 0; i < OBJECTS; i++)
        if (state.objects[i].handle == handle && visible(session, &state.objects[i]))
            return &state.objects[i];
    return NULL;
}
