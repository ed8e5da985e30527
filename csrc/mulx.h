/* Products of field.h with MULX, ADCX and ADOX: the low and the high halves of a row of
 * products are added in two chains of carries beside each other, in two flags,
 * which no compiler makes of C.  A template with field.h, which has the C twins:
 * the same steps, and its bounds hold.
 *
 * Needs the target "bmi2,adx" and the assembler syntax of gcc and clang.  Operands are
 * pointers and scratch registers, fourteen at most: as many as there are when a
 * frame pointer is kept.
 *
 * Source: E. Ozturk et al., New instructions supporting large integer arithmetic on
 * Intel architecture processors. */

/* (a, b) += word * rdx: the low half with the carry in CF, the high one with OF. */
#define STEP(word, a, b)                                                               \
    "mulxq " word ", %[low], %[top]\n\t"                                               \
    "adcxq %[low], %[" a "]\n\t"                                                       \
    "adoxq %[top], %[" b "]\n\t"
/* a += the low half; top := the high half and both carries, for which it has room. */
#define LAST(word, a)                                                                  \
    "mulxq " word ", %[low], %[top]\n\t"                                               \
    "adcxq %[low], %[" a "]\n\t"                                                       \
    "movl $0, %k[low]\n\t"                                                             \
    "adoxq %[low], %[top]\n\t"                                                         \
    "adcxq %[low], %[top]\n\t"
#define FACTOR(word) "movq " word ", %%rdx\n\t"
#define CLEAR "xorl %k[low], %k[low]\n\t" /* also both carries */
/* (a, b) := 2 (a, b) + word^2, with carries as in STEP. */
#define SQUARE(word, a, b)                                                             \
    FACTOR(word)                                                                       \
    "mulxq %%rdx, %[low], %[top]\n\t"                                                  \
    "adcxq %[" a "], %[" a "]\n\t"                                                     \
    "adoxq %[low], %[" a "]\n\t"                                                       \
    "adcxq %[" b "], %[" b "]\n\t"                                                     \
    "adoxq %[top], %[" b "]\n\t"
#define SCRATCH(name) [name] "=&r"(name)

#if LIMBS == 4

#define X0 "0(%[x])"
#define X1 "8(%[x])"
#define X2 "16(%[x])"
#define X3 "24(%[x])"
#define ROW(y, a, b, c, d, e)                                                          \
    FACTOR(y) CLEAR STEP(X0, a, b) STEP(X1, b, c) STEP(X2, c, d) LAST(X3, d)           \
    "movq %[top], %[" e "]\n\t"

/* t0 .. t7 := x * y. */
#define PRODUCT                                                                        \
    FACTOR("0(%[y])")                                                                  \
    "mulxq " X0 ", %[t0], %[t1]\n\t"                                                   \
    "mulxq " X1 ", %[low], %[t2]\n\t"                                                  \
    "addq %[low], %[t1]\n\t"                                                           \
    "mulxq " X2 ", %[low], %[t3]\n\t"                                                  \
    "adcq %[low], %[t2]\n\t"                                                           \
    "mulxq " X3 ", %[low], %[t4]\n\t"                                                  \
    "adcq %[low], %[t3]\n\t"                                                           \
    "adcq $0, %[t4]\n\t"                                                               \
    ROW("8(%[y])", "t1", "t2", "t3", "t4", "t5")                                       \
    ROW("16(%[y])", "t2", "t3", "t4", "t5", "t6")                                      \
    ROW("24(%[y])", "t3", "t4", "t5", "t6", "t7")

/* t0 .. t7 := x^2: the mixed products, then twice these and the squares. */
#define PRODUCT_OF_ONE                                                                 \
    CLEAR FACTOR(X0)                                                                   \
    "mulxq " X1 ", %[t1], %[t2]\n\t"                                                   \
    "mulxq " X2 ", %[low], %[t3]\n\t"                                                  \
    "adcxq %[low], %[t2]\n\t"                                                          \
    "mulxq " X3 ", %[low], %[t4]\n\t"                                                  \
    "adcxq %[low], %[t3]\n\t"                                                          \
    FACTOR(X1)                                                                         \
    "mulxq " X2 ", %[low], %[top]\n\t"                                                 \
    "adoxq %[low], %[t3]\n\t"                                                          \
    "adoxq %[top], %[t4]\n\t"                                                          \
    "mulxq " X3 ", %[low], %[t5]\n\t"                                                  \
    "adcxq %[low], %[t4]\n\t"                                                          \
    FACTOR(X2)                                                                         \
    "mulxq " X3 ", %[low], %[t6]\n\t"                                                  \
    "adcxq %[low], %[t5]\n\t"                                                          \
    "movl $0, %k[t7]\n\t"                                                              \
    "adoxq %[t7], %[t5]\n\t"                                                           \
    "adcxq %[t7], %[t6]\n\t"                                                           \
    "adoxq %[t7], %[t6]\n\t"                                                           \
    CLEAR FACTOR(X0)                                                                   \
    "mulxq %%rdx, %[t0], %[top]\n\t"                                                   \
    "adcxq %[t1], %[t1]\n\t"                                                           \
    "adoxq %[top], %[t1]\n\t"                                                          \
    SQUARE(X1, "t2", "t3") SQUARE(X2, "t4", "t5") SQUARE(X3, "t6", "t7")

#define P0 "%c[p](%[curve])"

#if defined(GOSTKEY_P_MINUS)
#define REDUCE                                                                         \
    "movl %[c], %%edx\n\t"                                                             \
    CLEAR STEP("%[t4]", "t0", "t1") STEP("%[t5]", "t1", "t2")                          \
    STEP("%[t6]", "t2", "t3") LAST("%[t7]", "t3")                                      \
    "imulq %[c], %[top], %[top]\n\t"                                                   \
    "addq %[top], %[t0]\n\t"                                                           \
    "adcq $0, %[t1]\n\t"                                                               \
    "adcq $0, %[t2]\n\t"                                                               \
    "adcq $0, %[t3]\n\t"                                                               \
    "sbbq %[low], %[low]\n\t"                                                          \
    "andl %[c], %k[low]\n\t"                                                           \
    "addq %[low], %[t0]\n\t"
#elif defined(GOSTKEY_P_PLUS)
#define REDUCE                                                                         \
    FACTOR(P0) "addq %%rdx, %%rdx\n\t"                                                         \
    "notq %[t4]\n\t"                                                                   \
    "notq %[t5]\n\t"                                                                   \
    "notq %[t6]\n\t"                                                                   \
    "notq %[t7]\n\t"                                                                   \
    CLEAR STEP("%[t4]", "t0", "t1") STEP("%[t5]", "t1", "t2")                          \
    STEP("%[t6]", "t2", "t3") LAST("%[t7]", "t3")                                      \
    "leaq 1(%%rdx), %[low]\n\t"                                                        \
    "subq %[top], %[low]\n\t"                                                          \
    "imulq %%rdx, %[low]\n\t"                                                          \
    "addq %[low], %[t0]\n\t"                                                           \
    "adcq $0, %[t1]\n\t"                                                               \
    "adcq $0, %[t2]\n\t"                                                               \
    "adcq $0, %[t3]\n\t"                                                               \
    "sbbq %[low], %[low]\n\t"                                                          \
    "movq %[low], %[top]\n\t"                                                          \
    "shlq $63, %[top]\n\t"                                                             \
    "orq %[top], %[t3]\n\t"                                                            \
    "andq " P0 ", %[low]\n\t"                                                          \
    "subq %[low], %[t0]\n\t"                                                           \
    "sbbq $0, %[t1]\n\t"                                                               \
    "sbbq $0, %[t2]\n\t"                                                               \
    "sbbq $0, %[t3]\n\t"
#else
/* A row takes the lowest word away, which then holds the row's carry. */
#define P1 "%c[p]+8(%[curve])"
#define P2 "%c[p]+16(%[curve])"
#define P3 "%c[p]+24(%[curve])"
#define REDUCE_ROW(a, b, c, d, e, carry)                                               \
    FACTOR("%[" a "]")                                                                 \
    "imulq %c[inverse](%[curve]), %%rdx\n\t"                                           \
    CLEAR STEP(P0, a, b) STEP(P1, b, c) STEP(P2, c, d) STEP(P3, d, e)                  \
    "movl $0, %k[low]\n\t"                                                             \
    "adcxq %[" carry "], %[" e "]\n\t"                                                 \
    "movl $0, %k[" a "]\n\t"                                                           \
    "adoxq %[low], %[" a "]\n\t"                                                       \
    "adcxq %[low], %[" a "]\n\t"
#define REDUCE                                                                         \
    REDUCE_ROW("t0", "t1", "t2", "t3", "t4", "low")                                    \
    REDUCE_ROW("t1", "t2", "t3", "t4", "t5", "t0")                                     \
    REDUCE_ROW("t2", "t3", "t4", "t5", "t6", "t1")                                     \
    REDUCE_ROW("t3", "t4", "t5", "t6", "t7", "t2")
#endif

#if defined(GOSTKEY_P_MINUS)
#define MODULUS [c] "i"(P_C)
#elif defined(GOSTKEY_P_PLUS)
#define MODULUS [curve] "r"(curve), [p] "i"(offsetof(struct gostkey_curve, p))
#else
#define MODULUS                                                                        \
    [curve] "r"(curve), [p] "i"(offsetof(struct gostkey_curve, p)),                    \
        [inverse] "i"(offsetof(struct gostkey_curve, p_negative_inverse))
#endif

#if defined(GOSTKEY_P_ANY)
#define RESULT(z)                                                                      \
    uint64_t words[4] = {t4, t5, t6, t7};                                              \
                                                                                       \
    words_reduce_once(z, words, t3, curve->p)
#else
#define RESULT(z)                                                                      \
    z[0] = t0;                                                                         \
    z[1] = t1;                                                                         \
    z[2] = t2;                                                                         \
    z[3] = t3;                                                                         \
    (void)curve
#endif
#define WORDS                                                                          \
    SCRATCH(t0), SCRATCH(t1), SCRATCH(t2), SCRATCH(t3), SCRATCH(t4), SCRATCH(t5),      \
        SCRATCH(t6), SCRATCH(t7), SCRATCH(low), SCRATCH(top)

/* z := x * y. */
static inline void mulx_multiply(uint64_t *z, const uint64_t *x, const uint64_t *y,
                                 const struct gostkey_curve *curve)
{
    uint64_t t0, t1, t2, t3, t4, t5, t6, t7, low, top;

    __asm__(PRODUCT REDUCE
            : WORDS
            : [x] "r"(x), [y] "r"(y), MODULUS
            : "rdx", "cc", "memory");
    RESULT(z);
}

/* z := x^2. */
static inline void mulx_square(uint64_t *z, const uint64_t *x,
                               const struct gostkey_curve *curve)
{
    uint64_t t0, t1, t2, t3, t4, t5, t6, t7, low, top;

    __asm__(PRODUCT_OF_ONE REDUCE
            : WORDS
            : [x] "r"(x), MODULUS
            : "rdx", "cc", "memory");
    RESULT(z);
}

#undef X0
#undef X1
#undef X2
#undef X3
#undef ROW
#undef PRODUCT
#undef PRODUCT_OF_ONE
#undef REDUCE
#undef MODULUS
#undef RESULT
#undef WORDS

#else

/* Longer than every C99 compiler would take, but those with this syntax do. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"

#define X(i) "8*" #i "(%[x])"
#define Y(i) "8*" #i "(%[y])"
#define T(i) "8*" #i "(%[t])"
#define H(i) "8*" #i "+64(%[t])"

#define STEPS8(O, a, b, c, d, e, f, g, h)                                              \
    CLEAR STEP(O(0), a, b) STEP(O(1), b, c) STEP(O(2), c, d) STEP(O(3), d, e)          \
    STEP(O(4), e, f) STEP(O(5), f, g) STEP(O(6), g, h) LAST(O(7), h)

/* t[i] is ready after row i, and its register takes the row's top word. */
#define ROW(i, a, b, c, d, e, f, g, h)                                                 \
    FACTOR(Y(i)) STEPS8(X, a, b, c, d, e, f, g, h)                                     \
    "movq %[" a "], " T(i) "\n\t"                                                      \
    "movq %[top], %[" a "]\n\t"

#define WORDS                                                                          \
    SCRATCH(w0), SCRATCH(w1), SCRATCH(w2), SCRATCH(w3), SCRATCH(w4), SCRATCH(w5),      \
        SCRATCH(w6), SCRATCH(w7), SCRATCH(low), SCRATCH(top)
#define DECLARE_WORDS uint64_t w0, w1, w2, w3, w4, w5, w6, w7, low, top
#define ZERO(w) "xorl %k[" w "], %k[" w "]\n\t"
#define LOAD(from, w) "movq " from ", %[" w "]\n\t"
#define STORE(w, to) "movq %[" w "], " to "\n\t"

/* t[16] := x * y. */
static inline void mulx_product(uint64_t *t, const uint64_t *x, const uint64_t *y)
{
    DECLARE_WORDS;

    __asm__ volatile(ZERO("w0") ZERO("w1") ZERO("w2") ZERO("w3") ZERO("w4") ZERO("w5")
            ZERO("w6") ZERO("w7")
            ROW(0, "w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7")
            ROW(1, "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w0")
            ROW(2, "w2", "w3", "w4", "w5", "w6", "w7", "w0", "w1")
            ROW(3, "w3", "w4", "w5", "w6", "w7", "w0", "w1", "w2")
            ROW(4, "w4", "w5", "w6", "w7", "w0", "w1", "w2", "w3")
            ROW(5, "w5", "w6", "w7", "w0", "w1", "w2", "w3", "w4")
            ROW(6, "w6", "w7", "w0", "w1", "w2", "w3", "w4", "w5")
            ROW(7, "w7", "w0", "w1", "w2", "w3", "w4", "w5", "w6")
            STORE("w0", H(0)) STORE("w1", H(1)) STORE("w2", H(2)) STORE("w3", H(3))
            STORE("w4", H(4)) STORE("w5", H(5)) STORE("w6", H(6)) STORE("w7", H(7))
            : WORDS
            : [t] "r"(t), [x] "r"(x), [y] "r"(y)
            : "rdx", "cc", "memory");
}

/* t[16] := x^2: row i has the products with the words above i; two words are ready after
 * it.  Then twice these and the squares. */
static inline void mulx_product_of_one(uint64_t *t, const uint64_t *x)
{
    DECLARE_WORDS;

    __asm__ volatile(ZERO("w0") ZERO("w1") ZERO("w2") ZERO("w3") ZERO("w4") ZERO("w5")
            ZERO("w6")
            FACTOR(X(0)) CLEAR
            STEP(X(1), "w0", "w1") STEP(X(2), "w1", "w2") STEP(X(3), "w2", "w3")
            STEP(X(4), "w3", "w4") STEP(X(5), "w4", "w5") STEP(X(6), "w5", "w6")
            LAST(X(7), "w6")
            STORE("w0", T(1)) STORE("w1", T(2)) "movq %[top], %[w7]\n\t"
            FACTOR(X(1)) CLEAR
            STEP(X(2), "w2", "w3") STEP(X(3), "w3", "w4") STEP(X(4), "w4", "w5")
            STEP(X(5), "w5", "w6") STEP(X(6), "w6", "w7") LAST(X(7), "w7")
            STORE("w2", T(3)) STORE("w3", T(4)) "movq %[top], %[w0]\n\t"
            FACTOR(X(2)) CLEAR
            STEP(X(3), "w4", "w5") STEP(X(4), "w5", "w6") STEP(X(5), "w6", "w7")
            STEP(X(6), "w7", "w0") LAST(X(7), "w0")
            STORE("w4", T(5)) STORE("w5", T(6)) "movq %[top], %[w1]\n\t"
            FACTOR(X(3)) CLEAR
            STEP(X(4), "w6", "w7") STEP(X(5), "w7", "w0") STEP(X(6), "w0", "w1")
            LAST(X(7), "w1")
            STORE("w6", T(7)) STORE("w7", H(0)) "movq %[top], %[w2]\n\t"
            FACTOR(X(4)) CLEAR
            STEP(X(5), "w0", "w1") STEP(X(6), "w1", "w2") LAST(X(7), "w2")
            STORE("w0", H(1)) STORE("w1", H(2)) "movq %[top], %[w3]\n\t"
            FACTOR(X(5)) CLEAR STEP(X(6), "w2", "w3") LAST(X(7), "w3")
            STORE("w2", H(3)) STORE("w3", H(4)) "movq %[top], %[w4]\n\t"
            FACTOR(X(6)) CLEAR LAST(X(7), "w4")
            STORE("w4", H(5)) STORE("top", H(6))
            CLEAR
            ZERO("w0")
            LOAD(T(1), "w1") SQUARE(X(0), "w0", "w1")
            STORE("w0", T(0)) STORE("w1", T(1))
            LOAD(T(2), "w2") LOAD(T(3), "w3") SQUARE(X(1), "w2", "w3")
            STORE("w2", T(2)) STORE("w3", T(3))
            LOAD(T(4), "w4") LOAD(T(5), "w5") SQUARE(X(2), "w4", "w5")
            STORE("w4", T(4)) STORE("w5", T(5))
            LOAD(T(6), "w6") LOAD(T(7), "w7") SQUARE(X(3), "w6", "w7")
            STORE("w6", T(6)) STORE("w7", T(7))
            LOAD(H(0), "w0") LOAD(H(1), "w1") SQUARE(X(4), "w0", "w1")
            STORE("w0", H(0)) STORE("w1", H(1))
            LOAD(H(2), "w2") LOAD(H(3), "w3") SQUARE(X(5), "w2", "w3")
            STORE("w2", H(2)) STORE("w3", H(3))
            LOAD(H(4), "w4") LOAD(H(5), "w5") SQUARE(X(6), "w4", "w5")
            STORE("w4", H(4)) STORE("w5", H(5))
            LOAD(H(6), "w6") "movl $0, %k[w7]\n\t" SQUARE(X(7), "w6", "w7")
            STORE("w6", H(6)) STORE("w7", H(7))
            : WORDS
            : [t] "r"(t), [x] "r"(x)
            : "rdx", "cc", "memory");
}

/* t[0 .. 7] += t[8 .. 15] * y; return the word that comes out on top. */
static inline uint64_t mulx_fold(uint64_t *t, uint64_t y)
{
    DECLARE_WORDS;

    __asm__ volatile(LOAD(T(0), "w0") LOAD(T(1), "w1") LOAD(T(2), "w2") LOAD(T(3), "w3")
            LOAD(T(4), "w4") LOAD(T(5), "w5") LOAD(T(6), "w6") LOAD(T(7), "w7")
            STEPS8(H, "w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7")
            STORE("w0", T(0)) STORE("w1", T(1)) STORE("w2", T(2)) STORE("w3", T(3))
            STORE("w4", T(4)) STORE("w5", T(5)) STORE("w6", T(6)) STORE("w7", T(7))
            : WORDS
            : [t] "r"(t), "d"(y)
            : "cc", "memory");
    return top;
}

/* z and the carry that is returned := t / R for the Montgomery form, not yet below p. */
static inline uint64_t mulx_montgomery(uint64_t *t, const struct gostkey_curve *curve)
{
    uint64_t carry;
    DECLARE_WORDS;

#define P(i) "%c[p]+8*" #i "(%[curve])"
#define REDUCE_ROW(i, a, b, c, d, e, f, g, h)                                          \
    FACTOR("%[" a "]")                                                                 \
    "imulq %c[inverse](%[curve]), %%rdx\n\t"                                           \
    STEPS8(P, a, b, c, d, e, f, g, h)                                                  \
    "movq %[carry], %[" a "]\n\t"                                                      \
    "xorl %k[carry], %k[carry]\n\t"                                                    \
    "addq %[top], %[" a "]\n\t"                                                        \
    "adcq $0, %[carry]\n\t"                                                            \
    "addq " H(i) ", %[" a "]\n\t"                                                      \
    "adcq $0, %[carry]\n\t"
    __asm__ volatile(LOAD(T(0), "w0") LOAD(T(1), "w1") LOAD(T(2), "w2") LOAD(T(3), "w3")
            LOAD(T(4), "w4") LOAD(T(5), "w5") LOAD(T(6), "w6") LOAD(T(7), "w7")
            ZERO("carry")
            REDUCE_ROW(0, "w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7")
            REDUCE_ROW(1, "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w0")
            REDUCE_ROW(2, "w2", "w3", "w4", "w5", "w6", "w7", "w0", "w1")
            REDUCE_ROW(3, "w3", "w4", "w5", "w6", "w7", "w0", "w1", "w2")
            REDUCE_ROW(4, "w4", "w5", "w6", "w7", "w0", "w1", "w2", "w3")
            REDUCE_ROW(5, "w5", "w6", "w7", "w0", "w1", "w2", "w3", "w4")
            REDUCE_ROW(6, "w6", "w7", "w0", "w1", "w2", "w3", "w4", "w5")
            REDUCE_ROW(7, "w7", "w0", "w1", "w2", "w3", "w4", "w5", "w6")
            STORE("w0", H(0)) STORE("w1", H(1)) STORE("w2", H(2)) STORE("w3", H(3))
            STORE("w4", H(4)) STORE("w5", H(5)) STORE("w6", H(6)) STORE("w7", H(7))
            : WORDS, [carry] "=&r"(carry)
            : [t] "r"(t), [curve] "r"(curve), [p] "i"(offsetof(struct gostkey_curve, p)),
              [inverse] "i"(offsetof(struct gostkey_curve, p_negative_inverse))
            : "rdx", "cc", "memory");
#undef P
#undef REDUCE_ROW
    return carry;
}

#undef X
#undef Y
#undef T
#undef H
#undef STEPS8
#undef ROW
#undef WORDS
#undef DECLARE_WORDS
#undef ZERO
#undef LOAD
#undef STORE

#pragma GCC diagnostic pop

#endif

#undef STEP
#undef LAST
#undef FACTOR
#undef CLEAR
#undef SQUARE
#undef SCRATCH
