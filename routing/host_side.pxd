from routing.charge_record cimport Charge as Charge_t
from routing.hosts cimport Host as Host_t
from routing.lifecycle cimport Lifecycle as Lifecycle_t

cdef class HostSide:
    cdef Lifecycle_t _life
    cdef public object unmatched
    cdef public object late_approvals
    cdef bint _is_answer_to(self, Host_t host, dict sent, object message) except -1
    cdef object _charge_answered(self, Host_t host, Charge_t charge, object message, object key, object now)
    cdef object _approved(self, Host_t host, Charge_t charge, object message, object now)
    cdef bint _is_beyond_limits(self, Charge_t charge, object now) except -1
