/* Rows of memory into lanes and back, with AVX-512; needs ifma_field.h.  All addresses
 * are those of the rows. */

/* words[l] := word l of eight rows of LIMBS words, `stride` bytes apart; of fewer than
 * eight rows, the last one stands for the rest. */
ALWAYS_INLINE void load_rows(vec *words, const uint8_t *rows, size_t stride,
                             size_t count)
{
    const size_t last = count - 1;
#if GOSTKEY_LIMBS == 4
    vec z[4], even[2], odd[2];
    const vec first = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    const vec second = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);

    UNROLL
    for (size_t j = 0; j < 4; j++) {
        const size_t low = j < last ? j : last, high = j + 4 < last ? j + 4 : last;

        z[j] = _mm512_inserti64x4(
            _mm512_castsi256_si512(
                _mm256_loadu_si256((const __m256i *)(const void *)(rows + stride * low))),
            _mm256_loadu_si256((const __m256i *)(const void *)(rows + stride * high)), 1);
    }
    even[0] = _mm512_unpacklo_epi64(z[0], z[1]);
    even[1] = _mm512_unpacklo_epi64(z[2], z[3]);
    odd[0] = _mm512_unpackhi_epi64(z[0], z[1]);
    odd[1] = _mm512_unpackhi_epi64(z[2], z[3]);
    words[0] = _mm512_permutex2var_epi64(even[0], first, even[1]);
    words[1] = _mm512_permutex2var_epi64(odd[0], first, odd[1]);
    words[2] = _mm512_permutex2var_epi64(even[0], second, even[1]);
    words[3] = _mm512_permutex2var_epi64(odd[0], second, odd[1]);
#else
    vec z[8];

    UNROLL
    for (size_t j = 0; j < 8; j++) {
        z[j] = _mm512_loadu_si512(rows + stride * (j < last ? j : last));
    }
    transpose8x8(words, z);
#endif
}

/* Row j of count, 8 words each and `stride` bytes apart, := lane j of the vectors. */
ALWAYS_INLINE void store_rows8(uint8_t *rows, size_t stride, size_t count,
                               const vec *words)
{
    vec z[8];

    transpose8x8(z, words);
    for (size_t j = 0; j < count; j++) {
        _mm512_storeu_si512(rows + stride * j, z[j]);
    }
}
