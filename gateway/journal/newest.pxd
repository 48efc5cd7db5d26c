cimport cython

cpdef str terminal_of(str identity)

@cython.final
cdef class Newest:
    cdef dict _greatest
    cpdef bint is_past(self, str identity)
    @cython.locals(identity=str, terminal=str)
    cpdef object note(self, object identities)
