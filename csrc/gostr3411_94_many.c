/* GOST R 34.11-94 of many messages side by side, one in each lane of the kernel.
 *
 * Messages of a call start together; one that is shorter than others waits until the
 * last has ended, since what is hashed here many at once is of one length or nearly so.
 *
 * Source: GOST R 34.11-94 (RFC 5831), 6. */

#include <string.h>

#include "bytes.h"
#include "gostr3411_94.h"
#include "kernels.h"

#define LANES GOSTKEY_GOSTR3411_94_LANES
#define BLOCK GOSTKEY_GOSTR3411_94_BLOCK

static const struct gostkey_gostr3411_94_kernel *kernel(void)
{
    return gostkey_kernels->gostr3411_94;
}

/* The first n lanes. */
static unsigned first_lanes(size_t n)
{
    return (1u << n) - 1;
}

void gostkey_gostr3411_94_many_init(gostkey_gostr3411_94_many *many, unsigned sbox_id)
{
    memset(many, 0, sizeof *many);
    kernel()->prepare(&many->room, sbox_id);
}

void gostkey_gostr3411_94_start(gostkey_gostr3411_94_many *many,
                                gostkey_gostr3411_94_lanes *started,
                                const uint8_t (*blocks)[BLOCK], size_t n)
{
    const uint8_t *places[LANES];

    for (size_t i = 0; i < LANES; i++) {
        places[i] = blocks[i < n ? i : 0];
    }
    memset(started, 0, sizeof *started);
    if (n != 0) {
        kernel()->step(&many->room, started, places, first_lanes(n), 1);
    }
}

void gostkey_gostr3411_94_each(gostkey_gostr3411_94_many *many, uint8_t *out,
                               const gostkey_gostr3411_94_lanes *started,
                               const uint8_t *const *messages, const uint64_t *lengths,
                               size_t n)
{
    const uint64_t before = started != NULL ? BLOCK : 0;
    const uint8_t *places[LANES];
    uint64_t longest = 0;

    if (n == 0) {
        return;
    }
    if (started != NULL) {
        many->lanes = *started;
    } else {
        memset(&many->lanes, 0, sizeof many->lanes);
    }
    for (size_t i = 0; i < LANES; i++) {
        places[i] = many->ends[i];
        if (i < n && lengths[i] > longest) {
            longest = lengths[i];
        }
    }
    for (uint64_t done = 0; done < longest; done += BLOCK) {
        unsigned which = 0;

        for (size_t i = 0; i < n; i++) {
            if (done >= lengths[i]) {
                continue;
            }
            which |= 1u << i;
            if (lengths[i] - done >= BLOCK) {
                places[i] = messages[i] + done;
            } else {
                memset(many->ends[i], 0, BLOCK);
                memcpy(many->ends[i], messages[i] + done, (size_t)(lengths[i] - done));
                places[i] = many->ends[i];
            }
        }
        kernel()->step(&many->room, &many->lanes, places, which, 1);
    }
    for (size_t i = 0; i < n; i++) {
        const uint64_t bytes = lengths[i] + before;

        memset(many->ends[i], 0, BLOCK);
        gostkey_store64_le(many->ends[i], bytes << 3);
        many->ends[i][8] = (uint8_t)(bytes >> 61);
        places[i] = many->ends[i];
    }
    kernel()->step(&many->room, &many->lanes, places, first_lanes(n), 0);
    kernel()->last(&many->room, &many->lanes, many->digests, first_lanes(n));
    memcpy(out, many->digests, sizeof many->digests[0] * n);
}
