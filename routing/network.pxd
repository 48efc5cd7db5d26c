cdef class HostLinks:
    cdef public object settings
    cdef object _convention
    cdef public object day
    cdef dict _links
    cdef list _ready
    cdef Py_ssize_t _turn
    cdef object _last_stan
    cpdef object usable(self)
    cpdef object next_link(self)
    cpdef object heard(self, object link, object now)
