/* What the programs that measure other libraries have in common.
 *
 *     PROGRAM WHAT [cpu|wall]
 *
 * WHAT is an operation and its parameters, with colons between them, such as
 * sign:tc26-256-b or hash:512:1048576.  The program sets it up, does it once
 * and answers with one line:
 *
 *     ready PROOF ITEMS VERSION   PROOF: hex of the result that others must get
 *                                 too, or - where none is comparable; ITEMS: how
 *                                 many operations one call does, here always 1
 *     none REASON                 the library has no such thing
 *
 * Then, for each line with a number of seconds that it reads, it does the
 * operation for about so long and answers with nanoseconds for one.  The
 * loop holds the operation alone; the clock is the processor time of this
 * process unless "wall" is said.  gostkey.measure talks to it.
 *
 * A program includes this file first, then defines prepare, once and version. */

#ifndef GOSTKEY_PEER_H
#define GOSTKEY_PEER_H

#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Set up the operation of peer_words; what the library lacks ends in none(). */
static void prepare(void);
/* Do the operation once; ends in fail() if it does not work. */
static void once(void);
static const char *version(void);

/* WHAT, cut at its colons; "" for what is not there. */
static const char *peer_words[4] = {"", "", "", ""};
static char peer_proof[129];

static inline int is(int i, const char *word)
{
    return strcmp(peer_words[i], word) == 0;
}

static inline void none(const char *reason)
{
    printf("none %s\n", reason);
    exit(0);
}

static inline void fail(const char *what)
{
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

static inline void prove(const unsigned char *result, size_t size)
{
    for (size_t i = 0; i < size && i < 64; i++) {
        snprintf(peer_proof + 2 * i, 3, "%02x", result[i]);
    }
}

/* The message that all sides hash: byte i is 131 i mod 256. */
static inline unsigned char *message_of(size_t size)
{
    unsigned char *data = malloc(size + 1);

    if (data == NULL) {
        fail("malloc");
    }
    for (size_t i = 0; i < size; i++) {
        data[i] = (unsigned char)(i * 131);
    }
    return data;
}

static inline double peer_now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    char line[64];
    unsigned long chunk = 1;
    clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;

    if (argc < 2) {
        fprintf(stderr, "usage: PROGRAM WHAT [cpu|wall]\n");
        return 2;
    }
    if (argc > 2 && strcmp(argv[2], "wall") == 0) {
        clock = CLOCK_MONOTONIC;
    }
    for (int i = 0; i < 4 && argv[1] != NULL; i++) {
        char *colon = strchr(argv[1], ':');

        peer_words[i] = argv[1];
        if (colon != NULL) {
            *colon++ = '\0';
        }
        argv[1] = colon;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    prepare();
    once();
    printf("ready %s 1 %s\n", *peer_proof ? peer_proof : "-", version());
    while (fgets(line, sizeof line, stdin) != NULL) {
        double wanted = 1e9 * strtod(line, NULL), start = peer_now(clock), spent;
        unsigned long count = 0;

        do {
            for (unsigned long i = 0; i < chunk; i++) {
                once();
            }
            count += chunk;
            spent = peer_now(clock) - start;
            /* Look at the clock about a thousand times a second, no more. */
            if (spent < 1e6) {
                chunk *= 2;
            }
        } while (spent < wanted);
        printf("%.3f\n", spent / (double)count);
    }
    return 0;
}

#endif
