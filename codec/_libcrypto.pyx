# cython: language_level=3
"""Opens libcrypto; what it is for stands in `_libcrypto.pxd`."""

import hashlib  # noqa: F401 - loads libcrypto where Python is linked with it

from libc.string cimport memset
from posix.dlfcn cimport RTLD_LOCAL, RTLD_NOW, dlopen, dlsym

cdef extern from "<dlfcn.h>" nogil:
    int RTLD_NOLOAD

_NAMES = (
    "libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.3.dylib", "libcrypto.1.1.dylib",
)


cdef void* open_library() noexcept:
    """The copy that is loaded already, or else any that is installed."""
    cdef void* handle
    for mode in (RTLD_NOLOAD, 0):
        for name in _NAMES:
            handle = dlopen(name.encode(), RTLD_NOW | RTLD_LOCAL | mode)
            if handle != NULL:
                return handle
    return NULL


cdef bint find(void* library, const char* name, void** function) noexcept:
    function[0] = dlsym(library, name)
    return function[0] != NULL


cdef bint load(Functions* f) noexcept:
    cdef void* library = open_library()
    return (
        library != NULL
        and find(library, "DES_set_key_unchecked", <void**>&f.des_set_key)
        and find(library, "DES_ecb_encrypt", <void**>&f.des_ecb)
        and find(library, "DES_ecb3_encrypt", <void**>&f.des_ecb3)
        and find(library, "DES_cbc_cksum", <void**>&f.des_cbc_cksum)
        and find(library, "EVP_CIPHER_CTX_new", <void**>&f.ctx_new)
        and find(library, "EVP_CIPHER_CTX_free", <void**>&f.ctx_free)
        and find(library, "EVP_CIPHER_CTX_set_padding", <void**>&f.ctx_set_padding)
        and find(library, "EVP_EncryptInit_ex", <void**>&f.encrypt_init)
        and find(library, "EVP_EncryptUpdate", <void**>&f.encrypt_update)
        and find(library, "EVP_EncryptFinal_ex", <void**>&f.encrypt_final)
        and find(library, "EVP_CIPHER_CTX_ctrl", <void**>&f.ctx_ctrl)
        and find(library, "EVP_aes_128_cbc", <void**>&f.aes_128_cbc)
        and find(library, "EVP_aes_192_cbc", <void**>&f.aes_192_cbc)
        and find(library, "EVP_aes_256_cbc", <void**>&f.aes_256_cbc)
        and find(library, "EVP_sm4_cbc", <void**>&f.sm4_cbc)
        and find(library, "EVP_aes_256_gcm", <void**>&f.aes_256_gcm)
    )


memset(&crypto, 0, sizeof(Functions))
crypto.loaded = load(&crypto)

AVAILABLE = bool(crypto.loaded)
