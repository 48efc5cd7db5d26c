# cython: language_level=3
"""Where messages leave: what the way out asks of the wire for each of them."""

from libc.stdint cimport int64_t


cdef class Outlet:
    """The part of a `Network` that is called for each message."""

    cpdef bint send(self, object conn, bytes data, int64_t tag=0) except -1:
        raise NotImplementedError

    cpdef str peer(self, object conn):
        raise NotImplementedError

    cpdef object flush(self):
        raise NotImplementedError
