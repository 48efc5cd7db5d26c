cimport cython

from codec._wire cimport Message as Message_t
from routing.conventions.base cimport Convention, named_after

cdef class UnionPayPos(Convention):
    cdef object _financial_kind(self, Message_t message)
    @cython.locals(mti=str)
    cpdef object kind(self, Message_t message)
    cpdef object transaction(self, Message_t message)
    cpdef str identity_after(self, str beginning, Message_t message)
    cpdef str batch(self, Message_t message)
    cpdef str operator(self, Message_t message)
    cpdef object key_of(self, str mti_class, str stan, str sent_at, str terminal, str merchant)
