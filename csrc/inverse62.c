/* Inverses by divsteps for compilers with a 128-bit type; inverse30.c is the twin for
 * the others, and tells what divsteps are.
 *
 * f = m and g = x go through 600 steps for 256 bits (590 are enough) and 1200 for 512
 * bits (1181 are), sixty at a time.  Sixty steps look only at the lowest 60 bits
 * of f and g and give a matrix; times four it is applied to all of f, g, d and e with
 * an exact division by 2^62.
 *
 * The sixty are three times twenty.  Twenty steps need the lowest 20 bits only, and
 * their matrix fits 21 bits, so that a row of it and the number it makes share
 * one word, and one addition serves all three.  Let M be the matrix after i steps,
 * 2^i (f, g) = M (f at first, g at first), M = (u v; q r).  Kept are
 *
 *     F = f - 2^(20 - i) (2^21 u + 2^42 v)    G = g - 2^(20 - i) (2^21 q + 2^42 r)
 *
 * as integers, so that a step is F := F or G, and G := (G +- F) / 2 or G / 2, exactly.
 * With f and g at first in 0..2^20 - 1, |f| < 2^20 and |g| < 2^20 always.  In the end
 * the parts can be told apart:  |u| + |v| <= 2^20, |q| + |r| <= 2^20, and neither u nor
 * q is -2^20:  a step's matrix is (2 0; 0, 1 or -1, 1) or (0 2; -1 1), so v is
 * always even and r odd.  q = -2^20 would make r = 0, which is even.  v = 0 only until
 * (u, v) is first replaced, by twice a row whose r is odd; till then u = 2^i.  So
 * -u and -q are in -2^20..2^20 - 1, the 21 bits they have.
 *
 * Numbers are n signed words of 62 bits, the lowest first: all but the last are in
 * 0..2^62 - 1, the last carries the sign.  Right shifts of negative numbers are taken
 * to be arithmetic, as they are with every compiler we know.
 *
 * Sources: [BY19] D. Bernstein, B.-Y. Yang, Fast constant-time gcd computation and
 * modular inversion; P. Wuille, "The safegcd implementation in libsecp256k1
 * explained" (half delta, ranges of d and e, the bound for 256 bits); [Pornin20]
 * T. Pornin, Optimized binary GCD for modular inversion (the bound for any size, and
 * parts that share a word); s2n-bignum, bignum_inv_p256 (this way to share it). */

#include "inverse.h"

#include "ct.h"
#include "wide.h"
#include "wipe.h"

#if defined(GOSTKEY_WIDE_INT128)

__extension__ typedef __int128 wide;

#define BITS 62
#define MASK ((int64_t)(((uint64_t)1 << BITS) - 1))
#define MAX_WORDS 9

struct number {
    int64_t v[MAX_WORDS];
};

/* What some steps do: 2^steps (f, g) := (u f + v g, q f + r g). */
struct matrix {
    int64_t u, v, q, r;
};

/* Twenty steps on the lowest bits of f and g; return the new zeta = -delta - 1/2. */
static inline int64_t twenty_steps(struct matrix *t, int64_t zeta, uint64_t low_f,
                                   uint64_t low_g)
{
    const uint64_t low = ((uint64_t)1 << 20) - 1;
    const uint64_t half = (uint64_t)1 << 20, halves = half + ((uint64_t)1 << 41);
    uint64_t f = (low_f & low) - ((uint64_t)1 << 41); /* u = 2^20 */
    uint64_t g = (low_g & low) - ((uint64_t)1 << 62); /* r = 2^20 */

    for (int i = 0; i < 20; i++) {
        /* Masks: delta > 0; g is odd; both. */
        uint64_t minus = gostkey_barrier((uint64_t)(zeta >> 63));
        uint64_t odd = gostkey_barrier((uint64_t)0 - (g & 1));
        uint64_t swap = minus & odd;
        uint64_t signed_f = (f ^ minus) - minus;
        uint64_t difference = f ^ g;

        /* g += or -= f if g is odd, by the sign of delta. */
        g += signed_f & odd;
        g = (uint64_t)((int64_t)g >> 1);
        /* f := the old g and delta := -delta, if both. */
        f ^= difference & swap;
        zeta = (int64_t)((uint64_t)zeta ^ swap) - 1;
    }
    t->u = -((int64_t)((f + half) << 22) >> 43);
    t->v = -((int64_t)(f + halves) >> 42);
    t->q = -((int64_t)((g + half) << 22) >> 43);
    t->r = -((int64_t)(g + halves) >> 42);
    return zeta;
}

/* t := what twenty steps do after those of t; all fits 61 bits. */
static inline void after(struct matrix *t, const struct matrix *twenty)
{
    struct matrix old = *t;

    t->u = twenty->u * old.u + twenty->v * old.q;
    t->v = twenty->u * old.v + twenty->v * old.r;
    t->q = twenty->q * old.u + twenty->r * old.q;
    t->r = twenty->q * old.v + twenty->r * old.r;
}

/* Sixty steps on the lowest 60 bits of f and g, and four times their matrix. */
static inline int64_t sixty_steps(struct matrix *t, int64_t zeta, int64_t f, int64_t g)
{
    struct matrix twenty;
    uint64_t low_f = (uint64_t)f, low_g = (uint64_t)g;

    zeta = twenty_steps(t, zeta, low_f, low_g);
    for (int i = 0; i < 2; i++) {
        const struct matrix *last = i == 0 ? t : &twenty;
        uint64_t next_f = (uint64_t)last->u * low_f + (uint64_t)last->v * low_g;
        uint64_t next_g = (uint64_t)last->q * low_f + (uint64_t)last->r * low_g;

        low_f = next_f >> 20;
        low_g = next_g >> 20;
        zeta = twenty_steps(&twenty, zeta, low_f, low_g);
        after(t, &twenty);
    }
    t->u *= 4;
    t->v *= 4;
    t->q *= 4;
    t->r *= 4;
    return zeta;
}

/* (f, g) := matrix (f, g) / 2^62, exactly.  |u| + |v| <= 2^62, so a sum and its
 * carry are below 2^125. */
static inline void apply(struct number *f, struct number *g, const struct matrix *t,
                         const int n)
{
    wide cf = (wide)t->u * f->v[0] + (wide)t->v * g->v[0];
    wide cg = (wide)t->q * f->v[0] + (wide)t->r * g->v[0];

    cf >>= BITS;
    cg >>= BITS;
    for (int i = 1; i < n; i++) {
        int64_t fi = f->v[i], gi = g->v[i];

        cf += (wide)t->u * fi + (wide)t->v * gi;
        cg += (wide)t->q * fi + (wide)t->r * gi;
        f->v[i - 1] = (int64_t)cf & MASK;
        g->v[i - 1] = (int64_t)cg & MASK;
        cf >>= BITS;
        cg >>= BITS;
    }
    f->v[n - 1] = (int64_t)cf;
    g->v[n - 1] = (int64_t)cg;
}

/* (d, e) := matrix (d, e) / 2^62 mod m; both stay between -2 m and m.  What makes
 * them divisible is a multiple of m, and another one keeps negative ones small. */
static inline void apply_mod(struct number *d, struct number *e, const struct matrix *t,
                             const struct number *m, uint64_t m_inverse, const int n)
{
    int64_t d_sign = d->v[n - 1] >> 63, e_sign = e->v[n - 1] >> 63;
    int64_t md = (t->u & d_sign) + (t->v & e_sign);
    int64_t me = (t->q & d_sign) + (t->r & e_sign);
    wide cd = (wide)t->u * d->v[0] + (wide)t->v * e->v[0];
    wide ce = (wide)t->q * d->v[0] + (wide)t->r * e->v[0];

    md -= (int64_t)((m_inverse * (uint64_t)cd + (uint64_t)md) & (uint64_t)MASK);
    me -= (int64_t)((m_inverse * (uint64_t)ce + (uint64_t)me) & (uint64_t)MASK);
    cd += (wide)m->v[0] * md;
    ce += (wide)m->v[0] * me;
    cd >>= BITS;
    ce >>= BITS;
    for (int i = 1; i < n; i++) {
        int64_t di = d->v[i], ei = e->v[i], mi = m->v[i];

        cd += (wide)t->u * di + (wide)t->v * ei + (wide)mi * md;
        ce += (wide)t->q * di + (wide)t->r * ei + (wide)mi * me;
        d->v[i - 1] = (int64_t)cd & MASK;
        e->v[i - 1] = (int64_t)ce & MASK;
        cd >>= BITS;
        ce >>= BITS;
    }
    d->v[n - 1] = (int64_t)cd;
    e->v[n - 1] = (int64_t)ce;
}

/* d += m if d is negative; then d := -d where negate is all ones. */
static void add_and_negate(struct number *d, const struct number *m, int64_t negate,
                           int n)
{
    int64_t add = d->v[n - 1] >> 63;
    int64_t carry = 0;

    for (int i = 0; i < n; i++) {
        int64_t word = d->v[i] + (m->v[i] & add);

        word = ((word ^ negate) - negate) + carry;
        carry = 0;
        if (i < n - 1) {
            carry = word >> BITS;
            word &= MASK;
        }
        d->v[i] = word;
    }
}

static void load(struct number *z, const uint64_t *x, unsigned limbs, int n)
{
    for (int i = 0; i < n; i++) {
        unsigned word = (unsigned)i * BITS / 64, shift = (unsigned)i * BITS % 64;
        uint64_t bits = word < limbs ? x[word] >> shift : 0;

        if (shift + BITS > 64 && word + 1 < limbs) {
            bits |= x[word + 1] << (64 - shift);
        }
        z->v[i] = (int64_t)(bits & (uint64_t)MASK);
    }
}

static void store(uint64_t *z, const struct number *x, unsigned limbs, int n)
{
    for (unsigned i = 0; i < limbs; i++) {
        z[i] = 0;
    }
    for (int i = 0; i < n; i++) {
        unsigned word = (unsigned)i * BITS / 64, shift = (unsigned)i * BITS % 64;
        uint64_t bits = (uint64_t)x->v[i];

        if (word < limbs) {
            z[word] |= bits << shift;
        }
        if (shift + BITS > 64 && word + 1 < limbs) {
            z[word + 1] |= bits >> (64 - shift);
        }
    }
}

/* n is a constant where this is called, so that the loops are written out. */
static inline void invert(uint64_t *z, const uint64_t *x, const uint64_t *m,
                          unsigned limbs, const int n, const int rounds)
{
    struct number d = {{0}}, e = {{1}}, f, g, modulus;
    struct matrix t;
    uint64_t m_inverse = m[0];
    int64_t zeta = -1; /* delta = 1/2 */

    /* Newton: m[0] is its own inverse mod 8; each turn doubles the bits. */
    for (int i = 0; i < 5; i++) {
        m_inverse *= 2 - m[0] * m_inverse;
    }
    load(&modulus, m, limbs, n);
    load(&g, x, limbs, n);
    f = modulus;
    for (int i = 0; i < rounds; i++) {
        zeta = sixty_steps(&t, zeta, f.v[0], g.v[0]);
        apply(&f, &g, &t, n);
        apply_mod(&d, &e, &t, &modulus, m_inverse, n);
    }
    /* f = +-1, so 1/x = +-d; d is between -2 m and m. */
    add_and_negate(&d, &modulus, f.v[n - 1] >> 63, n);
    add_and_negate(&d, &modulus, 0, n);
    store(z, &d, limbs, n);
    gostkey_wipe(&d, sizeof d);
    gostkey_wipe(&e, sizeof e);
    gostkey_wipe(&f, sizeof f);
    gostkey_wipe(&g, sizeof g);
    gostkey_wipe(&t, sizeof t);
}

void gostkey_invert(uint64_t *z, const uint64_t *x, const uint64_t *m, unsigned limbs)
{
    if (limbs == 4) {
        invert(z, x, m, 4, 5, 10);
    } else {
        invert(z, x, m, 8, 9, 20);
    }
}

#endif
