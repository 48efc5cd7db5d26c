cimport cython

from codec._wire cimport Message as Message_t
from routing.clock cimport Now as Now_t
from routing.link cimport Link as Link_t
from routing.settlement_day cimport SettlementDay as SettlementDay_t

@cython.final
cdef class HostLinks:
    cdef public object settings
    cdef object _convention
    cdef set _shut
    cdef public SettlementDay_t day
    cdef public dict _links
    cdef Link_t _heard_last
    cdef list _ready
    cdef Py_ssize_t _usable
    cdef bint _uneven
    cdef double _shared_at
    cdef Py_ssize_t _turn
    cdef object _last_stan
    cdef dict _codes
    cdef dict _purposes
    cdef public object counts
    cdef public object exchange
    cdef bint _blocked
    cdef bint _leaves
    cpdef Py_ssize_t usable(self) except -1
    cpdef object next_link(self)
    @cython.locals(known=Link_t)
    cpdef object heard(self, object link, Now_t now, bint answers)
