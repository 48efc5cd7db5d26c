cimport cython

from codec._wire cimport Message as Message_t
from routing.charge_record cimport Charge as Charge_t
from routing.clock cimport Now as Now_t
from routing.hosts cimport Host as Host_t
from routing.lifecycle cimport Lifecycle as Lifecycle_t
from routing.limits cimport Limits as Limits_t
from routing.matching cimport differing_field
from routing.settlement_day cimport SettlementDay as SettlementDay_t

cdef object _SENT, _REVERSAL_DUE, _APPROVAL, _DECLINE
cdef str _APPROVED, _PARTIAL
cdef int _DATE
cdef Py_UCS4 _NETWORK_CLASS, _REVERSAL_CLASS

@cython.locals(settlement_date=str)
cdef str _settlement_date(SettlementDay_t day, Message_t answer)

@cython.final
cdef class HostSide:
    cdef Lifecycle_t _life
    cdef public object unmatched
    cdef public object late_approvals
    @cython.locals(key=cython.longlong)
    cpdef object message(self, Host_t host, object link, Message_t message, Now_t now, bint mac_good)
    cdef bint _is_answer_to(self, Host_t host, object sent, str stan, str de7, Message_t message, str code) except -1
    @cython.locals(stan=str, de7=str, code=str)
    cdef object _charge_answered(self, Host_t host, Charge_t charge, Message_t message, long long key, object text, Now_t now)
    cdef object _approved(self, Host_t host, Charge_t charge, Message_t message, str code, Now_t now)
    @cython.locals(limits=Limits_t)
    cdef bint _is_beyond_limits(self, Charge_t charge, Now_t now) except -1
