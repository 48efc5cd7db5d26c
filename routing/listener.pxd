cimport cython

@cython.final
cdef class Listener:
    cdef readonly str name
    cdef readonly str dialect
    cdef readonly object convention
    cdef readonly bint terminal_resolves_first
    cdef readonly bint signs_in
    cdef readonly object sign_in
