cimport cython
cimport routing.cause as causes
cimport routing.charge as table
cimport routing.effects as effects
cimport routing.records as records

from codec._wire cimport Message as Message_t
from routing.actions cimport Actions
from routing.cause cimport Asker as Asker_t, Cause as Cause_t
from routing.charge_record cimport Charge as Charge_t
from routing.charge cimport Step as Step_t
from routing.clock cimport Now as Now_t
from routing.accounts.gate cimport Gate as Gate_t
from routing.registry cimport Registry as Registry_t
from routing.conduct cimport Conduct as Conduct_t
from routing.courses cimport Course as Course_t, Courses as Courses_t
from routing.hosts cimport Host as Host_t
from routing.limits cimport Limits as Limits_t
from routing.outcomes cimport Outcomes as Outcomes_t
from routing.watchers cimport Told, Watchers as Watchers_t

cdef object _SENT, _APPROVED, _CASE, _REVERSAL_DUE, _DELIVERY_UNKNOWN
cdef object _OUTCOME_UNKNOWN, _HELD_FOR_REVIEW, _IS_SERVICE, _PROVEN, _BEGIN_REVERSAL
cdef object _SERVED_AT_APPROVAL, _GIVES_LIMIT_BACK

@cython.final
cdef class Lifecycle(Actions):
    cdef public Limits_t limits
    cdef public Conduct_t conduct
    cdef public object reversals
    cdef public object originals
    cdef Outcomes_t _outcomes
    cdef Courses_t _courses
    cdef public object internal_errors
    cdef public object over_limit
    cdef public Watchers_t watchers
    cdef public bint is_recorded
    cdef public object epoch
    cdef public object keeper
    cdef public Registry_t registry
    cdef public Gate_t gate
    cdef long long _next_id
    cpdef object next_id(self)
    cpdef object open(self, Charge_t charge, Host_t host, Message_t message, object link, Now_t now)
    @cython.locals(cell=Step_t, course=Course_t)
    cpdef Step_t move(self, Charge_t charge, object event, Now_t now, object reason, Message_t reply, Asker_t asker)
    cdef object _act(self, Step_t cell, Charge_t charge, Cause_t cause)
    @cython.locals(watcher=Told)
    cdef object _tell(self, Charge_t charge, object before, object event, Course_t course, Now_t now)
    cdef object _count(self, Charge_t charge, Now_t now)
    cdef object _count_no_more(self, Charge_t charge, Now_t now)
    @cython.locals(host=Host_t)
    cdef tuple _otherwise(self, Charge_t charge, object event, Step_t cell, object reason)
    cdef object _count_anew(self, Charge_t charge, object before, Now_t now)
    @cython.locals(host=Host_t)
    cdef object _settle(self, Charge_t charge, object before, object event, Course_t course, Now_t now)
    cpdef object delivered(self, Charge_t charge, Now_t now)
