from routing.book cimport ChargeBook as ChargeBook_t, Deadlines as Deadlines_t
from routing.charge_record cimport Charge as Charge_t
from routing.effects cimport Outbox as Outbox_t

cdef class Asker:
    cdef public object conn
    cdef public object request

cdef class Cause:
    cdef public object event
    cdef public object now
    cdef public object reply
    cdef public Asker asker

cdef class Lifecycle:
    cdef public object settings
    cdef public object hosts
    cdef public object translators
    cdef public ChargeBook_t book
    cdef public Deadlines_t deadlines
    cdef public object limits
    cdef public object conduct
    cdef public Outbox_t outbox
    cdef public object reversals
    cdef public object originals
    cdef public object outcomes
    cdef public object entered
    cdef public object internal_errors
    cdef public object over_limit
    cdef public list watchers
    cdef public object epoch
    cdef public object keeper
    cdef public object registry
    cdef object _next_id
    cdef dict _carry_out
    cpdef object next_id(self)
    cpdef object open(self, Charge_t charge, object message, object link, object now)
    cdef object _count(self, Charge_t charge, object now)
    cdef object _count_no_more(self, Charge_t charge, object now)
    cdef tuple _decided(self, Charge_t charge, object event, object reason)
    cdef object _settle(self, Charge_t charge, object before, object now)
    cpdef object wake(self, Charge_t charge, object at)
    cpdef object delivered(self, Charge_t charge, object now)
