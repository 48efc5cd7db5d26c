// macfloor: what libcrypto alone takes for one MAC over the 152 bytes before the MAC of the sale, called
// from C.  Prints nanoseconds, the lowest of ROUNDS: "cup-ecb x9.19 aes-cmac".
//
// With --only it makes --calls MACs of one algorithm and prints nothing: for who counts instructions.
#define _GNU_SOURCE
#include "clock.h"
#include "libcrypto.h"
#include "options.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 9, CALLS = 20000, COVERED = 152, DES_BLOCK = 8, AES_BLOCK = 16, ALGORITHMS = 3 };

static libcrypto crypto;
static des_schedule left, right;
static void *aes;
static uint8_t data[COVERED], out[256];
static const uint8_t zero[AES_BLOCK];

static const char *library, *only;
static long calls = CALLS;
static const option options[] = {{"library", "the libcrypto to open", TEXT, &library, 0, 0},
                                 {"only", "cup-ecb, x9.19 or aes-cmac", TEXT, &only, 0, 0},
                                 {"calls", "how many MACs with --only", WHOLE, &calls, 1, 1e9},
                                 {0}};

// XOR of all blocks, written as hexadecimal, encrypted in two steps under the double-length key.
static void cup_ecb(void) {
  uint64_t sum = 0, block;
  uint8_t text[2 * DES_BLOCK];
  for (int at = 0; at < COVERED; at += DES_BLOCK) {
    memcpy(&block, data + at, DES_BLOCK);
    sum ^= block;
  }
  for (int i = 0; i < DES_BLOCK; i++) {
    uint8_t byte = (uint8_t)(sum >> (8 * i));
    text[2 * i] = (uint8_t)"0123456789ABCDEF"[byte >> 4];
    text[2 * i + 1] = (uint8_t)"0123456789ABCDEF"[byte & 15];
  }
  crypto.des_ecb3(text, out, &left, &right, &left, 1);
  for (int i = 0; i < DES_BLOCK; i++) out[i] ^= text[DES_BLOCK + i];
  crypto.des_ecb3(out, out, &left, &right, &left, 1);
}

// CBC under the left key, its last block decrypted under the right and encrypted under the left.
static void x9_19(void) {
  crypto.des_cbc_sum(data, out, COVERED, &left, zero);
  crypto.des_ecb(out, out, &right, 0);
  crypto.des_ecb(out, out, &left, 1);
}

static void aes_cmac(void) {
  int written;
  crypto.begin(aes, NULL, NULL, NULL, zero);
  crypto.encrypt(aes, out, &written, data, COVERED / AES_BLOCK * AES_BLOCK);
  crypto.encrypt(aes, out, &written, data, AES_BLOCK);  // the padded rest
}

static const struct {
  const char *name;
  void (*make)(void);
} macs[ALGORITHMS] = {{"cup-ecb", cup_ecb}, {"x9.19", x9_19}, {"aes-cmac", aes_cmac}};

static void make_many(void (*make)(void), long count) {
  while (count--) {
    make();
    data[0] ^= out[0];  // each call needs the last one's result
  }
}

static double lowest_ns(void (*make)(void)) {
  double best = 1e18;
  for (int round = 0; round < ROUNDS; round++) {
    uint64_t began = now_ns();
    make_many(make, CALLS);
    double each = (double)(now_ns() - began) / CALLS;
    if (each < best) best = each;
  }
  return best;
}

static void prepare(void) {
  uint8_t key[2 * DES_BLOCK];
  for (int i = 0; i < 2 * DES_BLOCK; i++) key[i] = (uint8_t)i;
  memset(data, '7', sizeof data);
  crypto.des_key(key, &left);
  crypto.des_key(key + DES_BLOCK, &right);
  aes = crypto.context();
  crypto.begin(aes, crypto.aes_128_cbc(), NULL, key, zero);
  crypto.padding(aes, 0);
}

static int make_only(void) {
  for (int i = 0; i < ALGORITHMS; i++) {
    if (strcmp(macs[i].name, only)) continue;
    make_many(macs[i].make, calls);
    return 0;
  }
  options_wrong("macfloor", "only", "cup-ecb, x9.19 or aes-cmac is wanted");
  return 2;
}

int main(int count, char **arguments) {
  (void)count;
  if (!options_read("macfloor", options, arguments)) return 2;
  const char *wrong = libcrypto_open(&crypto, library);
  if (wrong) {
    fprintf(stderr, "macfloor: %s\n", wrong);
    return 1;
  }
  prepare();
  if (only) return make_only();
  for (int i = 0; i < ALGORITHMS; i++)
    printf("%.0f%c", lowest_ns(macs[i].make), i + 1 < ALGORITHMS ? ' ' : '\n');
  return 0;
}
