// The algorithm and key of the MACs as the command line names them: ALGORITHM:KEY.
#ifndef MAC_KEY_H
#define MAC_KEY_H
#include "fields.h"
#include "mac.h"
#include <string.h>

static inline int key_of(const char *digits, uint8_t *key) {
  if (strlen(digits) != 2 * MAC_KEY_BYTES) return 0;
  for (int i = 0; i < MAC_KEY_BYTES; i++) {
    int high = hex_value((uint8_t)digits[2 * i]), low = hex_value((uint8_t)digits[2 * i + 1]);
    if (high < 0 || low < 0) return 0;
    key[i] = (uint8_t)(high << 4 | low);
  }
  return 1;
}

// Twice `from` in the field of 2^128 elements: how CMAC makes its subkeys.
static inline void doubled(const uint8_t *from, uint8_t *to) {
  uint8_t carry = 0;
  for (int i = AES_BLOCK - 1; i >= 0; i--) {
    uint8_t byte = from[i];
    to[i] = (uint8_t)(byte << 1 | carry);
    carry = byte >> 7;
  }
  if (carry) to[AES_BLOCK - 1] ^= 0x87;
}

static inline void take_key(const uint8_t *key) {
  libcrypto *crypto = &mac_settings.crypto;
  uint8_t block[AES_BLOCK] = {0};
  static const uint8_t zero[AES_BLOCK];
  crypto->des_key(key, &mac_settings.left);
  crypto->des_key(key + DES_BLOCK, &mac_settings.right);
  mac_settings.aes = crypto->context();
  crypto->begin(mac_settings.aes, crypto->aes_128_cbc(), NULL, key, zero);
  crypto->padding(mac_settings.aes, 0);
  doubled(aes_cbc(block, AES_BLOCK, zero), mac_settings.subkeys[0]);
  doubled(mac_settings.subkeys[0], mac_settings.subkeys[1]);
}

// NULL, or what is wrong with it; the key itself is never shown.
static inline const char *mac_open(const char *named) {
  static const char *const names[] = {
      [MAC_CUP_ECB] = "cup-ecb:", [MAC_X9_19] = "x9.19:", [MAC_AES_CMAC] = "aes-cmac:"};
  uint8_t key[MAC_KEY_BYTES];
  for (int i = MAC_CUP_ECB; i <= MAC_AES_CMAC; i++) {
    size_t length = strlen(names[i]);
    if (strncmp(named, names[i], length)) continue;
    if (!key_of(named + length, key)) return "the key has 32 hex digits";
    const char *wrong = libcrypto_open(&mac_settings.crypto, NULL);
    if (wrong) return wrong;
    take_key(key);
    mac_settings.algorithm = (mac_algorithm)i;
    return NULL;
  }
  return "give ALGORITHM:KEY, with cup-ecb, x9.19 or aes-cmac";
}
#endif
