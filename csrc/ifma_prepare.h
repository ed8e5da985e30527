/* What is computed of a modulus once, for ifma_field.h, of which this is a part. */

static void limbs_from_words(uint64_t *limbs, const uint64_t *words)
{
    for (int i = 0; i < LIMBS52; i++) {
        int word = 52 * i / 64, shift = 52 * i % 64;
        uint64_t limb = words[word] >> shift;

        if (shift + 52 > 64 && word + 1 < LIMBS) {
            limb |= words[word + 1] << (64 - shift);
        }
        limbs[i] = limb & MASK52;
    }
}

/* x := x + y mod p; limbs below 2^52, x and y below p. */
static void add_mod_var(uint64_t *x, const uint64_t *y, const uint64_t *p)
{
    uint64_t less[LIMBS52], borrow = 0, carried = 0;

    for (int i = 0; i < LIMBS52; i++) {
        x[i] += y[i] + carried;
        carried = x[i] >> 52;
        x[i] &= MASK52;
    }
    for (int i = 0; i < LIMBS52; i++) {
        less[i] = x[i] - p[i] - borrow;
        borrow = less[i] >> 63;
        less[i] &= MASK52;
    }
    if (!borrow) {
        memcpy(x, less, sizeof less);
    }
}

/* z := k p for a small k, in limbs that borrow 2^54 from the next. */
static void multiple_above(uint64_t *z, const uint64_t *p, uint64_t k)
{
    uint64_t carried = 0;

    for (int i = 0; i < LIMBS52; i++) {
        uint64_t limb = k * p[i] + carried; /* k <= 15 */

        carried = i < TOP ? limb >> 52 : 0;
        z[i] = i < TOP ? limb & MASK52 : limb;
    }
    for (int i = 0; i < TOP; i++) {
        z[i] += (uint64_t)1 << 54;
        z[i + 1] -= 4;
    }
}

/* f->fold from power = 2^N mod p. */
static void fold_prepare_var(struct field *f, const uint64_t *power)
{
    uint64_t sum[LIMBS52] = {0};

    for (int o = 0; o < 8; o++) {
        for (int i = 0; i < LIMBS52; i++) {
            f->fold[i][o] = sum[i];
        }
        add_mod_var(sum, power, f->p);
    }
#if defined(GOSTKEY_P_PLUS)
    /* The same in two limbs. */
    memset(f->fold, 0, sizeof f->fold);
    for (uint64_t o = 1; o < 8; o++) {
        f->fold[0][o] = f->c - 2 * f->c * o;
        f->fold[TOP][o] = (uint64_t)1 << (TOP_BITS - 1);
    }
#endif
}

/* modulus: LIMBS words. */
static void field_prepare_var(struct field *f, const uint64_t *modulus)
{
    uint64_t power[LIMBS52] = {1}, inverse = 1, k = 1;

    memcpy(f->modulus, modulus, sizeof f->modulus);
    limbs_from_words(f->p, modulus);
#if defined(GOSTKEY_P_MINUS)
    f->c = 0 - modulus[0];
#elif defined(GOSTKEY_P_PLUS)
    f->c = modulus[0];
#endif
    /* Newton: each turn doubles the bits, from 1. */
    for (int i = 0; i < 6; i++) {
        inverse *= 2 - modulus[0] * inverse;
    }
    f->negative_inverse = (0 - inverse) & MASK52;
    memset(f->one, 0, sizeof f->one);
    f->one[0] = 1;
    for (int i = 1; i <= 2 * 52 * LIMBS52; i++) {
        add_mod_var(power, power, f->p);
        if (i == N_BITS) {
            fold_prepare_var(f, power);
        }
#if defined(GOSTKEY_P_ANY)
        if (i == 52 * LIMBS52) {
            memcpy(f->one, power, sizeof power);
        } else if (i == 2 * 52 * LIMBS52) {
            memcpy(f->r2, power, sizeof power);
        }
#endif
    }
#if defined(GOSTKEY_P_MINUS)
    k = 2;
#else
    /* The top limbs tell enough of (k - 1) p >= 1 + 1/32. */
    while ((k - 1) * f->p[TOP] <
           ((uint64_t)1 << TOP_BITS) + ((uint64_t)1 << (TOP_BITS - 5))) {
        k++;
    }
#endif
    multiple_above(f->above, f->p, k);
    multiple_above(f->above2, f->p, 2 * k);
    multiple_above(f->above3, f->p, 3 * k);
}
