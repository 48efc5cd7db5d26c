cdef class RouteTable:
    cdef tuple _routes
    cdef public object always
    cpdef object host_for(self, object dialect, object mti, object processing_code, object pan)
