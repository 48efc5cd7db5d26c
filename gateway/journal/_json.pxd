# cython: language_level=3, cdivision=True
"""JSON's texts and numbers as bytes: what must be looked at for each of them, and inline."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #define EACH 0x0101010101010101ULL
    #define SECONDS_MIN 1073741824.0
    #define SECONDS_MAX 2147483648.0
    #define TENTHS 1e7
    static const char PAIRS[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    """
    uint64_t EACH               # one in each of eight bytes
    double SECONDS_MIN          # 2004
    double SECONDS_MAX          # 2038: between these, times are 2 ** -22 s apart,
    double TENTHS               # and seven decimals tell one from the other
    const char* PAIRS           # 00, 01 ... 99

cdef enum:
    SECONDS_DIGITS = 10
    DECIMALS = 7
    NUMBER_BYTES_MAX = 24       # of a number that is written here


cdef inline uint64_t to_escape(uint64_t eight) noexcept:
    """Not 0 if any of eight bytes is a control character, a quote or a backslash."""
    cdef uint64_t quotes = eight ^ (0x22 * EACH), slashes = eight ^ (0x5C * EACH)
    return (
        (eight - 0x20 * EACH & ~eight | quotes - EACH & ~quotes | slashes - EACH & ~slashes)
        & 0x80 * EACH
    )


cdef inline bint copied(uint8_t* to, const uint8_t* chars, Py_ssize_t count) noexcept:
    """Whether they need not be escaped; only these are read, and only as many are written."""
    cdef Py_ssize_t at = 0
    cdef uint64_t eight, seen = 0
    cdef uint32_t first, last
    if count >= 8:
        while at + 8 <= count:
            memcpy(&eight, chars + at, 8)
            memcpy(to + at, &eight, 8)
            seen |= to_escape(eight)
            at += 8
        memcpy(&eight, chars + count - 8, 8)
        memcpy(to + count - 8, &eight, 8)
        return (seen | to_escape(eight)) == 0
    if count >= 4:
        memcpy(&first, chars, 4)
        memcpy(&last, chars + count - 4, 4)
        memcpy(to, &first, 4)
        memcpy(to + count - 4, &last, 4)
        return to_escape(first | <uint64_t>last << 32) == 0
    while at < count:
        to[at] = chars[at]
        if chars[at] < 0x20 or chars[at] == 0x22 or chars[at] == 0x5C:
            return False
        at += 1
    return True


cdef inline uint8_t* digits(uint8_t* to, uint64_t number, int least) noexcept:
    """In decimal, with zeros in front up to `least` digits; what comes after them."""
    cdef uint8_t[NUMBER_BYTES_MAX] text
    cdef int at = NUMBER_BYTES_MAX
    if number < 10 and least == 1:
        to[0] = <uint8_t>(0x30 + number)
        return to + 1
    while number >= 100:
        at -= 2
        memcpy(text + at, PAIRS + 2 * (number % 100), 2)
        number /= 100
    if number >= 10:
        at -= 2
        memcpy(text + at, PAIRS + 2 * number, 2)
    else:
        at -= 1
        text[at] = <uint8_t>(0x30 + number)
    while NUMBER_BYTES_MAX - at < least:
        at -= 1
        text[at] = 0x30
    memcpy(to, text + at, NUMBER_BYTES_MAX - at)
    return to + NUMBER_BYTES_MAX - at
