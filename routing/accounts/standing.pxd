from routing.charge_record cimport Charge as Charge_t
from routing.clock cimport Now as Now_t
from routing.watchers cimport Told

cdef class Accounts(Told):
    cdef object _life
    cdef object _registered
    cdef dict _settled
    cdef dict _tills
    cdef public object told
    cpdef object moved(self, Charge_t charge, object before, object event, Now_t now)
    cdef object _remember(self, Charge_t charge)
