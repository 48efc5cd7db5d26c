// The MAC of a message as DE 64 or DE 128 holds it: 16 hex digits.  What load generator and host make
// and check; libcrypto does the ciphers, opened by name so that no headers are needed.
#ifndef MAC_H
#define MAC_H
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { MAC_BLOCK = 8, MAC_AES_BLOCK = 16, MAC_KEY = 16, MAC_FIELD = 16 };
enum mac_algorithm { MAC_NONE, MAC_CUP_ECB, MAC_X9_19, MAC_AES_CMAC };

typedef struct { uint8_t bytes[128]; } mac_schedule;

static enum mac_algorithm mac_algorithm;
static mac_schedule mac_left, mac_right;
static void *mac_aes;
static uint8_t mac_subkeys[2][MAC_AES_BLOCK];  // of CMAC: for a whole last block, for a padded one

static void (*mac_des_ecb)(const uint8_t *, uint8_t *, mac_schedule *, int);
static void (*mac_des_ecb3)(const uint8_t *, uint8_t *, mac_schedule *, mac_schedule *, mac_schedule *, int);
static unsigned (*mac_des_cbc)(const uint8_t *, uint8_t *, long, mac_schedule *, const uint8_t *);
static int (*mac_init)(void *, const void *, void *, const uint8_t *, const uint8_t *);
static int (*mac_update)(void *, uint8_t *, int *, const uint8_t *, int);

static const uint8_t mac_zero[MAC_AES_BLOCK];

static void mac_hex(const uint8_t *bytes, int count, uint8_t *out) {
  for (int i = 0; i < count; i++) {
    out[2 * i] = (uint8_t)"0123456789ABCDEF"[bytes[i] >> 4];
    out[2 * i + 1] = (uint8_t)"0123456789ABCDEF"[bytes[i] & 15];
  }
}

// Blocks XORed, the result's hex enciphered in two steps; its first four bytes count, again as hex.
static void mac_cup_ecb(const uint8_t *data, int length, uint8_t *out) {
  uint8_t sum[MAC_BLOCK] = {0}, text[2 * MAC_BLOCK], code[MAC_BLOCK];
  for (int i = 0; i < length; i++) sum[i % MAC_BLOCK] ^= data[i];
  mac_hex(sum, MAC_BLOCK, text);
  mac_des_ecb3(text, code, &mac_left, &mac_right, &mac_left, 1);
  for (int i = 0; i < MAC_BLOCK; i++) code[i] ^= text[MAC_BLOCK + i];
  mac_des_ecb3(code, code, &mac_left, &mac_right, &mac_left, 1);
  mac_hex(code, MAC_BLOCK / 2, out);
}

// ISO 9797-1 algorithm 3, padded with zeros: the CBC under one half of the key, both at the end.
static void mac_x9_19(const uint8_t *data, int length, uint8_t *out) {
  mac_des_cbc(data, out, length, &mac_left, mac_zero);
  mac_des_ecb(out, out, &mac_right, 0);
  mac_des_ecb(out, out, &mac_left, 1);
}

static void mac_cmac(const uint8_t *data, int length, uint8_t *out) {
  uint8_t last[MAC_AES_BLOCK] = {0}, scratch[4096];
  int whole = length ? (length - 1) / MAC_AES_BLOCK * MAC_AES_BLOCK : 0, rest = length - whole, made;
  memcpy(last, data + whole, (size_t)rest);
  if (rest < MAC_AES_BLOCK) last[rest] = 0x80;
  const uint8_t *subkey = mac_subkeys[rest < MAC_AES_BLOCK];
  for (int i = 0; i < MAC_AES_BLOCK; i++) last[i] ^= subkey[i];
  mac_init(mac_aes, NULL, NULL, NULL, mac_zero);
  if (whole) mac_update(mac_aes, scratch, &made, data, whole);
  mac_update(mac_aes, scratch, &made, last, MAC_AES_BLOCK);
  memcpy(out, scratch, MAC_BLOCK);
}

// The field's 16 digits over `data`: from the MTI to the last byte before the field; under 4,096 bytes.
static inline void mac_field(const uint8_t *data, int length, uint8_t *field) {
  uint8_t code[MAC_AES_BLOCK];
  if (mac_algorithm == MAC_CUP_ECB) mac_cup_ecb(data, length, code);
  else if (mac_algorithm == MAC_X9_19) mac_x9_19(data, length, code);
  else mac_cmac(data, length, code);
  mac_hex(code, MAC_BLOCK, field);
}

static inline int mac_good(const uint8_t *data, int length) {
  uint8_t field[MAC_FIELD];
  mac_field(data, length, field);
  return !memcmp(field, data + length, MAC_FIELD);
}

static void mac_subkey(const uint8_t *from, uint8_t *to) {
  for (int i = 0; i < MAC_AES_BLOCK; i++)
    to[i] = (uint8_t)(from[i] << 1 | (i + 1 < MAC_AES_BLOCK ? from[i + 1] >> 7 : 0));
  if (from[0] & 0x80) to[MAC_AES_BLOCK - 1] ^= 0x87;
}

static int mac_key_of(const char *digits, uint8_t *key) {
  if (strlen(digits) != 2 * MAC_KEY) return -1;
  for (int i = 0; i < MAC_KEY; i++)
    if (sscanf(digits + 2 * i, "%2hhx", key + i) != 1) return -1;
  return 0;
}

static int mac_failed(const char *why) {
  fprintf(stderr, "mac: %s\n", why);
  return -1;
}

// `named` is "ALGORITHM:KEY", the key as 32 hex digits.  0, or -1 and a word on stderr.
static int mac_open(const char *named) {
  static const char *names[] = {"none", "cup-ecb", "x9.19", "aes-cmac"};
  const char *colon = strchr(named, ':');
  uint8_t key[MAC_KEY], first[MAC_AES_BLOCK];
  for (int i = MAC_CUP_ECB; i <= MAC_AES_CMAC; i++)
    if (colon && strlen(names[i]) == (size_t)(colon - named) && !strncmp(named, names[i], (size_t)(colon - named)))
      mac_algorithm = (enum mac_algorithm)i;
  if (!mac_algorithm) return mac_failed("ALGORITHM:KEY with cup-ecb, x9.19 or aes-cmac");
  if (mac_key_of(colon + 1, key)) return mac_failed("the key has 32 hex digits");
  void *library = dlopen("libcrypto.so.3", RTLD_NOW);
  if (!library) library = dlopen("libcrypto.so.1.1", RTLD_NOW);
  if (!library) return mac_failed("no libcrypto");
  void (*des_key)(const uint8_t *, mac_schedule *);
  void *(*context)(void);
  const void *(*cipher)(void);
  int (*padding)(void *, int);
  *(void **)&des_key = dlsym(library, "DES_set_key_unchecked");
  *(void **)&mac_des_ecb = dlsym(library, "DES_ecb_encrypt");
  *(void **)&mac_des_ecb3 = dlsym(library, "DES_ecb3_encrypt");
  *(void **)&mac_des_cbc = dlsym(library, "DES_cbc_cksum");
  *(void **)&context = dlsym(library, "EVP_CIPHER_CTX_new");
  *(void **)&cipher = dlsym(library, "EVP_aes_128_cbc");
  *(void **)&padding = dlsym(library, "EVP_CIPHER_CTX_set_padding");
  *(void **)&mac_init = dlsym(library, "EVP_EncryptInit_ex");
  *(void **)&mac_update = dlsym(library, "EVP_EncryptUpdate");
  if (!des_key || !mac_des_ecb || !mac_des_ecb3 || !mac_des_cbc || !context || !cipher || !padding || !mac_init || !mac_update)
    return mac_failed("this libcrypto lacks DES or AES");
  des_key(key, &mac_left);
  des_key(key + MAC_BLOCK, &mac_right);
  mac_aes = context();
  mac_init(mac_aes, cipher(), NULL, key, mac_zero);
  padding(mac_aes, 0);
  int made;
  mac_update(mac_aes, first, &made, mac_zero, MAC_AES_BLOCK);
  mac_subkey(first, mac_subkeys[0]);
  mac_subkey(mac_subkeys[0], mac_subkeys[1]);
  return 0;
}
#endif
