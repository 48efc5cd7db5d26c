cimport cython

from routing.conventions.base cimport Convention

@cython.final
cdef class Listener:
    cdef readonly str name
    cdef readonly str dialect
    cdef readonly Convention convention
    cdef readonly bint terminal_resolves_first
    cdef readonly bint signs_in
    cdef readonly object sign_in
