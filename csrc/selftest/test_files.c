/* Self-test of reading many small files: what is there, what is out of the ordinary, and
 * that nothing is called the same that is not. */

#if defined(__linux__)
#define _GNU_SOURCE
#elif defined(__APPLE__)
#define _DARWIN_C_SOURCE
#elif !defined(_WIN32)
#define _POSIX_C_SOURCE 200809L
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gostkey_files.h"

#define ROOM 20000

static const char *const names[] = {"name.key", "header.key", "masks.key"};
static uint8_t out[ROOM];
static int32_t sizes[3];
static int failures;

static void check(const char *what, int good)
{
    if (!good) {
        printf("files: %s\n", what);
        failures++;
    }
}

static int is_empty(void)
{
    for (size_t i = 0; i < ROOM; i++) {
        if (out[i] != 0) {
            return 0;
        }
    }
    return 1;
}

#if defined(_WIN32)

int test_files(void)
{
    memset(out, 1, ROOM);
    check("a folder is read by other means",
          gostkey_read_folder(".", names, 3, 7, 100, out, ROOM, sizes) == -1 && is_empty());
    check("there is no queue", gostkey_queue_new() == 0);
    return failures;
}

#else

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/gostkey-selftest-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[64];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Leave a file of `size` bytes, each of which is `octet`, flushed and open. */
static int leave(const char *name, size_t size, int octet)
{
    static uint8_t content[ROOM];
    const int file = open(path_of(name), O_RDWR | O_CREAT | O_TRUNC, 0600);

    memset(content, octet, size);
    check("a file is written", file >= 0 && write(file, content, size) == (ssize_t)size);
    check("a file is flushed", fsync(file) == 0);
    return file;
}

static int read_it(uint32_t wanted, size_t largest, size_t room)
{
    memset(out, 9, ROOM);
    return gostkey_read_folder(folder, names, 3, wanted, largest, out, room, sizes);
}

static void test_folder(void)
{
    close(leave("Name.KEY", 3, 'n'));
    close(leave("header.key", 1000, 'h'));
    close(leave("other", 5, 'o'));
    check("a folder is read", read_it(7, 1000, ROOM) == 0 && sizes[0] == 3 &&
                                  sizes[1] == 1000 && sizes[2] == -1 && out[0] == 'n' &&
                                  out[3] == 'h' && out[1002] == 'h');
    check("what is not wanted is looked for",
          read_it(2, 1000, ROOM) == 0 && sizes[0] == 0 && sizes[1] == 1000 &&
              sizes[2] == -1 && out[0] == 'h');
    check("a large file is left", read_it(7, 999, ROOM) == -1 && is_empty());
    memset(out, 0, ROOM);
    check("what does not fit is left", read_it(7, 1000, 1003) == -1 && out[0] == 0 &&
                                           out[1002] == 0 && out[1003] == 9);
    close(leave("NAME.key", 3, 'n'));
    check("two of a name are left", read_it(7, 1000, ROOM) == -1 && is_empty());
    unlink(path_of("NAME.key"));
    close(leave("\xe2\x84\xaa", 3, 'n'));
    check("a name that is not ASCII is left", read_it(7, 1000, ROOM) == -1);
    unlink(path_of("\xe2\x84\xaa"));
    check("a folder is made", mkdir(path_of("masks.key"), 0700) == 0);
    check("a folder in place of a file is left", read_it(7, 1000, ROOM) == -1);
    rmdir(path_of("masks.key"));
    unlink(path_of("Name.KEY"));
    unlink(path_of("header.key"));
    unlink(path_of("other"));
    check("an empty folder is read", read_it(7, 1000, ROOM) == 0 && sizes[0] == -1 &&
                                         sizes[1] == -1 && sizes[2] == -1);
    check("no folder is told",
          gostkey_read_folder(path_of("none"), names, 3, 7, 1000, out, ROOM, sizes) == -1);
}

/* More than are asked for at once, of all sizes around a block's. */
#define MANY 560

static void test_reading_back(void)
{
    static const uint32_t some_sizes[] = {0, 1, 36, 4095, 4096, 4097, 9000};
    static int files[MANY];
    static uint32_t lengths[MANY];
    static uint8_t same[MANY];
    size_t all = 0, at = 0, known = 0;
    uint64_t queue;
    uint8_t *expected;

    for (size_t i = 0; i < MANY; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "%u", (unsigned)i);
        lengths[i] = some_sizes[i % 7];
        files[i] = leave(name, lengths[i], (int)(i % 251));
        all += lengths[i];
    }
    expected = malloc(all);
    check("there is memory", expected != NULL);
    for (size_t i = 0; expected != NULL && i < MANY; at += lengths[i], i++) {
        memset(expected + at, (int)(i % 251), lengths[i]);
    }
    /* What is not as it was written: one octet more, one less, another one, and a file
     * that cannot be read. */
    check("files are spoiled", pwrite(files[8], "x", 1, lengths[8]) == 1 &&
                                   ftruncate(files[9], lengths[9] - 1) == 0 &&
                                   pwrite(files[544], "x", 1, lengths[544] - 1) == 1);
    fsync(files[8]), fsync(files[9]), fsync(files[544]);
    close(files[10]);
    files[10] = open(path_of("10"), O_WRONLY);
    close(files[11]);
    queue = gostkey_queue_new();
    memset(same, queue == 0 ? 0 : 7, MANY);
    if (expected != NULL && queue != 0) {
        gostkey_read_back(queue, files, lengths, MANY, expected, same);
        gostkey_queue_free(queue);
    }
    for (size_t i = 0; i < MANY; i++) {
        known += same[i];
    }
    check("what is not the same is not called so",
          same[8] == 0 && same[9] == 0 && same[544] == 0 && same[10] == 0 && same[11] == 0);
    check("all others are known, or none", known == 0 || known == MANY - 5);
    printf("files: %u of %u read back past the cache\n", (unsigned)known, MANY);
    /* What is not known is then read in the ordinary way. */
    check("a file can still be read", pread(files[544], out, 5, 3) == 5);
    for (size_t i = 0; i < MANY; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "%u", (unsigned)i);
        if (i != 11) {
            close(files[i]);
        }
        unlink(path_of(name));
    }
    free(expected);
}

int test_files(void)
{
    failures = 0;
    (void)snprintf(folder, sizeof folder, "/tmp/gostkey-selftest-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        printf("files: no folder can be made in /tmp\n");
        return 1;
    }
    test_folder();
    test_reading_back();
    check("nothing is left", rmdir(folder) == 0);
    return failures;
}

#endif
