from codec._wire cimport Message as Message_t
from routing.breaker cimport Breaker as Breaker_t
from routing.charge_record cimport Charge as Charge_t
from routing.conventions.base cimport Convention as Convention_t
from routing.matching cimport PendingKeys as PendingKeys_t
from routing.network cimport HostLinks as HostLinks_t
from routing.tally cimport Tally as Tally_t

cimport cython

@cython.final
cdef class Host:
    cdef public object name
    cdef public object settings
    cdef public Convention_t convention
    cdef public HostLinks_t links
    cdef public PendingKeys_t keys
    cdef public bint leaving
    cdef readonly double answer_timeout_s
    cdef Py_ssize_t _in_flight_max
    cdef public Tally_t reply_s
    cdef public Breaker_t breaker
    cpdef bint can_take_more(self) except -1
    @cython.locals(key=cython.longlong)
    cpdef bint take_key(self, Message_t message, Charge_t charge) except -1
    cpdef object charge_key(self, Charge_t charge)
    cpdef bint has_settled(self, Charge_t charge) except -1
    cpdef bint may_have_settled(self, Charge_t charge) except -1
