cimport cython

from routing.charge_record cimport Charge as Charge_t
from routing.clock cimport Now as Now_t

@cython.final
cdef class _Day:
    cdef public long long sales
    cdef public object money
    cdef public long long night
    cdef public long long round
    cdef public object given_back
    cdef public dict minute
    cdef public long long most_a_minute
    @cython.locals(count=cython.longlong, last=tuple)
    cdef object note(self, Charge_t charge, long minute, bint at_night)

@cython.final
cdef class Anomalies:
    cdef object _office
    cdef dict _days
    cdef double _day
    cdef long _minute
    cdef bint _is_night
    cdef public object found
    cdef public object alerts
    @cython.locals(day=_Day, minute=long)
    cpdef object _moved(self, Charge_t charge, object before, object event, Now_t now)
