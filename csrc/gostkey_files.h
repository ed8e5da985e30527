/* Many small files, read with few calls, for callers outside the core.
 *
 * Nothing here tells what is wrong: whatever is out of the ordinary is left to the
 * caller, who does it again with the system's own calls and sees why. */

#ifndef GOSTKEY_FILES_H
#define GOSTKEY_FILES_H

#include <stddef.h>
#include <stdint.h>

/* ffi: begin */

/* Read files of a folder that are called so, in capitals or not.
 *
 * names: `count` names (16 at most) of 1 to 31 small letters of ASCII, digits and the like;
 * wanted: bit k is set if the content of the k-th is wanted;
 * largest: bytes that a file may have;
 * out: gets the contents one after the other, in the order of `names`; its last byte is
 * never part of one;
 * sizes: gets the size of each, 0 if only its being there is asked, -1 if it is not.
 *
 * Returns 0; or -1 if anything is out of the ordinary: no such folder, a file that is no
 * regular one, too large or changing, two files of one name, a name that is not ASCII, not
 * enough room, or a system that this is not made for.  Then `out` holds zeros. */
int gostkey_read_folder(const char *folder, const char *const *names, size_t count,
                        uint32_t wanted, size_t largest, uint8_t *out, size_t room,
                        int32_t *sizes);

/* Make a queue of the kernel's for `gostkey_read_back`; 0 where there is none.  A forked
 * process does not have it. */
uint64_t gostkey_queue_new(void);

/* Take a queue down, which the kernel takes 30 ms for; at the end of a process it does so
 * with those that are left. */
void gostkey_queue_free(uint64_t queue);

/* Read files back that were just written and flushed, from the medium and not from the
 * system's memory of it, all at the same time.
 *
 * queue: of this process, in use by no other thread;
 * descriptors: `count` of them, open for reading;
 * sizes: bytes that each should have;
 * expected: their contents, one after the other;
 * same: gets 1 for a file that reads so and is no longer; 0 for one that does not or could
 * not be read in this way, which says nothing of it yet. */
void gostkey_read_back(uint64_t queue, const int *descriptors, const uint32_t *sizes,
                       size_t count, const uint8_t *expected, uint8_t *same);

/* ffi: end */

#endif
