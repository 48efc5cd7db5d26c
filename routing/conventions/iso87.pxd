cimport cython

from codec._wire cimport Message as Message_t
from routing.conventions.base cimport Convention

cdef object _CHARGE, _CONFIRMATION, _SALE
cdef tuple _IDENTITY, _IDENTITY_BY_DE7, _KEY

cdef object _kind_of(str mti, str version)
@cython.locals(code=str)
cdef object _financial_kind(Message_t message)
@cython.locals(code=str)
cdef object _advised_kind(Message_t message, str version)

cdef class Iso87(Convention):
    cdef dict _kinds
    @cython.locals(mti=str)
    cpdef object kind(self, Message_t message)
    @cython.locals(code=str)
    cpdef object transaction(self, Message_t message)
    cpdef str identity(self, Message_t message)
    cpdef str batch(self, Message_t message)
    cpdef str key_of(self, str mti_class, str stan, str sent_at, str terminal, str merchant)
    cpdef str pending_key(self, Message_t message)
