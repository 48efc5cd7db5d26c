cdef class OwnLimits:
    cdef public bint any_limits

cdef class Limits:
    cdef object _cards
    cdef OwnLimits _own
    cdef public object settings
    cdef list _by_day
    cdef bint _general
    cdef object _day
    cdef readonly object _used
    cdef object _amounts
    cdef public object repeated
    cdef public object forgotten
    cpdef bint exist(self) except -1
