/* Streebog of many messages at once.
 *
 * Up to LANES messages are on their way at the same time, each with a compression of
 * its own to be done next; the kernel gets all of these in one call.  A message that
 * ends makes room for the next one, so messages of different lengths keep the lanes
 * as full as equal ones do.
 *
 * Source: GOST R 34.11-2012 (RFC 6986), 8 to 10. */

#include "streebog.h"

#include <string.h>

#include "streebog_sums.h"
#include "wipe.h"

#define LANES GOSTKEY_STREEBOG_LANES

/* What the next compression of a message takes in. */
enum step { TEXT, LENGTH, SUM, NOTHING };

typedef struct {
    gostkey_streebog_work work;
    uint64_t sigma[8];
    const uint8_t *data; /* what is left of the message, */
    uint64_t rest;       /* and its bytes */
    uint64_t done[2];    /* bits hashed: low and high word */
    uint8_t *out;
    enum step step;
    int first; /* the next compression starts from IV and 0 */
} lane;

/* What a call works on. */
typedef struct {
    const gostkey_streebog_messages *messages;
    const uint8_t *next_joined;
    uint8_t *out;
    size_t next, n;
    int size;
    int begins; /* the kernel has a function for first blocks */
} run;

/* Give the lane the next message. */
static void take(run *r, lane *l)
{
    const gostkey_streebog_messages *messages = r->messages;
    const size_t i = r->next++;

    l->rest = messages->lengths != NULL ? messages->lengths[i] : messages->length;
    if (messages->apart != NULL) {
        l->data = messages->apart[i];
    } else {
        l->data = r->next_joined;
        if (l->rest != 0) {
            r->next_joined += l->rest;
        }
    }
    l->out = r->out + (size_t)r->size * i;
    l->step = TEXT;
    if (messages->starts != NULL) {
        const gostkey_streebog *start = &messages->starts[i];

        memcpy(l->work.h, start->h, sizeof l->work.h);
        memcpy(l->sigma, start->sigma, sizeof l->sigma);
        l->done[0] = start->n[0];
        l->done[1] = start->n[1];
        l->first = 0;
        return;
    }
    if (!r->begins) {
        memset(l->work.h, r->size == 32 ? 1 : 0, sizeof l->work.h);
    }
    memset(l->sigma, 0, sizeof l->sigma);
    l->done[0] = l->done[1] = 0;
    l->first = r->begins;
}

/* Set what the lane's next compression takes in. */
static void prepare(lane *l)
{
    gostkey_streebog_work *work = &l->work;
    uint64_t bits;

    memset(work->n, 0, sizeof work->n);
    switch (l->step) {
    case TEXT:
        work->n[0] = l->done[0];
        work->n[1] = l->done[1];
        if (l->rest >= GOSTKEY_STREEBOG_BLOCK) {
            gostkey_streebog_load(work->m, l->data);
            l->data += GOSTKEY_STREEBOG_BLOCK;
            l->rest -= GOSTKEY_STREEBOG_BLOCK;
            bits = 8 * GOSTKEY_STREEBOG_BLOCK;
        } else {
            uint8_t last[GOSTKEY_STREEBOG_BLOCK] = {0};

            if (l->rest != 0) {
                memcpy(last, l->data, (size_t)l->rest);
            }
            last[l->rest] = 1;
            gostkey_streebog_load(work->m, last);
            gostkey_wipe(last, sizeof last);
            bits = 8 * l->rest;
            l->step = LENGTH;
        }
        gostkey_streebog_add(l->sigma, work->m);
        l->done[0] += bits;
        l->done[1] += l->done[0] < bits;
        break;
    case LENGTH:
        memset(work->m, 0, sizeof work->m);
        work->m[0] = l->done[0];
        work->m[1] = l->done[1];
        l->step = SUM;
        break;
    default:
        memcpy(work->m, l->sigma, sizeof work->m);
        l->step = NOTHING;
        break;
    }
}

static void write_digest(const lane *l, int size)
{
    for (int i = 0; i < size / 8; i++) {
        gostkey_store64_le(l->out + 8 * i, l->work.h[8 - size / 8 + i]);
    }
}

static void each(int size, uint8_t *out, const gostkey_streebog_messages *messages,
                 size_t n, int secret)
{
    const struct gostkey_streebog_kernel *kernel = gostkey_streebog_kernel;
    const size_t count = n < LANES ? n : LANES;
    lane lanes[LANES];
    size_t active = 0;
    run r;

    r.messages = messages;
    r.next_joined = messages->joined;
    r.out = out;
    r.next = 0;
    r.n = n;
    r.size = size;
    r.begins = kernel->begin != NULL;
    while (active < count) {
        take(&r, &lanes[active++]);
    }
    while (active != 0) {
        gostkey_streebog_work *first[LANES], *other[LANES];
        size_t firsts = 0, others = 0;

        for (size_t i = 0; i < active; i++) {
            prepare(&lanes[i]);
            if (lanes[i].first) {
                lanes[i].first = 0;
                first[firsts++] = &lanes[i].work;
            } else {
                other[others++] = &lanes[i].work;
            }
        }
        if (firsts != 0) {
            kernel->begin(size, first, firsts);
        }
        if (others != 0) {
            (secret ? kernel->compress : kernel->compress_var)(other, others);
        }
        for (size_t i = 0; i < active;) {
            lane *l = &lanes[i];

            if (l->step != NOTHING) {
                i++;
                continue;
            }
            write_digest(l, size);
            if (r.next < n) {
                take(&r, l);
                i++;
            } else if (i != --active) {
                *l = lanes[active];
            }
        }
    }
    if (secret) {
        gostkey_wipe(lanes, count * sizeof *lanes);
    }
}

void gostkey_streebog_each(int size, uint8_t *out,
                           const gostkey_streebog_messages *messages, size_t n)
{
    each(size, out, messages, n, 1);
}

void gostkey_streebog_each_var(int size, uint8_t *out,
                               const gostkey_streebog_messages *messages, size_t n)
{
    each(size, out, messages, n, 0);
}

void gostkey_streebog_start(int size, gostkey_streebog *states,
                            const uint8_t (*blocks)[GOSTKEY_STREEBOG_BLOCK], size_t n)
{
    const struct gostkey_streebog_kernel *kernel = gostkey_streebog_kernel;
    gostkey_streebog_work works[LANES], *places[LANES];

    for (size_t i = 0; i < n; i++) {
        places[i] = &works[i];
        memset(works[i].h, size == 32 ? 1 : 0, sizeof works[i].h);
        memset(works[i].n, 0, sizeof works[i].n);
        gostkey_streebog_load(works[i].m, blocks[i]);
    }
    if (kernel->begin != NULL) {
        kernel->begin(size, places, n);
    } else {
        kernel->compress(places, n);
    }
    for (size_t i = 0; i < n; i++) {
        gostkey_streebog_init(&states[i], size, 1);
        memcpy(states[i].h, works[i].h, sizeof states[i].h);
        memcpy(states[i].sigma, works[i].m, sizeof states[i].sigma);
        states[i].n[0] = 8 * GOSTKEY_STREEBOG_BLOCK;
    }
    gostkey_wipe(works, n * sizeof *works);
}

void gostkey_streebog_many(int size, uint8_t *out, const uint8_t *messages,
                           size_t length, size_t n)
{
    gostkey_streebog_messages all = {0};

    all.joined = messages;
    all.length = length;
    each(size, out, &all, n, 1);
}
