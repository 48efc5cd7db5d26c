// macfloor: what libcrypto alone takes for one MAC over the 152 bytes before the MAC of the sale, called
// from C. Opens libcrypto by name, so that no headers are needed. Prints nanoseconds, the lowest of
// ROUNDS: "cup-ecb x9.19 aes-cmac". An argument is the library to open.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 9, CALLS = 20000, COVERED = 152, BLOCK = 8, AES_BLOCK = 16 };

typedef struct { uint8_t bytes[128]; } schedule;

static void (*des_key)(const uint8_t *, schedule *);
static void (*des_ecb)(const uint8_t *, uint8_t *, schedule *, int);
static void (*des_ecb3)(const uint8_t *, uint8_t *, schedule *, schedule *, schedule *, int);
static unsigned (*des_cbc_cksum)(const uint8_t *, uint8_t *, long, schedule *, const uint8_t *);
static void *(*context_new)(void);
static int (*encrypt_init)(void *, const void *, void *, const uint8_t *, const uint8_t *);
static int (*encrypt_update)(void *, uint8_t *, int *, const uint8_t *, int);
static int (*set_padding)(void *, int);
static const void *(*aes_128_cbc)(void);

static schedule left, right;
static void *aes;
static uint8_t data[COVERED], out[256];
static const uint8_t zero[AES_BLOCK];

// XOR of all blocks, written as hexadecimal, encrypted in two steps under the double-length key.
static void cup_ecb(void) {
  uint64_t sum = 0, block;
  uint8_t text[2 * BLOCK];
  for (int at = 0; at < COVERED; at += BLOCK) {
    memcpy(&block, data + at, BLOCK);
    sum ^= block;
  }
  for (int i = 0; i < BLOCK; i++) {
    uint8_t byte = (uint8_t)(sum >> (8 * i));
    text[2 * i] = "0123456789ABCDEF"[byte >> 4];
    text[2 * i + 1] = "0123456789ABCDEF"[byte & 15];
  }
  des_ecb3(text, out, &left, &right, &left, 1);
  for (int i = 0; i < BLOCK; i++) out[i] ^= text[BLOCK + i];
  des_ecb3(out, out, &left, &right, &left, 1);
}

// CBC under the left key, its last block decrypted under the right and encrypted under the left.
static void x9_19(void) {
  des_cbc_cksum(data, out, COVERED, &left, zero);
  des_ecb(out, out, &right, 0);
  des_ecb(out, out, &left, 1);
}

static void aes_cmac(void) {
  int written;
  encrypt_init(aes, NULL, NULL, NULL, zero);
  encrypt_update(aes, out, &written, data, COVERED / AES_BLOCK * AES_BLOCK);
  encrypt_update(aes, out, &written, data, AES_BLOCK);  // the padded rest
}

static double nanoseconds_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static double lowest(void (*mac)(void)) {
  double best = 1e18;
  for (int round = 0; round < ROUNDS; round++) {
    double began = nanoseconds_now();
    for (int call = 0; call < CALLS; call++) {
      mac();
      data[0] ^= out[0];  // each call needs the last one's result
    }
    double each = (nanoseconds_now() - began) / CALLS;
    if (each < best) best = each;
  }
  return best;
}

int main(int count, char **arguments) {
  void *library = dlopen(count > 1 ? arguments[1] : "libcrypto.so.3", RTLD_NOW);
  if (!library) library = dlopen("libcrypto.so.1.1", RTLD_NOW);
  if (!library) {
    fprintf(stderr, "macfloor: no libcrypto\n");
    return 1;
  }
  *(void **)&des_key = dlsym(library, "DES_set_key_unchecked");
  *(void **)&des_ecb = dlsym(library, "DES_ecb_encrypt");
  *(void **)&des_ecb3 = dlsym(library, "DES_ecb3_encrypt");
  *(void **)&des_cbc_cksum = dlsym(library, "DES_cbc_cksum");
  *(void **)&context_new = dlsym(library, "EVP_CIPHER_CTX_new");
  *(void **)&encrypt_init = dlsym(library, "EVP_EncryptInit_ex");
  *(void **)&encrypt_update = dlsym(library, "EVP_EncryptUpdate");
  *(void **)&set_padding = dlsym(library, "EVP_CIPHER_CTX_set_padding");
  *(void **)&aes_128_cbc = dlsym(library, "EVP_aes_128_cbc");
  if (!des_key || !des_ecb || !des_ecb3 || !des_cbc_cksum || !context_new || !aes_128_cbc) {
    fprintf(stderr, "macfloor: this libcrypto lacks DES or AES\n");
    return 1;
  }
  uint8_t key[16];
  for (int i = 0; i < 16; i++) key[i] = (uint8_t)i;
  memset(data, '7', sizeof data);
  des_key(key, &left);
  des_key(key + BLOCK, &right);
  aes = context_new();
  encrypt_init(aes, aes_128_cbc(), NULL, key, zero);
  set_padding(aes, 0);
  printf("%.0f %.0f %.0f\n", lowest(cup_ecb), lowest(x9_19), lowest(aes_cmac));
  return 0;
}
