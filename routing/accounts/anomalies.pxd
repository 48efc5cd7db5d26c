cimport cython

from routing.charge_record cimport Charge as Charge_t
from routing.clock cimport Now as Now_t
from routing.watchers cimport Told

cdef double _MINUTE_S
cdef long long _ROUND

@cython.final
cdef class _Pace:
    cdef _Day day
    cdef long long minute
    cdef long long sales

@cython.final
cdef class _Day:
    cdef public long long sales
    cdef public long long money
    cdef public long long night
    cdef public long long round
    cdef public long long given_back
    cdef public long long most_a_minute
    @cython.locals(money=cython.longlong)
    cdef object note(self, Charge_t charge, _Pace pace, long long minute, bint at_night)

cdef class Anomalies(Told):
    cdef object _office
    cdef dict _days
    cdef dict _paces
    cdef double _day
    cdef long long _minute
    cdef double _minute_ends
    cdef bint _is_night
    cdef public object found
    cdef public object alerts
    @cython.locals(pace=_Pace)
    cpdef object moved(self, Charge_t charge, object before, object event, Now_t now)
    @cython.locals(day=_Day, pace=_Pace)
    cdef _Pace _new_pace(self, Charge_t charge)
    cdef object _begin_minute(self, double wall)
