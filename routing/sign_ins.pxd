from codec._wire cimport Message as Message_t
from routing.clock cimport Now as Now_t

cdef class SignIns:
    cdef object _keeper
    cdef object _registry
    cdef public object registered
    cdef object _downloads
    cdef public object findings
    cdef dict _sessions
    cdef dict _asked_for
    cdef public object events
    cdef public object states
    cdef dict _counted
    cdef public list watchers
    cpdef object why_not(self, Message_t message, Now_t now)
    cpdef object batch_of(self, Message_t message)
    cpdef object mark(self, Message_t message)
