from routing.charge_record cimport Charge as Charge_t

cimport cython

@cython.final
cdef class Step:
    cdef public object next
    cdef public tuple actions
    cdef public object code

cdef object _SALE, _REFUND

@cython.locals(cells=dict)
cpdef Step step(object state, object event)
cpdef object what_happens(Charge_t charge, object event)
