cimport cython

@cython.final
cdef class Breaker:
    cdef long _silences_max
    cdef double _pause_s
    cdef double _answer_timeout_s
    cdef long _silences
    cdef double _until
    cdef public object opened
    cpdef bint admits(self, double now) except -1
    cpdef object sent(self, double now)
    cpdef object answered(self)
