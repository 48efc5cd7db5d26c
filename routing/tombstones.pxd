cdef class Tombstones:
    cdef object _max
    cdef double _late_request_s
    cdef object _reversed
    cdef object _refused
    cdef public object unsaid
    cpdef object verdict(self, object identity, object request, object conn, tuple named, double now)
