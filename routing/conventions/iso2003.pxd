from codec._wire cimport Message as Message_t
from routing.conventions.iso93 cimport Iso93

cdef class Iso2003(Iso93):
    cpdef str amount_of(self, Message_t message)
    cpdef long amount(self, Message_t message) except -2
    cpdef str currency_of(self, Message_t message)
