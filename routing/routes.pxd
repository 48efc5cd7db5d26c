cdef class RouteTable:
    cdef tuple _routes
    cdef Py_ssize_t _turn
    cdef readonly str only
    cpdef tuple hosts_for(self, object dialect, object mti, object processing_code, object pan)
