cdef class HostLinks:
    cdef public object settings
    cdef object _convention
    cdef set _shut
    cdef public object day
    cdef public dict _links
    cdef list _ready
    cdef object _usable
    cdef bint _uneven
    cdef double _shared_at
    cdef Py_ssize_t _turn
    cdef object _last_stan
    cdef dict _codes
    cdef dict _purposes
    cdef public object counts
    cdef public object exchange
    cdef bint _blocked
    cpdef object usable(self)
    cpdef object next_link(self)
    cpdef object heard(self, object link, object now, bint answers)
