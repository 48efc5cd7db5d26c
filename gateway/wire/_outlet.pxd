# cython: language_level=3
"""What the way out asks of the wire for each message, by C calls."""


cdef class Outlet:
    cpdef bint send(self, object conn, bytes data, object tag=*) except -1
    cpdef str peer(self, object conn)
    cpdef object flush(self)
