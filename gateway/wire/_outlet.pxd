# cython: language_level=3
"""What the way out asks of the wire for each message, by C calls."""

from libc.stdint cimport int64_t


cdef class Outlet:
    cpdef bint send(self, object conn, bytes data, int64_t tag=*) except -1
    cpdef str peer(self, object conn)
    cpdef object flush(self)
