/* Files read back from the medium, hundreds at the same time.
 *
 * It goes past the page cache (O_DIRECT), which holds what was written and would prove
 * nothing.  The queue is that of Linux's own AIO and not io_uring, which containers of the
 * usual kind forbid.
 *
 * Source: io_submit(2), open(2) on O_DIRECT, statx(2) on STATX_DIOALIGN, of Linux. */

/* For syscall and O_DIRECT under -std=c11. */
#if defined(__linux__)
#define _GNU_SOURCE
#endif

#include "gostkey_files.h"

#include <stdlib.h>
#include <string.h>

#include "wipe.h"

#if defined(__linux__) && defined(__has_include)
#if __has_include(<linux/aio_abi.h>)
#include <sys/syscall.h>
#if defined(SYS_io_submit) && defined(SYS_statx)
#define CAN_READ_BACK
#endif
#endif
#endif

#if defined(CAN_READ_BACK)

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <unistd.h>

/* What a direct read begins and ends at, in files and in memory; no disk asks for more. */
#define BLOCK 4096
/* Files that are asked for at the same time. */
#define AT_ONCE 512
/* Answers that are waited for together. */
#define SOME 64

/* struct statx of Linux, of which older headers do not know the part that is needed. */
#define ANSWER_SIZE 256
#define ASKED_DIOALIGN 0x2000U
#define AT_MASK 0
#define AT_DIO_MEM_ALIGN 152
#define AT_DIO_OFFSET_ALIGN 156

/* A file that is on its way. */
struct request {
    struct iocb call;
    uint8_t *buffer;
    const uint8_t *expected;
    size_t size;
    size_t place;
};

static uint32_t word(const uint8_t *answer, size_t at)
{
    uint32_t value;

    memcpy(&value, answer + at, sizeof value);
    return value;
}

/* Say whether direct reads of a file come from the medium.  Where they cannot (encrypted,
 * data in the journal, an old kernel), some systems answer from memory, in silence. */
static int reads_directly(int descriptor)
{
    uint8_t answer[ANSWER_SIZE] = {0};
    uint32_t memory, offset;

    if (syscall(SYS_statx, descriptor, "", AT_EMPTY_PATH, ASKED_DIOALIGN, answer) != 0 ||
        (word(answer, AT_MASK) & ASKED_DIOALIGN) == 0) {
        return 0;
    }
    memory = word(answer, AT_DIO_MEM_ALIGN);
    offset = word(answer, AT_DIO_OFFSET_ALIGN);
    return memory != 0 && memory <= BLOCK && offset != 0 && offset <= BLOCK;
}

uint64_t gostkey_queue_new(void)
{
    aio_context_t queue = 0;

    return syscall(SYS_io_setup, AT_ONCE, &queue) == 0 ? (uint64_t)queue : 0;
}

void gostkey_queue_free(uint64_t queue)
{
    (void)syscall(SYS_io_destroy, (aio_context_t)queue);
}

/* Have a file read past the memory, and without a note of that in the file itself, which
 * the disk would have to write; that may be refused where somebody else owns it. */
static int past_memory(int descriptor)
{
    return fcntl(descriptor, F_SETFL, O_DIRECT | O_NOATIME) == 0 ||
           fcntl(descriptor, F_SETFL, O_DIRECT) == 0;
}

static size_t whole_blocks(size_t size)
{
    return (size + BLOCK) / BLOCK * BLOCK; /* with room for a byte more */
}

/* Begin to read a file, if it can be read in this way. */
static int ask(struct request *one, int descriptor)
{
    if (!reads_directly(descriptor) || !past_memory(descriptor)) {
        return 0;
    }
    memset(&one->call, 0, sizeof one->call);
    one->call.aio_data = (uintptr_t)one;
    one->call.aio_lio_opcode = IOCB_CMD_PREAD;
    one->call.aio_fildes = (uint32_t)descriptor;
    one->call.aio_buf = (uintptr_t)one->buffer;
    one->call.aio_nbytes = whole_blocks(one->size);
    return 1;
}

/* Send what was asked; move to the end of `idle` what is refused.  Returns how many are on
 * their way. */
static size_t submit(aio_context_t queue, struct request **asked, size_t count,
                     struct request **idle, size_t *idle_count)
{
    struct iocb *calls[AT_ONCE];
    size_t next = 0, sent = 0;

    for (size_t k = 0; k < count; k++) {
        calls[k] = &asked[k]->call;
    }
    while (next < count) {
        const long taken =
            syscall(SYS_io_submit, queue, (long)(count - next), calls + next);

        if (taken > 0) {
            next += (size_t)taken;
            sent += (size_t)taken;
        } else {
            /* The first that is left may be refused for what it is, or all of them. */
            idle[(*idle_count)++] = asked[next++];
        }
    }
    return sent;
}

/* Wait until some of those on their way have come, and look at each; they move to the end
 * of `idle`.  Returns how many came. */
static size_t receive(aio_context_t queue, size_t on_their_way, struct request **idle,
                      size_t *idle_count, uint8_t *same)
{
    struct io_event events[SOME];
    const long some = on_their_way < SOME ? (long)on_their_way : SOME;
    long come;

    do {
        come = syscall(SYS_io_getevents, queue, some, (long)SOME, events, NULL);
    } while (come == 0 || (come < 0 && errno == EINTR));
    if (come < 0) {
        abort(); /* the kernel would go on writing to memory that is given back */
    }
    for (long k = 0; k < come; k++) {
        struct request *of = (struct request *)(uintptr_t)events[k].data;
        const size_t got = events[k].res > 0 ? (size_t)events[k].res : 0;

        same[of->place] = events[k].res >= 0 && got == of->size &&
                          memcmp(of->buffer, of->expected, got) == 0;
        gostkey_wipe(of->buffer, got);
        idle[(*idle_count)++] = of;
    }
    return (size_t)come;
}

/* Read all files with as many at the same time as there are `requests`. */
static void read_all(aio_context_t queue, struct request *requests,
                     const int *descriptors, const uint32_t *sizes, size_t count,
                     const uint8_t *expected, uint8_t *same)
{
    struct request *idle[AT_ONCE], *asked[AT_ONCE];
    size_t idle_count = AT_ONCE, on_their_way = 0, at = 0;

    for (size_t k = 0; k < AT_ONCE; k++) {
        idle[k] = &requests[k];
    }
    while (at < count || on_their_way > 0) {
        size_t asked_count = 0;

        for (; at < count && idle_count > 0; expected += sizes[at], at++) {
            struct request *one = idle[idle_count - 1];

            one->expected = expected;
            one->size = sizes[at];
            one->place = at;
            if (ask(one, descriptors[at])) {
                asked[asked_count++] = one;
                idle_count--;
            }
        }
        on_their_way += submit(queue, asked, asked_count, idle, &idle_count);
        if (on_their_way > 0) {
            on_their_way -= receive(queue, on_their_way, idle, &idle_count, same);
        }
    }
}

void gostkey_read_back(uint64_t queue, const int *descriptors, const uint32_t *sizes,
                       size_t count, const uint8_t *expected, uint8_t *same)
{
    struct request *requests = calloc(AT_ONCE, sizeof *requests);
    uint8_t *buffer = NULL;
    size_t each = BLOCK;

    memset(same, 0, count);
    for (size_t k = 0; k < count; k++) {
        each = whole_blocks(sizes[k]) > each ? whole_blocks(sizes[k]) : each;
    }
    if (requests != NULL && each <= SIZE_MAX / AT_ONCE &&
        posix_memalign((void **)&buffer, BLOCK, each * AT_ONCE) == 0) {
        for (size_t k = 0; k < AT_ONCE; k++) {
            requests[k].buffer = buffer + k * each;
        }
        read_all((aio_context_t)queue, requests, descriptors, sizes, count, expected, same);
        for (size_t k = 0; k < count; k++) {
            if (!same[k]) {
                /* It will be read in the ordinary way. */
                (void)fcntl(descriptors[k], F_SETFL, 0);
            }
        }
        free(buffer);
    }
    free(requests);
}

#else

uint64_t gostkey_queue_new(void)
{
    return 0;
}

void gostkey_queue_free(uint64_t queue)
{
    (void)queue;
}

void gostkey_read_back(uint64_t queue, const int *descriptors, const uint32_t *sizes,
                       size_t count, const uint8_t *expected, uint8_t *same)
{
    (void)queue, (void)descriptors, (void)sizes, (void)expected;
    memset(same, 0, count);
}

#endif
