cimport cython

from codec._wire cimport Message as Message_t

@cython.final
cdef class Peer:
    cdef readonly object dialect
    cdef readonly object key
    cpdef bint authentic(self, Message_t message) except -1
    cpdef bytes signed(self, Message_t message)
