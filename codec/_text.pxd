# Bytes to text and back, for the extension modules: inline, and nothing that knows about frames.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

cdef extern from *:
    """
    #define latin1_text(text) (PyUnicode_KIND(text) == PyUnicode_1BYTE_KIND)
    #define latin1_chars(text) ((unsigned char*)PyUnicode_1BYTE_DATA(text))
    """
    bint latin1_text(object text) noexcept          # whether all its characters fit one byte
    uint8_t* latin1_chars(object text) noexcept     # these bytes; to be written to only when new
    Py_ssize_t text_length "PyUnicode_GET_LENGTH"(object text) noexcept
    bint ascii_text "PyUnicode_IS_ASCII"(object text) noexcept
    int bits_set "__builtin_popcountll"(uint64_t bits) noexcept nogil
    int leading_zeros "__builtin_clzll"(uint64_t bits) noexcept nogil

cdef extern from "Python.h":
    str PyUnicode_New(Py_ssize_t size, Py_UCS4 maxchar)


cdef inline uint8_t hex_digit(uint8_t nibble) noexcept nogil:
    return nibble + (<uint8_t>0x30 if nibble < 10 else <uint8_t>0x37)


cdef inline int hex_value(uint8_t char) noexcept nogil:
    """The half byte that a hex digit of either case stands for, or -1."""
    if 0x30 <= char <= 0x39:
        return char - 0x30
    char |= 0x20
    return char - 0x57 if 0x61 <= char <= 0x66 else -1


cdef inline bint same_bytes(const uint8_t* one, const uint8_t* other,
                            Py_ssize_t count) noexcept nogil:
    """As `memcmp` says, of what is mostly a field of a few bytes: without a call."""
    cdef uint64_t first, second, third, fourth
    cdef uint32_t head, same_head, tail, same_tail
    if count > 16:
        return memcmp(one, other, count) == 0
    if count >= 8:                              # two words, which may overlap
        memcpy(&first, one, 8)
        memcpy(&second, other, 8)
        memcpy(&third, one + count - 8, 8)
        memcpy(&fourth, other + count - 8, 8)
        return ((first ^ second) | (third ^ fourth)) == 0
    if count >= 4:
        memcpy(&head, one, 4)
        memcpy(&same_head, other, 4)
        memcpy(&tail, one + count - 4, 4)
        memcpy(&same_tail, other + count - 4, 4)
        return ((head ^ same_head) | (tail ^ same_tail)) == 0
    return count <= 0 or (
        one[0] == other[0] and one[count >> 1] == other[count >> 1]
        and one[count - 1] == other[count - 1])


cdef inline void copy_bytes(uint8_t* out, const uint8_t* raw, Py_ssize_t count) noexcept nogil:
    """As `memcpy` does, likewise."""
    cdef uint64_t first, last
    cdef uint32_t head, tail
    if count > 16:
        memcpy(out, raw, count)
    elif count >= 8:
        memcpy(&first, raw, 8)
        memcpy(&last, raw + count - 8, 8)
        memcpy(out, &first, 8)
        memcpy(out + count - 8, &last, 8)
    elif count >= 4:
        memcpy(&head, raw, 4)
        memcpy(&tail, raw + count - 4, 4)
        memcpy(out, &head, 4)
        memcpy(out + count - 4, &tail, 4)
    elif count > 0:
        out[0] = raw[0]
        out[count >> 1] = raw[count >> 1]
        out[count - 1] = raw[count - 1]


cdef inline Py_ssize_t high_byte(const uint8_t* text, Py_ssize_t count) noexcept nogil:
    """Where the first byte above 127 is, or -1."""
    cdef Py_ssize_t i = 0
    cdef uint64_t seen = 0
    cdef uint64_t[4] words
    while i + 32 <= count:
        memcpy(words, text + i, 32)
        seen |= words[0] | words[1] | words[2] | words[3]
        i += 32
    while i + 8 <= count:
        memcpy(words, text + i, 8)
        seen |= words[0]
        i += 8
    if i < count and count >= 8:
        memcpy(words, text + count - 8, 8)
        seen |= words[0]
        i = count
    while i < count:
        seen |= text[i]
        i += 1
    if not seen & <uint64_t>0x8080808080808080:
        return -1
    for i in range(count):
        if text[i] > 127:
            return i
    return -1


cdef inline str ascii_from(const uint8_t* raw, Py_ssize_t count):
    """The text of bytes known to be below 128."""
    cdef str text
    if count == 0:
        return ""
    text = PyUnicode_New(count, 127)
    memcpy(latin1_chars(text), raw, count)
    return text


cdef inline str hex_from(const uint8_t* raw, Py_ssize_t count):
    """Upper-case hex of bytes."""
    cdef Py_ssize_t i
    cdef str text
    cdef uint8_t* chars
    if count == 0:
        return ""
    text = PyUnicode_New(2 * count, 127)
    chars = latin1_chars(text)
    for i in range(count):
        chars[2 * i] = hex_digit(raw[i] >> 4)
        chars[2 * i + 1] = hex_digit(raw[i] & 15)
    return text
