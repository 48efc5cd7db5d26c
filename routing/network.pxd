cimport cython

from codec._wire cimport Message as Message_t
from routing.clock cimport Now as Now_t
from routing.settlement_day cimport SettlementDay as SettlementDay_t

@cython.final
cdef class Link:
    cdef public object id
    cdef public object state
    cdef public double heard_at
    cdef public double asked_at
    cdef public long misses

@cython.final
cdef class HostLinks:
    cdef public object settings
    cdef object _convention
    cdef public SettlementDay_t day
    cdef dict _links
    cdef list _ready
    cdef Py_ssize_t _turn
    cdef object _last_stan
    cpdef Py_ssize_t usable(self) except -1
    cpdef object next_link(self)
    cpdef object heard(self, object link, Now_t now)
