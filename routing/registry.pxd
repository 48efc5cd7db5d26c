from routing.limits cimport OwnLimits

cdef class Registry(OwnLimits):
    cdef object _settings
    cdef object _keeper
    cdef dict _merchants
    cdef dict _terminals
    cdef dict _terminals_of
    cdef dict _owners_of
    cdef public bint required
    cdef public bint refuses_some
    cdef public object refused
    cdef public list watchers
    cdef object _states
    cdef public object stale
    cpdef object class_of(self, str merchant, str terminal)
