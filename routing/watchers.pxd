cimport cython

from routing.charge_record cimport Charge as Charge_t
from routing.clock cimport Now as Now_t

cdef class Told:
    cpdef object moved(self, Charge_t charge, object before, object event, Now_t now)

cdef class _ByCall(Told):
    cdef object _watcher
    cpdef object moved(self, Charge_t charge, object before, object event, Now_t now)

@cython.final
cdef class Watchers:
    cdef list _all
    cdef dict _of
    cdef public object changed
    @cython.locals(moves=dict)
    cpdef list of(self, object before, object after)
