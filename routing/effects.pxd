from routing.charge_record cimport Charge as Charge_t

cdef class Opened:
    cdef public object id
    cdef public tuple values

cdef class Moved:
    cdef public object id
    cdef public object epoch
    cdef public object event
    cdef public object before
    cdef public tuple values

cdef class ToTerminal:
    cdef public object conn
    cdef public object message
    cdef public Charge_t charge

cdef class ToHost:
    cdef public object link
    cdef public object message
    cdef public Charge_t charge
    cdef public bint reverses

cdef class Outbox:
    cdef public list express
    cdef public list records
    cdef public list sends
    cdef public list lookups
    cdef public list key_work
