cdef class Gate:
    cdef object _bars
    cdef public bint bars_some
    cdef public object collecting
    cdef public object refused
    cdef public object lets_test
