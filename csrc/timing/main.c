/* Measures whether the time of the core's functions depends on their secrets: the same
 * call with fixed and with random secrets, in random order.
 *
 *     measure list                                 what there is: target and family
 *     measure TARGET FAMILY SECONDS SEED           one measurement
 *
 * One line comes out: target, family, measurements of each class, and Welch's t, the
 * largest in size of several crops, with its crop.
 *
 * Whether a measurement is of the fixed or the random class is drawn by lot.  If
 * time does not depend on the secret, the lots could as well have fallen otherwise, so
 * t is about as small as for random labels, however noisy the machine is: other
 * work on it makes both classes slower alike.  Inputs are made, and put into one
 * buffer, by the same steps for both classes before the clock is read.  Crops, which
 * leave out the slowest measurements of both classes together, make small
 * differences show behind interrupts [Reparaz-Balasch-Verbauwhede17].
 *
 * Targets that start with canary- leak on purpose.
 *
 * Source: [Reparaz-Balasch-Verbauwhede17] O. Reparaz, J. Balasch, I. Verbauwhede, Dude,
 * is my code constant time? */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "curve.h"
#include "gostkey_elliptic.h"
#include "gostkey_generators.h"
#include "gostkey_hashes.h"
#include "gostkey_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum {
    BATCH = 48, /* of keys: more than what the vector kernels begin with */
    WIDES = 16,
    ROUND = 128, /* inputs made before any of them is measured */
    MOST = 1 << 20,
    SECRET = BATCH * 72
};

static uint64_t seed;

static uint64_t random64(void)
{
    /* SplitMix64. */
    uint64_t z = seed += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint64_t clock_now(void)
{
#if defined(__x86_64__)
    uint64_t t;

    _mm_lfence();
    t = __rdtsc();
    _mm_lfence();
    return t;
#elif defined(__aarch64__)
    uint64_t t;

    __asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(t));
    return t;
#else
    struct timespec t;

    timespec_get(&t, TIME_UTC);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

/* --- Targets ------------------------------------------------------------------ */

static uint8_t out[BATCH * 128], digests[BATCH * 64], fresh[64], salt[12], data[128];
static gostkey_drbg *drbg;
static volatile uint64_t sunk;

static void public_keys(int curve, const uint8_t *secret)
{
    size_t bad;

    gostkey_elliptic_public_keys(curve, out, secret, BATCH, &bad);
}

static void sign_batch(int curve, const uint8_t *secret)
{
    size_t bad;

    gostkey_elliptic_sign(curve, out, secret, 8 * gostkey_curves[curve].limbs, digests,
                          fresh, 0, BATCH, &bad);
}

static void sign_one(int curve, const uint8_t *secret)
{
    size_t bad;

    gostkey_elliptic_sign(curve, out, secret, 0, digests, fresh, 0, 1, &bad);
}

static void one_key(int curve, const uint8_t *secret)
{
    size_t bad;

    gostkey_elliptic_public_keys(curve, out, secret, 1, &bad);
}

static void from_wide(int curve, const uint8_t *secret)
{
    gostkey_elliptic_private_from_wide(curve, out, secret, WIDES);
}

static void hmac(int name, const uint8_t *secret)
{
    gostkey_hmac(name, out, secret, 32, data, sizeof data);
}

static void hmac_of_secret(int name, const uint8_t *secret)
{
    gostkey_hmac(name, out, secret, 64, secret + 64, 192);
}

static void container_key(int name, const uint8_t *secret)
{
    gostkey_container_key(name, out, secret, 32, salt, sizeof salt, 8);
}

/* Of a group that fills the lanes. */
static void container_keys(int name, const uint8_t *secret)
{
    static const uint8_t salts[16 * 12];
    uint64_t sizes[16], salt_sizes[16];

    for (int i = 0; i < 16; i++) {
        sizes[i] = 32;
        salt_sizes[i] = 12;
    }
    gostkey_container_keys(name, out, secret, sizes, salts, salt_sizes, 4, 16);
}

static void pbkdf2(int name, const uint8_t *secret)
{
    gostkey_pbkdf2(name, out, 64, secret, 32, salt, sizeof salt, 4);
}

static void generator(int unused, const uint8_t *secret)
{
    (void)unused;
    gostkey_drbg_reseed(drbg, secret, 48);
    gostkey_drbg_fill(drbg, out, 256);
}

/* Until the first difference, as memcmp may. */
static void canary_compare(int unused, const uint8_t *secret)
{
    size_t i = 0;

    (void)unused;
    while (i < 256 && secret[i] == (i == 0 ? 3 : 0)) {
        i++;
    }
    sunk = i;
}

/* Square and multiply by the bits of the secret. */
static void canary_power(int unused, const uint8_t *secret)
{
    uint64_t x = 3;

    (void)unused;
    for (int i = 0; i < 256; i++) {
        x = x * x + 1;
        if (secret[i / 8] >> i % 8 & 1) {
            for (int j = 0; j < 4; j++) {
                x = x * 0x9e3779b97f4a7c15 + (x >> 7);
            }
        }
    }
    sunk = x;
}

/* What a fixed secret is. */
enum { SMALL, ONE_OF_RANDOM };

static const struct target {
    const char *name;
    void (*run)(int, const uint8_t *);
    int argument; /* curve, or name of a hash */
    int fixed;
    int scalars; /* secrets are numbers in 1..q-1 of the curve */
    int families; /* 0: the same in all families */
} targets[] = {
    {"public-keys-256-b", public_keys, 2, SMALL, 1, 1},
    {"public-keys-256-b-other", public_keys, 2, ONE_OF_RANDOM, 1, 1},
    {"public-keys-256-c", public_keys, 3, SMALL, 1, 1},
    {"public-keys-256-d", public_keys, 4, SMALL, 1, 1},
    {"public-keys-512-a", public_keys, 6, SMALL, 1, 1},
    {"public-keys-512-b", public_keys, 7, SMALL, 1, 1},
    {"one-key-256-b", one_key, 2, SMALL, 1, 1},
    {"one-key-512-a", one_key, 6, SMALL, 1, 1},
    {"sign-256-b", sign_batch, 2, SMALL, 1, 1},
    {"sign-256-b-other", sign_batch, 2, ONE_OF_RANDOM, 1, 1},
    {"sign-256-d", sign_batch, 4, SMALL, 1, 1},
    {"sign-512-a", sign_batch, 6, SMALL, 1, 1},
    {"sign-one-256-b", sign_one, 2, SMALL, 1, 1},
    {"sign-one-512-a", sign_one, 6, SMALL, 1, 1},
    {"private-from-wide-256-b", from_wide, 2, SMALL, 0, 1},
    {"private-from-wide-512-a", from_wide, 6, SMALL, 0, 1},
    {"hmac-streebog512", hmac, 1, SMALL, 0, 1},
    {"hmac-of-secret-streebog256", hmac_of_secret, 0, SMALL, 0, 1},
    {"hmac-gostr3411-94", hmac_of_secret, 2, SMALL, 0, 0},
    {"pbkdf2-streebog512", pbkdf2, 1, SMALL, 0, 1},
    {"container-key-streebog256", container_key, 0, SMALL, 0, 1},
    {"container-keys-gostr3411-94", container_keys, 2, SMALL, 0, 1},
    {"generator", generator, 0, SMALL, 0, 1},
    {"canary-compare", canary_compare, 0, SMALL, 0, 0},
    {"canary-power", canary_power, 0, SMALL, 0, 0},
};

/* A secret of the class; both are made by the same steps. */
static void make_secret(const struct target *target, uint8_t *secret,
                        const uint8_t *one_of_random, int random_class)
{
    uint8_t made[2][SECRET];
    size_t size = 32;

    for (size_t i = 0; i < SECRET; i += 8) {
        const uint64_t word = random64();

        memcpy(made[1] + i, &word, 8);
    }
    memset(made[0], 0, SECRET);
    if (target->fixed == ONE_OF_RANDOM) {
        memcpy(made[0], one_of_random, SECRET);
    } else {
        made[0][0] = 3;
    }
    if (target->scalars) {
        size = 8 * gostkey_curves[target->argument].limbs;
        for (size_t i = 0; i < BATCH; i++) {
            if (target->fixed == SMALL) {
                made[0][size * i] = 3;
            } else {
                memcpy(made[0] + size * i, made[0], size);
            }
            made[0][size * i + size - 1] &= 0x1f; /* below every q */
            made[1][size * i + size - 1] &= 0x1f;
        }
    }
    memcpy(secret, made[random_class], SECRET);
}

/* --- Statistics ----------------------------------------------------------------- */

static uint64_t *times;
static uint8_t *classes;

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Welch's t of the measurements up to the limit. */
static double welch(size_t n, uint64_t limit)
{
    double mean[2] = {0}, m2[2] = {0}, count[2] = {0}, error;

    for (size_t i = 0; i < n; i++) {
        const int class = classes[i];
        const double x = (double)times[i];

        if (times[i] <= limit) {
            const double step = x - mean[class];

            count[class] += 1;
            mean[class] += step / count[class];
            m2[class] += step * (x - mean[class]);
        }
    }
    if (count[0] < 100 || count[1] < 100) {
        return 0;
    }
    error = m2[0] / (count[0] - 1) / count[0] + m2[1] / (count[1] - 1) / count[1];
    /* A clock with steps may give one value only: then another mean is certain. */
    if (error == 0) {
        return mean[0] == mean[1] ? 0 : 1e9;
    }
    return (mean[0] - mean[1]) / sqrt(error);
}

static void report(const struct target *target, const char *family, size_t n)
{
    static const int crops[] = {100, 99, 95, 90, 75, 50, 25};
    uint64_t *sorted = malloc(n * sizeof *sorted);
    double worst = 0;
    int crop = 100;
    size_t of_fixed = 0;

    if (sorted == NULL) {
        exit(2);
    }
    memcpy(sorted, times, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    for (size_t i = 0; i < n; i++) {
        of_fixed += classes[i] == 0;
    }
    for (size_t i = 0; i < sizeof crops / sizeof *crops; i++) {
        const size_t at = n * (size_t)crops[i] / 100;
        const double t = welch(n, sorted[at == 0 ? 0 : at - 1]);

        if (fabs(t) > fabs(worst)) {
            worst = t;
            crop = crops[i];
        }
    }
    printf("%s %s %zu %zu %.2f %d %llu\n", target->name, family, of_fixed, n - of_fixed,
           worst, crop, (unsigned long long)sorted[n / 2]);
    free(sorted);
}

/* --- Measuring ------------------------------------------------------------------ */

static void measure(const struct target *target, const char *family, double seconds)
{
    static uint8_t pool[ROUND][SECRET], secret[SECRET], one_of_random[SECRET];
    const clock_t begin = clock();
    size_t n = 0;

    times = malloc(MOST * sizeof *times);
    classes = malloc(MOST);
    drbg = gostkey_drbg_new();
    if (times == NULL || classes == NULL || drbg == NULL) {
        exit(2);
    }
    for (size_t i = 0; i < sizeof digests; i++) {
        digests[i] = (uint8_t)random64();
    }
    for (size_t i = 0; i < sizeof one_of_random; i++) {
        one_of_random[i] = (uint8_t)random64();
    }
    if (target->scalars || target->run == from_wide) {
        gostkey_elliptic_prepare(target->argument);
    }
    /* The first round only warms up. */
    for (int round = 0; n + ROUND <= MOST; round++) {
        uint8_t lots[ROUND];

        for (int i = 0; i < ROUND; i++) {
            lots[i] = (uint8_t)(random64() >> 33 & 1);
            make_secret(target, pool[i], one_of_random, lots[i]);
        }
        for (int i = 0; i < ROUND; i++) {
            uint64_t before;

            memcpy(secret, pool[i], sizeof secret);
            before = clock_now();
            target->run(target->argument, secret);
            times[n + (size_t)i] = clock_now() - before;
            classes[n + (size_t)i] = lots[i];
        }
        if (round > 0) {
            n += ROUND;
        }
        if (n >= 2048 && (double)(clock() - begin) / CLOCKS_PER_SEC > seconds) {
            break;
        }
    }
    report(target, family, n);
    gostkey_drbg_free(drbg);
    free(times);
    free(classes);
}

int main(int argc, char **argv)
{
    const size_t count = sizeof targets / sizeof *targets;

    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        for (size_t i = 0; i < count; i++) {
            const char *family;

            for (int k = 0; (family = gostkey_kernel_family(k)) != NULL; k++) {
                if (targets[i].families || k == 0) {
                    printf("%s %s\n", targets[i].name, family);
                }
            }
        }
        return 0;
    }
    if (argc != 5 || gostkey_kernels_select(argv[2]) != 0) {
        fprintf(stderr, "measure list | measure TARGET FAMILY SECONDS SEED\n");
        return 2;
    }
    seed = strtoull(argv[4], NULL, 10);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(argv[1], targets[i].name) == 0) {
            measure(&targets[i], argv[2], atof(argv[3]));
            return 0;
        }
    }
    fprintf(stderr, "no target of that name\n");
    return 2;
}
