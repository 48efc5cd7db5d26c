// libcrypto's ciphers, opened by name: nothing to compile or link against, so a machine without its
// headers builds the tools too.
#ifndef LIBCRYPTO_H
#define LIBCRYPTO_H
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint8_t bytes[128];
} des_schedule;

typedef struct {
  void (*des_key)(const uint8_t *key, des_schedule *);
  void (*des_ecb)(const uint8_t *from, uint8_t *to, des_schedule *, int encrypt);
  void (*des_ecb3)(const uint8_t *from, uint8_t *to, des_schedule *, des_schedule *, des_schedule *,
                   int encrypt);
  unsigned (*des_cbc_sum)(const uint8_t *from, uint8_t *sum, long length, des_schedule *,
                          const uint8_t *before);
  void *(*context)(void);
  const void *(*aes_128_cbc)(void);
  int (*begin)(void *context, const void *cipher, void *engine, const uint8_t *key, const uint8_t *before);
  int (*encrypt)(void *context, uint8_t *to, int *made, const uint8_t *from, int length);
  int (*padding)(void *context, int on);
} libcrypto;

// NULL, or why it can't be used.  `name`: the library, or NULL for the first that is installed.
static inline const char *libcrypto_open(libcrypto *into, const char *name) {
  const char *names[] = {name ? name : "libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.so"};
  void *library = NULL;
  for (int i = 0; i < 3 && !library && !(name && i); i++) library = dlopen(names[i], RTLD_NOW);
  if (!library) return "no libcrypto (OpenSSL) can be opened here";
  const struct {
    const char *name;
    void *place;
  } wanted[] = {{"DES_set_key_unchecked", &into->des_key},     {"DES_ecb_encrypt", &into->des_ecb},
                {"DES_ecb3_encrypt", &into->des_ecb3},         {"DES_cbc_cksum", &into->des_cbc_sum},
                {"EVP_CIPHER_CTX_new", &into->context},        {"EVP_aes_128_cbc", &into->aes_128_cbc},
                {"EVP_EncryptInit_ex", &into->begin},          {"EVP_EncryptUpdate", &into->encrypt},
                {"EVP_CIPHER_CTX_set_padding", &into->padding}};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
    if (!(*(void **)wanted[i].place = dlsym(library, wanted[i].name)))
      return "this libcrypto lacks DES or AES";
  return NULL;
}
#endif
