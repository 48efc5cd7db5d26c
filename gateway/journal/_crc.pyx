# cython: language_level=3, boundscheck=False, wraparound=False
"""CRC-32C (Castagnoli), by the processor's own instruction where it has one."""

from libc.stdint cimport uint8_t, uint32_t

cdef extern from *:
    """
    #include <stddef.h>
    #include <string.h>

    static uint32_t crc_table[8][256];

    static void crc_fill(void) {
        for (uint32_t n = 0; n < 256; n++) {
            uint32_t crc = n;
            for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
            crc_table[0][n] = crc;
        }
        for (uint32_t n = 0; n < 256; n++)
            for (int k = 1; k < 8; k++)
                crc_table[k][n] = crc_table[k - 1][n] >> 8 ^ crc_table[0][crc_table[k - 1][n] & 255];
    }

    /* Eight bytes at a time by tables, on any machine. */
    static uint32_t crc_by_tables(uint32_t crc, const uint8_t *at, size_t count) {
        for (; count >= 8; at += 8, count -= 8) {
            crc ^= at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
            crc = crc_table[7][crc & 255] ^ crc_table[6][crc >> 8 & 255]
                ^ crc_table[5][crc >> 16 & 255] ^ crc_table[4][crc >> 24]
                ^ crc_table[3][at[4]] ^ crc_table[2][at[5]]
                ^ crc_table[1][at[6]] ^ crc_table[0][at[7]];
        }
        for (; count; at++, count--) crc = crc >> 8 ^ crc_table[0][(crc ^ *at) & 255];
        return crc;
    }

    #if defined(__x86_64__)
    __attribute__((target("sse4.2")))
    static uint32_t crc_by_processor(uint32_t crc, const uint8_t *at, size_t count) {
        unsigned long long wide = crc, eight;
        for (; count >= 8; at += 8, count -= 8) {
            memcpy(&eight, at, 8);
            wide = __builtin_ia32_crc32di(wide, eight);
        }
        crc = (uint32_t)wide;
        for (; count; at++, count--) crc = __builtin_ia32_crc32qi(crc, *at);
        return crc;
    }
    static int crc_processor_can(void) { return __builtin_cpu_supports("sse4.2") != 0; }
    #elif defined(__aarch64__) && defined(__linux__)
    #include <sys/auxv.h>
    static uint32_t crc_by_processor(uint32_t crc, const uint8_t *at, size_t count) {
        unsigned long long eight;
        for (; count >= 8; at += 8, count -= 8) {
            memcpy(&eight, at, 8);
            __asm__(".arch_extension crc\\n\\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(eight));
        }
        for (; count; at++, count--)
            __asm__(".arch_extension crc\\n\\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"(*at));
        return crc;
    }
    static int crc_processor_can(void) { return (getauxval(AT_HWCAP) & 1 << 7) != 0; }
    #else
    #define crc_by_processor crc_by_tables
    static int crc_processor_can(void) { return 0; }
    #endif
    """
    void crc_fill() noexcept nogil
    uint32_t crc_by_tables(uint32_t crc, const uint8_t* at, size_t count) noexcept nogil
    uint32_t crc_by_processor(uint32_t crc, const uint8_t* at, size_t count) noexcept nogil
    bint crc_processor_can() noexcept nogil

crc_fill()
cdef bint CAN = crc_processor_can()
BY_PROCESSOR = CAN


def crc32c(const uint8_t[::1] data not None, *, bint by_tables=False):
    """The checksum of some bytes; `by_tables` as a machine without the instruction would."""
    cdef size_t count = data.shape[0]
    cdef const uint8_t* at = &data[0] if count else NULL
    cdef uint32_t crc = 0xFFFFFFFF
    with nogil:
        if CAN and not by_tables:
            crc = crc_by_processor(crc, at, count)
        else:
            crc = crc_by_tables(crc, at, count)
    return crc ^ 0xFFFFFFFF
