cimport cython

from routing.records cimport Opened as Opened_t

cpdef str terminal_of(str identity)

@cython.final
cdef class Newest:
    cdef dict _greatest
    cpdef bint is_past(self, str identity)
    @cython.locals(record=Opened_t, identity=str, terminal=str)
    cpdef object note(self, list opened)
