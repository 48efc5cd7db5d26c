cimport cython

@cython.final
cdef class Count:
    cdef public long long n
    cpdef object up(self)
    cpdef object down(self)

@cython.final
cdef class Tally:
    cdef tuple _bounds
    cdef list _counts
    cdef public double sum
    cdef Count _last
    cdef double _above
    cdef double _up_to
    cpdef object add(self, double seconds)
    @cython.locals(at=Py_ssize_t)
    cdef object _look(self, double seconds)
