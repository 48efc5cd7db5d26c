cimport cython
cimport routing.tombstones as tombstones

from codec._wire cimport Message as Message_t
from routing.tombstones cimport terminal_of

@cython.final
cdef class Speaker:
    cdef readonly str merchant
    cdef readonly str terminal
    cdef readonly str till
    cdef readonly str processing_code
    cdef bint says(self, Message_t request) except -1
    cpdef str processing_code_of(self, Message_t request)

@cython.final
cdef class Line:
    cdef readonly object conn
    cdef readonly list charges
    cdef Speaker _speaker
    @cython.locals(speaker=Speaker)
    cpdef Speaker speaker_of(self, Message_t request)
