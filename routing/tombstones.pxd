cdef class Tombstones:
    cdef object _max
    cdef object _reversed
    cdef object _refused
    cdef public object evicted
    cpdef object verdict(self, object identity, object conn, object batch, object de7)
