cdef class Tally:
    cdef tuple _bounds
    cdef list _counts
    cdef public double sum
    cpdef object add(self, double seconds)
