# cython: language_level=3, cdivision=True
"""JSON's texts and numbers as bytes: what must be looked at for each of them, and inline."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #define EACH 0x0101010101010101ULL
    #define PLAIN (0x40 * EACH)

    // Whether any of sixteen bytes is a control character, a quote or a backslash.
    #if defined(__SSE2__)
    #include <emmintrin.h>
    static inline int to_escape(uint64_t first, uint64_t last) {
        __m128i all = _mm_set_epi64x((long long)last, (long long)first);
        __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(all, _mm_set1_epi8(0x1F)), all);
        __m128i quotes = _mm_cmpeq_epi8(all, _mm_set1_epi8(0x22));
        __m128i slashes = _mm_cmpeq_epi8(all, _mm_set1_epi8(0x5C));
        return _mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quotes, slashes)));
    }
    #else
    static inline uint64_t escapes(uint64_t eight) {
        uint64_t quotes = eight ^ 0x22 * EACH, slashes = eight ^ 0x5C * EACH;
        return (((eight - 0x20 * EACH) & ~eight) | ((quotes - EACH) & ~quotes)
            | ((slashes - EACH) & ~slashes)) & 0x80 * EACH;
    }
    static inline int to_escape(uint64_t first, uint64_t last) {
        return (escapes(first) | escapes(last)) != 0;
    }
    #endif
    #define SECONDS_MIN 1073741824.0
    #define SECONDS_MAX 2147483648.0
    #define TENTHS 1e7
    static const char PAIRS[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    """
    uint64_t PLAIN              # eight bytes that need not be escaped
    bint to_escape(uint64_t first, uint64_t last) noexcept
    double SECONDS_MIN          # 2004
    double SECONDS_MAX          # 2038: between these, times are 2 ** -22 s apart,
    double TENTHS               # and seven decimals tell one from the other
    const char* PAIRS           # 00, 01 ... 99

cdef enum:
    SECONDS_DIGITS = 10
    DECIMALS = 7
    NUMBER_BYTES_MAX = 24       # of a number that is written here


cdef inline bint plain(uint8_t* to, const uint8_t* first, Py_ssize_t apart) noexcept:
    """Copies eight bytes, and the eight that begin `apart` from them: whether they need not be
    escaped.
    """
    cdef uint64_t one, other
    memcpy(&one, first, 8)
    memcpy(&other, first + apart, 8)
    memcpy(to, &one, 8)
    memcpy(to + apart, &other, 8)
    return not to_escape(one, other)


cdef inline bint copied(uint8_t* to, const uint8_t* chars, Py_ssize_t count) noexcept:
    """Whether they need not be escaped; only these are read, and only as many are written."""
    cdef Py_ssize_t at = 0
    cdef uint32_t begin, end
    if 8 <= count <= 16:
        return plain(to, chars, count - 8)
    if count > 16:
        while at + 16 < count:
            if not plain(to + at, chars + at, 8):
                return False
            at += 16
        return plain(to + count - 16, chars + count - 16, 8)
    if count >= 4:
        memcpy(&begin, chars, 4)
        memcpy(&end, chars + count - 4, 4)
        memcpy(to, &begin, 4)
        memcpy(to + count - 4, &end, 4)
        return not to_escape(begin | <uint64_t>end << 32, PLAIN)
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
    if number < 100 and least == 1:
        memcpy(to, PAIRS + 2 * number, 2)
        if number >= 10:
            return to + 2
        to[0] = to[1]
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
