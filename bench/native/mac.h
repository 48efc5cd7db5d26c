// The MAC of a message as DE 64 or DE 128 holds it, 16 hex digits: made, and checked.
//
// It covers the message from its MTI to the last byte before that field.  What stands in front of a
// sale's STAN is the same for all sales of one second, so what the cipher made of the first 64 bytes
// is kept, and taken again while they stay the same.
#ifndef MAC_H
#define MAC_H
#include "libcrypto.h"
#include <stdint.h>
#include <string.h>

enum {
  DES_BLOCK = 8,
  AES_BLOCK = 16,
  MAC_KEY_BYTES = 16,
  MAC_FIELD = 16,
  MAC_PREFIX = 64,
  MAC_SCRATCH = 4096
};
typedef enum { MAC_NONE, MAC_CUP_ECB, MAC_X9_19, MAC_AES_CMAC } mac_algorithm;

// What was made of the beginning of the last message of one kind.
typedef struct {
  int known;
  uint8_t prefix[MAC_PREFIX];
  uint8_t state[AES_BLOCK];
} mac_memory;

static struct {
  mac_algorithm algorithm;
  libcrypto crypto;
  des_schedule left, right;
  void *aes;
  uint8_t last[AES_BLOCK];        // what the AES context will add to its next block
  uint8_t subkeys[2][AES_BLOCK];  // of CMAC: for a whole last block, for a padded one
} mac_settings;

static inline int mac_wanted(void) { return mac_settings.algorithm != MAC_NONE; }

static inline void xor_block(uint8_t *block, const uint8_t *with) {
  for (int i = 0; i < AES_BLOCK; i++) block[i] ^= with[i];
}

#define HEX_ROW(high)                                                                                     \
  high "0" high "1" high "2" high "3" high "4" high "5" high "6" high "7" high "8" high "9" high "A" high \
       "B" high "C" high "D" high "E" high "F"
static const char hex_pairs[] = HEX_ROW("0") HEX_ROW("1") HEX_ROW("2") HEX_ROW("3") HEX_ROW("4") HEX_ROW("5")
    HEX_ROW("6") HEX_ROW("7") HEX_ROW("8") HEX_ROW("9") HEX_ROW("A") HEX_ROW("B") HEX_ROW("C") HEX_ROW("D")
        HEX_ROW("E") HEX_ROW("F");

static inline void put_hex(const uint8_t *bytes, int count, uint8_t *digits) {
  for (int i = 0; i < count; i++) memcpy(digits + 2 * i, hex_pairs + 2 * bytes[i], 2);
}

// All blocks are XORed.  The first eight hex digits of that are enciphered and XORed with the
// other eight; the result is enciphered again, and its first half counts, as hex digits.
static inline void cup_ecb(const uint8_t *data, int length, uint8_t *code) {
  uint64_t sum = 0, block = 0, half;
  uint8_t digits[2 * DES_BLOCK], result[DES_BLOCK];
  int at = 0;
  for (; at + DES_BLOCK <= length; at += DES_BLOCK) {
    memcpy(&block, data + at, DES_BLOCK);
    sum ^= block;
  }
  block = 0;
  memcpy(&block, data + at, (size_t)(length - at));
  sum ^= block;
  put_hex((const uint8_t *)&sum, DES_BLOCK, digits);
  des_schedule *left = &mac_settings.left;
  mac_settings.crypto.des_ecb3(digits, result, left, &mac_settings.right, left, 1);
  memcpy(&block, result, DES_BLOCK);
  memcpy(&half, digits + DES_BLOCK, DES_BLOCK);
  block ^= half;
  mac_settings.crypto.des_ecb3((const uint8_t *)&block, result, left, &mac_settings.right, left, 1);
  put_hex(result, DES_BLOCK / 2, code);
}

// ISO 9797-1 algorithm 3, padded with zeros: CBC under the left half of the key, its last block then
// deciphered under the right half and enciphered under the left.
static inline void x9_19(const uint8_t *data, int length, const uint8_t *state, uint8_t *code) {
  mac_settings.crypto.des_cbc_sum(data, code, length, &mac_settings.left, state);
  mac_settings.crypto.des_ecb(code, code, &mac_settings.right, 0);
  mac_settings.crypto.des_ecb(code, code, &mac_settings.left, 1);
}

// Whole blocks in CBC from `state`; `blocks` is overwritten, its last block is the result.  The context
// is never begun anew, which would cost more than the cipher: it adds its own last block to the next
// one, so that is added once more here and cancels itself.
static inline const uint8_t *aes_cbc(uint8_t *blocks, int length, const uint8_t *state) {
  int made;
  xor_block(blocks, mac_settings.last);
  xor_block(blocks, state);
  mac_settings.crypto.encrypt(mac_settings.aes, blocks, &made, blocks, length);
  return memcpy(mac_settings.last, blocks + length - AES_BLOCK, AES_BLOCK);
}

static inline void aes_cmac(const uint8_t *data, int length, const uint8_t *state, uint8_t *code) {
  uint8_t blocks[MAC_SCRATCH];
  int over = length % AES_BLOCK, padded = over != 0 || length == 0;
  memcpy(blocks, data, (size_t)length);
  if (padded) {
    memset(blocks + length, 0, (size_t)(AES_BLOCK - over));
    blocks[length] = 0x80;
    length += AES_BLOCK - over;
  }
  xor_block(blocks + length - AES_BLOCK, mac_settings.subkeys[padded]);
  memcpy(code, aes_cbc(blocks, length, state), DES_BLOCK);
}

// The cipher's state behind the prefix of `data`.
static inline const uint8_t *state_behind(mac_memory *memory, const uint8_t *data) {
  if (memory->known && !memcmp(memory->prefix, data, MAC_PREFIX)) return memory->state;
  static const uint8_t zero[AES_BLOCK];
  uint8_t blocks[MAC_PREFIX];
  memcpy(memory->prefix, data, MAC_PREFIX);
  memcpy(blocks, data, MAC_PREFIX);
  memory->known = 1;
  if (mac_settings.algorithm == MAC_X9_19)
    mac_settings.crypto.des_cbc_sum(data, memory->state, MAC_PREFIX, &mac_settings.left, zero);
  else memcpy(memory->state, aes_cbc(blocks, MAC_PREFIX, zero), AES_BLOCK);
  return memory->state;
}

// The field's digits over `data`, of at most MESSAGE_MAX bytes.
static inline void mac_make(mac_memory *memory, const uint8_t *data, int length, uint8_t *field) {
  static const uint8_t zero[AES_BLOCK];
  uint8_t code[AES_BLOCK];
  const uint8_t *state = zero;
  if (mac_settings.algorithm != MAC_CUP_ECB && length > MAC_PREFIX) {
    state = state_behind(memory, data);
    data += MAC_PREFIX;
    length -= MAC_PREFIX;
  }
  if (mac_settings.algorithm == MAC_CUP_ECB) cup_ecb(data, length, code);
  if (mac_settings.algorithm == MAC_X9_19) x9_19(data, length, state, code);
  if (mac_settings.algorithm == MAC_AES_CMAC) aes_cmac(data, length, state, code);
  put_hex(code, DES_BLOCK, field);
}

// Whether the field behind `length` bytes holds their MAC.
static inline int mac_good(mac_memory *memory, const uint8_t *data, int length) {
  uint8_t field[MAC_FIELD];
  mac_make(memory, data, length, field);
  return !memcmp(field, data + length, MAC_FIELD);
}
#endif
