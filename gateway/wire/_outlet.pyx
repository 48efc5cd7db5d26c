# cython: language_level=3
"""Where messages leave: what the way out asks of the wire for each of them."""


cdef class Outlet:
    """The part of a `Network` that is called for each message."""

    cpdef bint send(self, object conn, bytes data, object tag=None) except -1:
        raise NotImplementedError

    cpdef str peer(self, object conn):
        raise NotImplementedError

    cpdef object flush(self):
        raise NotImplementedError
