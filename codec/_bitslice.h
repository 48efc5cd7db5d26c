/* DES over 64 blocks at once: one machine word (a plane) holds the same bit of 64 blocks, so that
   the cipher is a circuit of AND, OR, XOR and NOT without tables or branches, and 64 keys cost no
   more than one.  Bit 63 of a plane is that of the first block.  The circuits of the S-boxes were
   found by a search that matches a target by one gate or two and else splits it on an input. */

#ifndef CODEC_BITSLICE_H
#define CODEC_BITSLICE_H

#include <stdint.h>
#include <string.h>

typedef uint64_t plane;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define big_endian(word) __builtin_bswap64(word)
#else
#define big_endian(word) (word)
#endif

/* Of FIPS 46-3; all count from 1. */
static const uint8_t INITIAL_PERMUTATION[64] = {
    58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4,
    62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8,
    57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3,
    61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7};
static const uint8_t KEY_PERMUTATION_1[56] = {
    57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3,
    60, 52, 44, 36, 63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37,
    29, 21, 13, 5, 28, 20, 12, 4};
static const uint8_t KEY_PERMUTATION_2[48] = {
    14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
    41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32};
static const uint8_t KEY_SHIFTS[16] = {1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1};

/* Which bit of the key each input of each round is XORed with, filled in by `bitslice_prepare`. */
static uint8_t KEY_BITS[16][48];

static inline void bitslice_prepare(void) {
    int shift = 0;
    for (int round = 0; round < 16; round++) {
        shift += KEY_SHIFTS[round];
        for (int i = 0; i < 48; i++) {
            int at = KEY_PERMUTATION_2[i] - 1;
            int half = at < 28 ? 0 : 28;
            KEY_BITS[round][i] = KEY_PERMUTATION_1[half + (at - half + shift) % 28] - 1;
        }
    }
}

/* Transpose 64 words of 64 bits in place: exchange ever smaller squares. */
static inline void bitslice_turn(uint64_t *words) {
    uint64_t mask = 0x00000000FFFFFFFFull;
    for (int size = 32; size; size >>= 1, mask ^= mask << size)
        for (int i = 0; i < 64; i = ((i | size) + 1) & ~size) {
            uint64_t swap = (words[i] ^ (words[i | size] >> size)) & mask;
            words[i] ^= swap;
            words[i | size] ^= swap << size;
        }
}

/* One round: `l` becomes the right half of the next. */
static inline void bitslice_round(plane *restrict l, const plane *restrict r,
                                  const plane *restrict const *restrict key) {
    {   /* S1: 59 gates */
        plane x0 = r[31] ^ *key[0], x1 = r[0] ^ *key[1], x2 = r[1] ^ *key[2], x3 = r[2] ^
        *key[3], x4 = r[3] ^ *key[4], x5 = r[4] ^ *key[5];
        plane g0 = x5 ^ x3, g1 = x5 & ~g0, g2 = g1 ^ x2, g3 = g2 & ~x4, g4 = g0 ^ g3, g5 = g3 |
        x3, g6 = g5 ^ x4, g7 = ~g1, g8 = g7 & ~x2, g9 = g6 ^ g8, g10 = g9 & ~x0, g11 = g4 ^ g10,
        g12 = g8 | x3, g13 = g0 | x2, g14 = g13 & g6, g15 = g14 & x0, g16 = g12 ^ g15, g17 = g16
        & x1, g18 = g11 ^ g17, g19 = g18 & ~g5, g20 = g4 & ~g19, g21 = g7 ^ x5, g22 = g9 & x4,
        g23 = g21 ^ g22, g24 = g23 & x0, g25 = g20 ^ g24, g26 = g16 & ~g9, g27 = g26 ^ g13, g28
        = g2 ^ x3, g29 = g11 & ~g28, g30 = g29 & ~x0, g31 = g27 ^ g30, g32 = g31 & ~x1, g33 =
        g25 ^ g32, g34 = g2 & ~g26, g35 = g34 | g19, g36 = g11 | g2, g37 = g36 & x1, g38 = g35 ^
        g37, g39 = g29 | g19, g40 = g1 & ~x1, g41 = g39 ^ g40, g42 = g28 | g18, g43 = g42 & ~x4,
        g44 = g41 ^ g43, g45 = g44 & x0, g46 = g38 ^ g45, g47 = g46 ^ g33, g48 = g47 ^ g18, g49
        = g44 | g23, g50 = g49 & ~x1, g51 = g48 ^ g50, g52 = g50 ^ g25, g53 = g52 & ~g47, g54 =
        g53 ^ g18, g55 = g54 & x5, g56 = g53 ^ g55, g57 = g56 & x4, g58 = g51 ^ g57;
        l[8] ^= g18; l[16] ^= g33; l[22] ^= g46; l[30] ^= g58;
    }
    {   /* S2: 57 gates */
        plane x0 = r[3] ^ *key[6], x1 = r[4] ^ *key[7], x2 = r[5] ^ *key[8], x3 = r[6] ^
        *key[9], x4 = r[7] ^ *key[10], x5 = r[8] ^ *key[11];
        plane g0 = x0 & ~x1, g1 = g0 ^ x5, g2 = g1 & x0, g3 = g2 ^ x1, g4 = g3 & x4, g5 = g1 ^
        g4, g6 = g4 ^ x4, g7 = g6 | x1, g8 = g7 & ~x3, g9 = g5 ^ g8, g10 = ~g6, g11 = g10 & g1,
        g12 = g7 & ~g11, g13 = g12 & ~x0, g14 = g10 ^ g13, g15 = g14 & ~x2, g16 = g9 ^ g15, g17
        = g12 ^ g4, g18 = g17 ^ x0, g19 = g12 & ~g18, g20 = g19 & x0, g21 = g14 ^ g20, g22 = g21
        & ~x3, g23 = g18 ^ g22, g24 = g23 & g17, g25 = g24 ^ g19, g26 = g25 | x5, g27 = g26 &
        ~x1, g28 = g25 ^ g27, g29 = g28 & ~x2, g30 = g23 ^ g29, g31 = g23 & ~g20, g32 = g31 |
        g4, g33 = g16 & g13, g34 = g33 | g22, g35 = g34 & x1, g36 = g32 ^ g35, g37 = g21 ^ g3,
        g38 = g37 ^ g1, g39 = g32 ^ g5, g40 = x0 & ~x5, g41 = g39 ^ g40, g42 = g41 & ~x3, g43 =
        g38 ^ g42, g44 = g43 & x2, g45 = g36 ^ g44, g46 = g43 ^ g23, g47 = g17 | g2, g48 = g47 &
        x2, g49 = g46 ^ g48, g50 = g42 & ~g47, g51 = g50 ^ g15, g52 = g46 ^ g30, g53 = g52 & x4,
        g54 = g51 ^ g53, g55 = g54 & ~x5, g56 = g49 ^ g55;
        l[12] ^= g16; l[27] ^= g30; l[1] ^= g45; l[17] ^= g56;
    }
    {   /* S3: 57 gates */
        plane x0 = r[7] ^ *key[12], x1 = r[8] ^ *key[13], x2 = r[9] ^ *key[14], x3 = r[10] ^
        *key[15], x4 = r[11] ^ *key[16], x5 = r[12] ^ *key[17];
        plane g0 = x4 ^ x3, g1 = g0 ^ x0, g2 = g1 ^ x2, g3 = x3 | x0, g4 = g1 & ~g3, g5 = g4 &
        x2, g6 = g3 ^ g5, g7 = g6 & x5, g8 = g2 ^ g7, g9 = x4 & ~g7, g10 = x2 & ~g9, g11 = ~g8,
        g12 = g11 & ~x3, g13 = g9 ^ g12, g14 = g13 & ~x0, g15 = g10 ^ g14, g16 = g15 & ~x1, g17
        = g8 ^ g16, g18 = g15 ^ g3, g19 = g0 | x5, g20 = g19 & ~x4, g21 = g18 ^ g20, g22 = g11 |
        x4, g23 = g22 ^ g7, g24 = g23 & ~x2, g25 = g21 ^ g24, g26 = g12 | x5, g27 = g7 & ~x4,
        g28 = g26 ^ g27, g29 = g23 & ~g26, g30 = g29 ^ g17, g31 = g30 & x0, g32 = g28 ^ g31, g33
        = g32 & ~x1, g34 = g25 ^ g33, g35 = x5 ^ x2, g36 = g35 ^ x1, g37 = g2 & ~x4, g38 = g36 ^
        g37, g39 = g23 ^ g19, g40 = g31 ^ g18, g41 = g36 & ~g40, g42 = g41 & x1, g43 = g39 ^
        g42, g44 = g43 & x0, g45 = g38 ^ g44, g46 = g38 ^ g11, g47 = g34 | g13, g48 = g47 & x5,
        g49 = g46 ^ g48, g50 = g43 & ~g33, g51 = g40 & x4, g52 = g50 ^ g51, g53 = g15 & ~x5, g54
        = g52 ^ g53, g55 = g54 & ~x0, g56 = g49 ^ g55;
        l[23] ^= g17; l[15] ^= g56; l[29] ^= g34; l[5] ^= g45;
    }
    {   /* S4: 51 gates */
        plane x0 = r[11] ^ *key[18], x1 = r[12] ^ *key[19], x2 = r[13] ^ *key[20], x3 = r[14] ^
        *key[21], x4 = r[15] ^ *key[22], x5 = r[16] ^ *key[23];
        plane g0 = x2 ^ x0, g1 = x2 & ~g0, g2 = g1 ^ x3, g3 = g2 & ~x4, g4 = g0 ^ g3, g5 = g4 ^
        x4, g6 = g5 | x0, g7 = g2 & x3, g8 = g6 ^ g7, g9 = g8 & x1, g10 = g4 ^ g9, g11 = ~g6,
        g12 = g11 ^ x2, g13 = x4 & ~g11, g14 = g13 & x3, g15 = g12 ^ g14, g16 = g11 | g7, g17 =
        g5 & x0, g18 = g16 ^ g17, g19 = g18 & x1, g20 = g15 ^ g19, g21 = g20 & ~x5, g22 = g10 ^
        g21, g23 = g22 ^ g20, g24 = ~x5, g25 = g23 ^ g24, g26 = g14 | g5, g27 = g26 & ~x5, g28 =
        g20 ^ g27, g29 = g22 & ~g28, g30 = g29 ^ g17, g31 = g30 & ~x3, g32 = g28 ^ g31, g33 =
        g15 | g4, g34 = g33 & ~g30, g35 = ~g31, g36 = g9 & ~x4, g37 = g35 ^ g36, g38 = g37 &
        ~x5, g39 = g34 ^ g38, g40 = g39 & x1, g41 = g32 ^ g40, g42 = g41 ^ g26, g43 = g42 ^ g24,
        g44 = g33 & g17, g45 = g44 & ~g3, g46 = g43 ^ g45, g47 = x3 & x0, g48 = g47 ^ g33, g49 =
        g48 & x1, g50 = g46 ^ g49;
        l[25] ^= g50; l[19] ^= g41; l[9] ^= g22; l[0] ^= g25;
    }
    {   /* S5: 63 gates */
        plane x0 = r[15] ^ *key[24], x1 = r[16] ^ *key[25], x2 = r[17] ^ *key[26], x3 = r[18] ^
        *key[27], x4 = r[19] ^ *key[28], x5 = r[20] ^ *key[29];
        plane g0 = x4 ^ x1, g1 = x4 ^ x2, g2 = g1 & x0, g3 = g0 ^ g2, g4 = g3 & ~x0, g5 = g4 |
        g1, g6 = x2 & x1, g7 = g5 ^ g6, g8 = g7 & x3, g9 = g3 ^ g8, g10 = g7 ^ x3, g11 = g10 &
        ~x0, g12 = x5 ^ g11, g13 = g9 & g7, g14 = g13 & x1, g15 = g12 ^ g14, g16 = g15 & x3, g17
        = g16 | x4, g18 = g17 & x2, g19 = g15 ^ g18, g20 = g19 & x5, g21 = g9 ^ g20, g22 = x2 &
        ~g21, g23 = g22 ^ g15, g24 = g23 & ~x2, g25 = g24 & ~x3, g26 = x1 ^ g25, g27 = g26 & x0,
        g28 = g23 ^ g27, g29 = g0 | x3, g30 = x0 & ~g29, g31 = g19 | g5, g32 = g31 ^ x3, g33 =
        g32 & x2, g34 = g30 ^ g33, g35 = g34 & ~x5, g36 = g28 ^ g35, g37 = g32 | g8, g38 = g37 &
        ~x4, g39 = g13 ^ g38, g40 = g36 ^ g29, g41 = g40 ^ g0, g42 = g41 & ~x5, g43 = g39 ^ g42,
        g44 = g23 & ~g20, g45 = ~x1, g46 = g45 & ~x5, g47 = g44 ^ g46, g48 = g47 & ~x3, g49 =
        g43 ^ g48, g50 = g21 & ~g49, g51 = g50 ^ g0, g52 = x4 & ~g22, g53 = g52 ^ g19, g54 = g53
        & x0, g55 = g51 ^ g54, g56 = g43 & ~g30, g57 = g44 | g39, g58 = g57 ^ g28, g59 = g58 &
        ~x4, g60 = g56 ^ g59, g61 = g60 & ~x5, g62 = g55 ^ g61;
        l[7] ^= g21; l[13] ^= g36; l[24] ^= g49; l[2] ^= g62;
    }
    {   /* S6: 58 gates */
        plane x0 = r[19] ^ *key[30], x1 = r[20] ^ *key[31], x2 = r[21] ^ *key[32], x3 = r[22] ^
        *key[33], x4 = r[23] ^ *key[34], x5 = r[24] ^ *key[35];
        plane g0 = x3 ^ x0, g1 = g0 ^ x4, g2 = g1 | x0, g3 = g2 & x2, g4 = g0 ^ g3, g5 = g4 &
        ~g3, g6 = g5 | x4, g7 = g3 ^ x2, g8 = g6 ^ g7, g9 = g8 & ~x5, g10 = g4 ^ g9, g11 = ~x2,
        g12 = g10 ^ g2, g13 = g12 & ~g8, g14 = g13 & x5, g15 = g11 ^ g14, g16 = g15 & ~x1, g17 =
        g10 ^ g16, g18 = g14 ^ g2, g19 = g18 & ~x0, g20 = g15 ^ g19, g21 = g20 | g17, g22 = g21
        ^ g5, g23 = g22 ^ x4, g24 = g23 & ~x5, g25 = g20 ^ g24, g26 = g13 | g3, g27 = g26 ^ g8,
        g28 = g26 ^ g23, g29 = g28 & g4, g30 = g29 & x5, g31 = g27 ^ g30, g32 = g31 & ~x1, g33 =
        g25 ^ g32, g34 = g23 & x0, g35 = g34 ^ g2, g36 = g17 & x3, g37 = g36 & ~x5, g38 = g35 ^
        g37, g39 = g12 & x3, g40 = g39 ^ g5, g41 = g40 & x5, g42 = x2 ^ g41, g43 = g42 & ~x1,
        g44 = g38 ^ g43, g45 = g20 & ~g38, g46 = g45 ^ x5, g47 = g46 | g21, g48 = g47 & x1, g49
        = g46 ^ g48, g50 = g44 ^ g36, g51 = g31 & ~g50, g52 = x1 & ~g13, g53 = g52 ^ g10, g54 =
        g53 & x0, g55 = g51 ^ g54, g56 = g55 & x3, g57 = g49 ^ g56;
        l[3] ^= g17; l[28] ^= g57; l[10] ^= g33; l[18] ^= g44;
    }
    {   /* S7: 56 gates */
        plane x0 = r[23] ^ *key[36], x1 = r[24] ^ *key[37], x2 = r[25] ^ *key[38], x3 = r[26] ^
        *key[39], x4 = r[27] ^ *key[40], x5 = r[28] ^ *key[41];
        plane g0 = x3 ^ x1, g1 = x2 & ~x5, g2 = g0 ^ g1, g3 = x5 | x3, g4 = g0 ^ x2, g5 = g4 &
        ~x1, g6 = g3 ^ g5, g7 = g6 & x4, g8 = g2 ^ g7, g9 = g6 | x4, g10 = g7 | g5, g11 = g10 &
        ~x5, g12 = g9 ^ g11, g13 = g8 | x5, g14 = g13 & x1, g15 = g14 & ~x2, g16 = g12 ^ g15,
        g17 = g16 & ~x0, g18 = g8 ^ g17, g19 = g18 ^ g16, g20 = ~g9, g21 = g20 & ~x0, g22 = g19
        ^ g21, g23 = g16 | g4, g24 = g23 & x1, g25 = g24 | g22, g26 = g25 & x3, g27 = g12 & ~x2,
        g28 = g26 ^ g27, g29 = g28 & ~x0, g30 = g24 ^ g29, g31 = g30 & x5, g32 = g22 ^ g31, g33
        = g16 & ~x4, g34 = g33 | g7, g35 = g1 ^ x4, g36 = g35 & g28, g37 = g36 & x1, g38 = g34 ^
        g37, g39 = g26 | g18, g40 = g26 ^ g10, g41 = g40 & x4, g42 = g39 ^ g41, g43 = g42 & ~x0,
        g44 = g38 ^ g43, g45 = g35 ^ g15, g46 = g45 ^ x0, g47 = g9 & x3, g48 = g46 ^ g47, g49 =
        g18 & ~g46, g50 = g49 | g27, g51 = g46 & g31, g52 = g51 & x0, g53 = g50 ^ g52, g54 = g53
        & x5, g55 = g48 ^ g54;
        l[31] ^= g18; l[11] ^= g32; l[21] ^= g44; l[6] ^= g55;
    }
    {   /* S8: 57 gates */
        plane x0 = r[27] ^ *key[42], x1 = r[28] ^ *key[43], x2 = r[29] ^ *key[44], x3 = r[30] ^
        *key[45], x4 = r[31] ^ *key[46], x5 = r[0] ^ *key[47];
        plane g0 = x5 ^ x3, g1 = x2 & ~x1, g2 = g0 ^ g1, g3 = ~x2, g4 = x1 & ~x3, g5 = g3 ^ g4,
        g6 = g5 & ~x4, g7 = g2 ^ g6, g8 = g2 & ~g1, g9 = g8 ^ x1, g10 = g9 & x3, g11 = g1 ^ g10,
        g12 = x5 | x2, g13 = g12 ^ g4, g14 = g13 & x4, g15 = g11 ^ g14, g16 = g15 & x0, g17 = g7
        ^ g16, g18 = g15 ^ g5, g19 = g18 ^ x0, g20 = x4 | x2, g21 = g20 ^ g16, g22 = g21 & ~x3,
        g23 = g19 ^ g22, g24 = g23 ^ g5, g25 = g2 & ~x4, g26 = g24 ^ g25, g27 = g26 & ~g9, g28 =
        g27 | x4, g29 = g28 & ~x0, g30 = g26 ^ g29, g31 = g30 & ~x5, g32 = g23 ^ g31, g33 = g17
        ^ g15, g34 = g19 ^ g17, g35 = g34 & x4, g36 = g33 ^ g35, g37 = g34 ^ x4, g38 = g37 ^ x1,
        g39 = g36 & g29, g40 = g39 | g14, g41 = g40 & ~x1, g42 = g38 ^ g41, g43 = g42 & ~x5, g44
        = g36 ^ g43, g45 = g13 & ~g44, g46 = g45 ^ g42, g47 = g41 & g0, g48 = g47 & x3, g49 =
        g46 ^ g48, g50 = g22 & ~g25, g51 = g40 ^ g33, g52 = g51 ^ g23, g53 = g52 & ~x2, g54 =
        g50 ^ g53, g55 = g54 & x1, g56 = g49 ^ g55;
        l[4] ^= g44; l[26] ^= g17; l[14] ^= g56; l[20] ^= g32;
    }
}

/* Encipher or decipher 64 blocks, given as the 64 planes of their bits, under 64 keys likewise. */
static inline void bitslice_des(plane *state, const plane *key, int decipher) {
    plane l[32], r[32];
    const plane *bits[48];
    for (int i = 0; i < 32; i++) {
        l[i] = state[INITIAL_PERMUTATION[i] - 1];
        r[i] = state[INITIAL_PERMUTATION[32 + i] - 1];
    }
    for (int round = 0; round < 16; round += 2) {
        for (int i = 0; i < 48; i++) bits[i] = &key[KEY_BITS[decipher ? 15 - round : round][i]];
        bitslice_round(l, r, bits);
        for (int i = 0; i < 48; i++) bits[i] = &key[KEY_BITS[decipher ? 14 - round : round + 1][i]];
        bitslice_round(r, l, bits);
    }
    for (int i = 0; i < 32; i++) {
        state[INITIAL_PERMUTATION[i] - 1] = r[i];
        state[INITIAL_PERMUTATION[32 + i] - 1] = l[i];
    }
}

#endif
