/* Inverses by divsteps for compilers without a 128-bit type; inverse62.c is the twin
 * for the others.  Divsteps are the constant-time greatest common divisor of Bernstein
 * and Yang, here in the variant with half delta.
 *
 * f = m and g = x go through a fixed number of steps, each of which halves g
 * or (f, g) := (g, (g - f) / 2) and the like; in the end g = 0 and f = +-1.  Thirty
 * steps look only at the lowest 30 bits of f and g, and give a matrix that is
 * then applied to all of f, g and to d, e, where f = d x and g = e x mod m all
 * along.  600 steps are enough for 256 bits (590 are), 1260 for 512 bits (1181 are).
 *
 * Numbers here are n signed words of 30 bits, the lowest first: all but the last
 * are in 0..2^30 - 1, the last carries the sign.  Products of two words and sums of
 * a few fit an int64_t on every machine.  Right shifts of negative numbers are taken
 * to be arithmetic, as they are with every compiler we know.
 *
 * Sources: [BY19] D. Bernstein, B.-Y. Yang, Fast constant-time gcd computation and
 * modular inversion; P. Wuille, "The safegcd implementation in libsecp256k1
 * explained" (half delta, ranges of d and e) and the bounds computed with it. */

#include "inverse.h"

#include "ct.h"
#include "wide.h"
#include "wipe.h"

#if !defined(GOSTKEY_WIDE_INT128)

#define BITS 30
#define MASK ((int32_t)(((uint32_t)1 << BITS) - 1))
#define MAX_WORDS 18

struct number {
    int32_t v[MAX_WORDS];
};

/* What 30 steps do: 2^30 (f, g) := (u f + v g, q f + r g). */
struct matrix {
    int32_t u, v, q, r;
};

/* Thirty steps on the lowest bits of f and g; return the new zeta = -delta - 1/2. */
static int32_t thirty_steps(struct matrix *t, int32_t zeta, uint32_t f, uint32_t g)
{
    uint32_t u = 1, v = 0, q = 0, r = 1;

    for (int i = 0; i < BITS; i++) {
        /* Masks: delta > 0; g is odd. */
        uint32_t swap = (uint32_t)gostkey_barrier((uint64_t)0 - ((uint32_t)zeta >> 31));
        uint32_t odd = (uint32_t)gostkey_barrier((uint64_t)0 - (g & 1));

        /* g += or -= f if g is odd, by the sign of delta; (q, r) likewise. */
        g += ((f ^ swap) - swap) & odd;
        q += ((u ^ swap) - swap) & odd;
        r += ((v ^ swap) - swap) & odd;
        /* Then f := the old g and delta := -delta, if both. */
        swap &= odd;
        zeta = (int32_t)(((uint32_t)zeta ^ swap) - 1);
        f += g & swap;
        u += q & swap;
        v += r & swap;
        g >>= 1;
        u <<= 1;
        v <<= 1;
    }
    t->u = (int32_t)u;
    t->v = (int32_t)v;
    t->q = (int32_t)q;
    t->r = (int32_t)r;
    return zeta;
}

/* (f, g) := matrix (f, g) / 2^30, exactly. */
static inline void apply(struct number *f, struct number *g, const struct matrix *t,
                         const int n)
{
    int64_t cf = (int64_t)t->u * f->v[0] + (int64_t)t->v * g->v[0];
    int64_t cg = (int64_t)t->q * f->v[0] + (int64_t)t->r * g->v[0];

    cf >>= BITS;
    cg >>= BITS;
    for (int i = 1; i < n; i++) {
        int64_t fi = f->v[i], gi = g->v[i];

        cf += t->u * fi + t->v * gi;
        cg += t->q * fi + t->r * gi;
        f->v[i - 1] = (int32_t)cf & MASK;
        g->v[i - 1] = (int32_t)cg & MASK;
        cf >>= BITS;
        cg >>= BITS;
    }
    f->v[n - 1] = (int32_t)cf;
    g->v[n - 1] = (int32_t)cg;
}

/* (d, e) := matrix (d, e) / 2^30 mod m; both stay between -2 m and m.  What makes
 * them divisible is a multiple of m, and another one keeps negative ones small. */
static inline void apply_mod(struct number *d, struct number *e, const struct matrix *t,
                             const struct number *m, uint32_t m_inverse, const int n)
{
    int32_t d_sign = d->v[n - 1] >> 31, e_sign = e->v[n - 1] >> 31;
    int32_t md = (t->u & d_sign) + (t->v & e_sign);
    int32_t me = (t->q & d_sign) + (t->r & e_sign);
    int64_t cd = (int64_t)t->u * d->v[0] + (int64_t)t->v * e->v[0];
    int64_t ce = (int64_t)t->q * d->v[0] + (int64_t)t->r * e->v[0];

    md -= (int32_t)((m_inverse * (uint32_t)cd + (uint32_t)md) & (uint32_t)MASK);
    me -= (int32_t)((m_inverse * (uint32_t)ce + (uint32_t)me) & (uint32_t)MASK);
    cd += (int64_t)m->v[0] * md;
    ce += (int64_t)m->v[0] * me;
    cd >>= BITS;
    ce >>= BITS;
    for (int i = 1; i < n; i++) {
        int64_t di = d->v[i], ei = e->v[i], mi = m->v[i];

        cd += t->u * di + t->v * ei + mi * md;
        ce += t->q * di + t->r * ei + mi * me;
        d->v[i - 1] = (int32_t)cd & MASK;
        e->v[i - 1] = (int32_t)ce & MASK;
        cd >>= BITS;
        ce >>= BITS;
    }
    d->v[n - 1] = (int32_t)cd;
    e->v[n - 1] = (int32_t)ce;
}

/* d += m if d is negative; then d := -d where negate is all ones. */
static void add_and_negate(struct number *d, const struct number *m, int32_t negate,
                           int n)
{
    int32_t add = d->v[n - 1] >> 31;
    int32_t carry = 0;

    for (int i = 0; i < n; i++) {
        int32_t word = d->v[i] + (m->v[i] & add);

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
        z->v[i] = (int32_t)bits & MASK;
    }
}

static void store(uint64_t *z, const struct number *x, unsigned limbs, int n)
{
    for (unsigned i = 0; i < limbs; i++) {
        z[i] = 0;
    }
    for (int i = 0; i < n; i++) {
        unsigned word = (unsigned)i * BITS / 64, shift = (unsigned)i * BITS % 64;
        uint64_t bits = (uint64_t)(uint32_t)x->v[i];

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
    uint32_t m0 = (uint32_t)m[0], m_inverse = m0;
    int32_t zeta = -1; /* delta = 1/2 */

    /* Newton: m0 is its own inverse mod 8; each turn doubles the bits. */
    for (int i = 0; i < 4; i++) {
        m_inverse *= 2 - m0 * m_inverse;
    }
    load(&modulus, m, limbs, n);
    load(&g, x, limbs, n);
    f = modulus;
    for (int i = 0; i < rounds; i++) {
        zeta = thirty_steps(&t, zeta, (uint32_t)f.v[0], (uint32_t)g.v[0]);
        apply_mod(&d, &e, &t, &modulus, m_inverse, n);
        apply(&f, &g, &t, n);
    }
    /* f = +-1, so 1/x = +-d; d is between -2 m and m. */
    add_and_negate(&d, &modulus, f.v[n - 1] >> 31, n);
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
        invert(z, x, m, 4, 9, 20);
    } else {
        invert(z, x, m, 8, 18, 42);
    }
}

#endif
