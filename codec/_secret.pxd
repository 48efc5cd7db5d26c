# The header of `_secret.pyx`: key bytes in memory of our own, and how memory is wiped.

from libc.stdint cimport uint8_t

cdef enum:
    SECRET_BYTES_MAX = 64

cdef extern from *:
    """
    /* Stores to volatile memory are never left out, as a memset before a free may be. */
    static inline void wipe_memory(void *memory, size_t count) {
        volatile unsigned char *at = memory;
        while (count--) *at++ = 0;
    }
    """
    void wipe_memory(void* memory, size_t count) noexcept nogil


cdef class Secret:
    cdef uint8_t[SECRET_BYTES_MAX] raw
    cdef Py_ssize_t size
