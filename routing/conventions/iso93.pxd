from codec._wire cimport Message as Message_t
from routing.conventions.iso87 cimport Iso87

cdef class Iso93(Iso87):
    cpdef str identity(self, Message_t message)
    cpdef str batch(self, Message_t message)
    cpdef str code_of(self, Message_t answer)
