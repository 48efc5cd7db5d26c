from routing.admission cimport Admission as Admission_t
from routing.lifecycle cimport Asker as Asker_t, Lifecycle as Lifecycle_t
from routing.replies cimport Replies as Replies_t

cdef class TerminalSide:
    cdef Lifecycle_t _life
    cdef dict _listeners
    cdef public Replies_t replies
    cdef public Admission_t admission
    cdef public object batches
    cdef object _gate
    cdef dict _handlers
    cdef public object not_requests
    cpdef object _charge(self, Asker_t asker, object listener, object now)
