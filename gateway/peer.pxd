from codec._layout cimport Dialect as Dialect_t
from codec._wire cimport Message as Message_t

cdef class AnyPeer:
    cdef readonly Dialect_t dialect
    cdef readonly bint gains
    cpdef bint authentic(self, Message_t message) except -1
    cpdef bytes signed(self, Message_t message)
    cpdef object key_ahead(self, Message_t message)
