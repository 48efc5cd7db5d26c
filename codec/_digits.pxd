# Decimal digits of a frame as a number: eight at a time, then four, then one by one.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    /* The first byte lowest, on any machine. */
    static inline uint64_t eight_bytes(const uint8_t* raw) {
        uint64_t word;
        memcpy(&word, raw, 8);
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
    #endif
        return word;
    }
    static inline uint32_t four_bytes(const uint8_t* raw) {
        uint32_t word;
        memcpy(&word, raw, 4);
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap32(word);
    #endif
        return word;
    }
    """
    uint64_t eight_bytes(const uint8_t* raw) noexcept nogil
    uint32_t four_bytes(const uint8_t* raw) noexcept nogil


cdef inline long number_from(const uint8_t* raw, Py_ssize_t digits) noexcept nogil:
    """The number that so many ASCII digits are, at most 18; -1 where others are among them."""
    cdef uint64_t word
    cdef uint32_t half
    cdef long number = 0
    cdef int digit
    while digits >= 8:
        # Digits are the bytes whose upper half is 3, and still is with 6 added.
        word = eight_bytes(raw)
        if (word & (word + <uint64_t>0x0606060606060606) & <uint64_t>0xF0F0F0F0F0F0F0F0
                != <uint64_t>0x3030303030303030):
            return -1
        # Neighbours become one number: two digits, then four, then eight.
        word = (word & <uint64_t>0x0F0F0F0F0F0F0F0F) * 2561 >> 8
        word = (word & <uint64_t>0x00FF00FF00FF00FF) * 6553601 >> 16
        word = (word & <uint64_t>0x0000FFFF0000FFFF) * <uint64_t>42949672960001 >> 32
        number = number * 100000000 + <long>word
        raw, digits = raw + 8, digits - 8
    if digits >= 4:
        half = four_bytes(raw)
        if half & (half + <uint32_t>0x06060606) & <uint32_t>0xF0F0F0F0 != <uint32_t>0x30303030:
            return -1
        half = (half & <uint32_t>0x0F0F0F0F) * 2561 >> 8
        half = (half & <uint32_t>0x00FF00FF) * 6553601 >> 16
        number = number * 10000 + <long>half
        raw, digits = raw + 4, digits - 4
    while digits > 0:
        digit = raw[0] - 0x30
        if digit < 0 or digit > 9:
            return -1
        number = number * 10 + digit
        raw, digits = raw + 1, digits - 1
    return number
