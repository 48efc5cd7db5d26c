from codec._wire cimport Message as Message_t
from routing.conventions.base cimport named_after
from routing.conventions.iso87 cimport Iso87

cdef class Iso93(Iso87):
    cpdef str identity_after(self, str beginning, Message_t message)
    cpdef str batch(self, Message_t message)
    cpdef str code_of(self, Message_t answer)
