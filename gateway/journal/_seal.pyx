# cython: language_level=3
"""AES-256-GCM for the card numbers of charges, through libcrypto; its context keeps the key."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memset

from codec._libcrypto cimport crypto
from codec._text cimport ascii_text, latin1_chars, text_length

cdef enum:
    KEY_BYTES = 32
    NONCE_BYTES = 12
    TAG_BYTES = 16
    DIGITS_MAX = 20
    GET_TAG = 0x10              # EVP_CTRL_AEAD_GET_TAG

AVAILABLE = bool(crypto.loaded)


cdef class Sealer:
    """What `cryptography`'s AESGCM makes of a text, with a charge's number as nonce and, in decimal,
    as what is authenticated beside it.
    """

    def __cinit__(self, const uint8_t[::1] key):
        if key.shape[0] != KEY_BYTES:
            raise ValueError(f"a key of AES-256 has {KEY_BYTES} bytes")
        self.ctx = crypto.ctx_new() if crypto.loaded else NULL
        if self.ctx == NULL or not crypto.encrypt_init(
                self.ctx, crypto.aes_256_gcm(), NULL, &key[0], NULL):
            raise RuntimeError("libcrypto cannot use AES-256-GCM")

    def __dealloc__(self):
        # libcrypto wipes what a context holds before it frees it.
        if self.ctx != NULL:
            crypto.ctx_free(self.ctx)

    cpdef bytes seal(self, uint64_t number, str text):
        """The text enciphered, and its tag."""
        cdef uint8_t[NONCE_BYTES] nonce
        cdef uint8_t[DIGITS_MAX] digits
        cdef uint64_t rest = number
        cdef Py_ssize_t at
        cdef int written = 0, more = 0, count = <int>text_length(text)
        if not ascii_text(text):
            raise ValueError("a card number is of ASCII characters")
        memset(nonce, 0, NONCE_BYTES)
        for at in range(8):
            nonce[NONCE_BYTES - 1 - at] = <uint8_t>(number >> (8 * at))
        at = DIGITS_MAX
        while rest > 0 or at == DIGITS_MAX:
            at -= 1
            digits[at] = <uint8_t>(0x30 + rest % 10)
            rest = rest // 10
        sealed = PyBytes_FromStringAndSize(NULL, count + TAG_BYTES)
        cdef uint8_t* out = <uint8_t*>PyBytes_AS_STRING(sealed)
        if not (
            crypto.encrypt_init(self.ctx, NULL, NULL, NULL, nonce)
            and crypto.encrypt_update(self.ctx, NULL, &more, digits + at, <int>(DIGITS_MAX - at))
            and crypto.encrypt_update(self.ctx, out, &written, latin1_chars(text), count)
            and crypto.encrypt_final(self.ctx, out + written, &more)
            and written + more == count
            and crypto.ctx_ctrl(self.ctx, GET_TAG, TAG_BYTES, out + count)
        ):
            raise RuntimeError("libcrypto cannot encipher")
        return sealed
