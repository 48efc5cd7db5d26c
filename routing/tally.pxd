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
    @cython.locals(at=Py_ssize_t, bound=double, count=Count)
    cpdef object add(self, double seconds)
