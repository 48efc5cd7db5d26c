cimport cython
cimport routing.answers as answers
cimport routing.effects as effects

from codec._wire cimport Message as Message_t
from routing.book cimport ChargeBook as ChargeBook_t
from routing.cause cimport Cause as Cause_t
from routing.charge_record cimport Charge as Charge_t
from routing.clock cimport Now as Now_t
from routing.deadlines cimport Deadlines as Deadlines_t
from routing.effects cimport Outbox as Outbox_t
from routing.line cimport Line as Line_t
from routing.pressure cimport Pressure as Pressure_t

cdef object _APPROVED, _RELAY_ANSWER

cdef class Actions:
    cdef public object settings
    cdef public dict hosts
    cdef public object translators
    cdef public ChargeBook_t book
    cdef public Deadlines_t deadlines
    cdef public Outbox_t outbox
    cdef public Pressure_t pressure
    cdef dict _others
    cpdef bint takes(self, object conn) except -1
    cdef object _carry_out(self, object action, Charge_t charge, Cause_t cause)
    @cython.locals(request=Message_t, answer=Message_t, watched=Charge_t, line=Line_t)
    cdef object _relay_answer(self, Charge_t charge, Message_t reply, Now_t now)
    cpdef object _open_window(self, Charge_t charge, Cause_t cause)
    cpdef object wake(self, Charge_t charge, double at)
    cpdef object rest(self, Charge_t charge)
