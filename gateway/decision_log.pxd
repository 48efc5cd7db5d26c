from routing.charge_record cimport Charge as Charge_t
from routing.clock cimport Now as Now_t

cdef class DecisionLog:
    cdef object _log
    cpdef object _step(self, Charge_t charge, object before, object event, Now_t now)
