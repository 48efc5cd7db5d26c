cimport cython

from codec._wire cimport Message as Message_t
from routing.tombstones cimport terminal_of

@cython.final
cdef class Speaker:
    cdef readonly str merchant
    cdef readonly str terminal
    cdef readonly str till
    cdef public str processing_code
    cpdef bint says(self, Message_t request) except -1
    cpdef str processing_code_of(self, Message_t request)

cpdef Speaker speaker_of(Message_t request)

@cython.final
cdef class Line:
    cdef readonly object conn
    cdef dict _shelves
    cdef object _charge
    cdef list _others
    cdef Speaker _speaker
    @cython.locals(speaker=Speaker)
    cpdef Speaker speaker_of(self, Message_t request)
    cdef Speaker _known(self, Speaker speaker, Message_t request)
    cpdef object joined_by(self, object charge)
    cpdef object left_by(self, object charge)
    cpdef Py_ssize_t load(self) except -1
    cpdef list charges(self)
