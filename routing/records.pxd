cimport cython

from routing.charge_record cimport Charge as Charge_t

cpdef tuple opened_values(Charge_t each)
cpdef tuple moved_values(object each)

@cython.final
@cython.no_gc
@cython.freelist(1024)
cdef class Opened:
    cdef public object id
    cdef public Charge_t charge

@cython.final
@cython.no_gc
@cython.freelist(1024)
cdef class Moved:
    cdef public object id
    cdef public object epoch
    cdef public object event
    cdef public object before
    cdef public object state
    cdef public double updated_at
    cdef public object reason
    cdef public object code
    cdef public str rrn
    cdef public str approval_code
    cdef public object answer
    cdef public tuple echoed
    cdef public long long approved_amount
    cdef public bint approval_held
    cdef public int proof_restarts
    cdef public object remark
    cdef public str reversal_stan
    cdef public str reversal_de7
    cdef public double reversal_since
    cdef public int attempts
    cdef public int repeats_answered
    cdef public object stood
    cdef public long long given_back
    cdef public long long keeps
    cdef public str settled_on

@cython.locals(record=Opened)
cpdef Opened opened(Charge_t charge)
@cython.locals(record=Moved)
cpdef Moved moved(Charge_t charge, object event, object before)
