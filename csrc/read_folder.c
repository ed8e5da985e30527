/* The files of a folder, read with one call.
 *
 * A container is six small files, and what Python adds to each call of the system adds up.
 * All is done anew by the caller if anything is out of the ordinary, and told there. */

/* For openat and fdopendir under -std=c11. */
#if defined(__linux__)
#define _GNU_SOURCE
#elif defined(__APPLE__)
#define _DARWIN_C_SOURCE
#elif !defined(_WIN32)
#define _POSIX_C_SOURCE 200809L
#endif

#include "gostkey_files.h"

#include <string.h>

#include "wipe.h"

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
