cimport cython

from codec._wire cimport Message as Message_t

cdef tuple _TERMINAL

@cython.final
cdef class Tombstones:
    cdef object _max
    cdef double _late_request_s
    cdef object _reversed
    cdef object _refused
    cdef bint _some
    cdef public object unsaid
    cpdef bint are_none(self) except -1
    cpdef object verdict(self, object identity, Message_t request, object conn, tuple named, double now)

cpdef str terminal_of(Message_t request)

@cython.locals(parts=int, at=Py_ssize_t, char=Py_UCS4)
cpdef str prefix_of(str identity)
