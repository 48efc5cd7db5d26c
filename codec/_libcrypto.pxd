# The few functions of libcrypto that MACs and sealed card numbers need, found at run time.
#
# Linking with -lcrypto fails where OpenSSL's headers are missing, and most machines have the
# library without them.  So it is opened by name, preferably the copy that Python's own hashlib has
# loaded.  The single-DES functions are deprecated in OpenSSL 3, which still has them: through EVP
# they would need the legacy provider.  Where anything is missing, `crypto.loaded` is false and
# `cryptography` is used instead.

from libc.stdint cimport uint8_t

cdef enum:
    DES_SCHEDULE_BYTES = 128
    DES_BLOCK = 8
    ENCRYPT = 1
    DECRYPT = 0

ctypedef struct Schedule:
    uint8_t[DES_SCHEDULE_BYTES] opaque

cdef struct Functions:
    bint loaded
    void (*des_set_key)(const uint8_t* key, Schedule* schedule) noexcept nogil
    void (*des_ecb)(const uint8_t* data, uint8_t* out, Schedule* schedule,
                    int direction) noexcept nogil
    void (*des_ecb3)(const uint8_t* data, uint8_t* out, Schedule* first, Schedule* second,
                     Schedule* third, int direction) noexcept nogil
    unsigned int (*des_cbc_cksum)(const uint8_t* data, uint8_t* out, long length,
                                  Schedule* schedule, const uint8_t* iv) noexcept nogil
    void* (*ctx_new)() noexcept nogil
    void (*ctx_free)(void* ctx) noexcept nogil
    int (*ctx_set_padding)(void* ctx, int padding) noexcept nogil
    int (*encrypt_init)(void* ctx, const void* cipher, void* engine, const uint8_t* key,
                        const uint8_t* iv) noexcept nogil
    int (*encrypt_update)(void* ctx, uint8_t* out, int* out_length, const uint8_t* data,
                          int length) noexcept nogil
    int (*encrypt_final)(void* ctx, uint8_t* out, int* out_length) noexcept nogil
    int (*ctx_ctrl)(void* ctx, int type, int number, void* data) noexcept nogil
    const void* (*aes_128_cbc)() noexcept nogil
    const void* (*aes_192_cbc)() noexcept nogil
    const void* (*aes_256_cbc)() noexcept nogil
    const void* (*sm4_cbc)() noexcept nogil
    const void* (*aes_256_gcm)() noexcept nogil

cdef Functions crypto
