/* Many small files, read with few calls.
 *
 * A container is six small files.  What Python adds to each call of the system takes longer
 * than many of the calls, and the files of one container after the other are waited for.
 *
 * Reading back goes past the page cache (O_DIRECT), which holds what was written and would
 * prove nothing; a hundred files are asked for with one call.  The queue is that of Linux's
 * own AIO and not io_uring, which containers of the usual kind forbid.
 *
 * Source: io_submit(2), open(2) on O_DIRECT, statx(2) on STATX_DIOALIGN, of Linux. */

/* For openat, fdopendir and syscall under -std=c11. */
#if defined(__linux__)
#define _GNU_SOURCE
#elif defined(__APPLE__)
#define _DARWIN_C_SOURCE
#elif !defined(_WIN32)
#define _POSIX_C_SOURCE 200809L
#endif

#include "gostkey_files.h"

#include <stdlib.h>
#include <string.h>

#include "wipe.h"

/* -- a folder -------------------------------------------------------------- */

#if !defined(_WIN32)

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_NAMES 16
#define LONGEST_NAME 31

/* Say whether an entry is called `name`, in capitals or not. */
static int is_called(const char *entry, const char *name)
{
    for (; *entry != '\0'; entry++, name++) {
        const char small = *entry >= 'A' && *entry <= 'Z' ? (char)(*entry + 32) : *entry;

        if (small != *name) {
            return 0;
        }
    }
    return *name == '\0';
}

static int is_ascii(const char *text)
{
    while (*text != '\0') {
        if ((unsigned char)*text++ > 127) {
            return 0;
        }
    }
    return 1;
}

/* Find under which names the files are there; an empty one is not. */
static int find(DIR *listing, const char *const *names, size_t count,
                char found[MOST_NAMES][LONGEST_NAME + 1])
{
    const struct dirent *entry;

    while (errno = 0, (entry = readdir(listing)) != NULL) {
        if (!is_ascii(entry->d_name)) {
            return -1; /* the small letter of some others is one of ASCII */
        }
        for (size_t k = 0; k < count; k++) {
            if (is_called(entry->d_name, names[k])) {
                if (found[k][0] != '\0') {
                    return -1;
                }
                (void)strcpy(found[k], entry->d_name); /* as long as its name */
            }
        }
    }
    return errno == 0 ? 0 : -1;
}

/* Read a regular file of at most `largest` bytes, fewer than `room`; -1 otherwise. */
static int32_t read_whole(int folder, const char *name, size_t largest, uint8_t *out,
                          size_t room)
{
    /* Without O_NONBLOCK the open would wait at a pipe for its other end. */
    const int descriptor = openat(folder, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat about;
    int32_t size = -1;

    if (descriptor < 0) {
        return -1;
    }
    if (fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode) && about.st_size >= 0 &&
        (uintmax_t)about.st_size <= largest && (uintmax_t)about.st_size < room &&
        about.st_size < INT32_MAX &&
        /* One byte more is asked for, to see that it has not grown. */
        read(descriptor, out, (size_t)about.st_size + 1) == (ssize_t)about.st_size) {
        size = (int32_t)about.st_size;
    }
    (void)close(descriptor);
    return size;
}

int gostkey_read_folder(const char *folder, const char *const *names, size_t count,
                        uint32_t wanted, size_t largest, uint8_t *out, size_t room,
                        int32_t *sizes)
{
    char found[MOST_NAMES][LONGEST_NAME + 1] = {{0}};
    size_t used = 0;
    int good;
    DIR *listing;
    const int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (descriptor < 0) {
        return -1;
    }
    listing = fdopendir(descriptor); /* which closes it, too */
    if (listing == NULL) {
        (void)close(descriptor);
        return -1;
    }
    good = count <= MOST_NAMES;
    for (size_t k = 0; good && k < count; k++) {
        good = strlen(names[k]) <= LONGEST_NAME;
    }
    good = good && find(listing, names, count, found) == 0;
    for (size_t k = 0; good && k < count; k++) {
        if (found[k][0] == '\0') {
            sizes[k] = -1;
        } else if ((wanted >> k & 1) == 0) {
            sizes[k] = 0;
        } else {
            sizes[k] = read_whole(descriptor, found[k], largest, out + used, room - used);
            good = sizes[k] >= 0;
            used += good ? (size_t)sizes[k] : 0;
        }
    }
    (void)closedir(listing);
    if (!good) {
        gostkey_wipe(out, room);
        return -1;
    }
    return 0;
}

#else

int gostkey_read_folder(const char *folder, const char *const *names, size_t count,
                        uint32_t wanted, size_t largest, uint8_t *out, size_t room,
                        int32_t *sizes)
{
    (void)folder, (void)names, (void)count, (void)wanted, (void)largest, (void)sizes;
    gostkey_wipe(out, room);
    return -1;
}

#endif

/* -- reading back ---------------------------------------------------------- */

#if defined(__linux__) && defined(__has_include)
#if __has_include(<linux/aio_abi.h>)
#include <sys/syscall.h>
#if defined(SYS_io_submit) && defined(SYS_statx)
#define CAN_READ_BACK
#endif
#endif
#endif

#if defined(CAN_READ_BACK)

#include <linux/aio_abi.h>

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

static size_t whole_blocks(size_t size)
{
    return (size + BLOCK) / BLOCK * BLOCK; /* with room for a byte more */
}

/* Begin to read a file, if it can be read in this way. */
static int ask(struct request *one, int descriptor)
{
    if (!reads_directly(descriptor) || fcntl(descriptor, F_SETFL, O_DIRECT) != 0) {
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
