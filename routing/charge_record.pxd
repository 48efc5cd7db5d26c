# What C needs to know of `charge_record.py`: the same fields, the small ones together: an object of
# more than 512 bytes would not come from Python's own memory.

cimport cython

from codec._wire cimport Message as Message_t
from routing.deadlines cimport Due
from routing.line cimport Line

cdef object _SALE, _SENT

@cython.final
cdef class Trouble:
    cdef public bint answer_forged
    cdef public bint too_late
    cdef public double proof_until
    cdef public bint reversal_in_flight
    cdef public tuple tries
    cdef public double told_nothing_at
    cdef public object reversal_link

cdef Trouble NO_TROUBLE

@cython.final
@cython.no_gc
@cython.freelist(1024)
cdef class Charge:
    cdef public object id
    cdef public object epoch
    cdef public str till
    cdef public double opened_at
    cdef public str identity
    cdef public str dialect
    cdef public str listener
    cdef public str mti
    cdef public str merchant
    cdef public str terminal
    cdef public str stan
    cdef public str batch
    cdef public str de7
    cdef public str processing_code
    cdef public long long amount
    cdef public str currency
    cdef public str pan
    cdef public object proof
    cdef public double window_s
    cdef public str host
    cdef public str host_stan
    cdef public str host_de7
    cdef public object sent
    cdef public object kind
    cdef public long long original_id
    cdef public str operator
    cdef public str sent_header
    cdef public str sent_on
    cdef public str account
    cdef public str channel
    cdef public object state
    cdef public double updated_at
    cdef public object reason
    cdef public object remark
    cdef public object code
    cdef public str rrn
    cdef public str approval_code
    cdef public object answer
    cdef public tuple echoed
    cdef public long long approved_amount
    cdef public object stood
    cdef public str settled_on
    cdef public long long keeps
    cdef public long long given_back
    cdef public str reversal_stan
    cdef public str reversal_de7
    cdef public double reversal_since
    cdef public Message_t request
    cdef public Line line
    cdef public object link
    cdef public double known_since
    cdef public Due due
    cdef public double approval_held_since
    cdef public Trouble trouble
    cdef public object shelf
    cdef public bint undoes
    cdef public bint approval_held
    cdef public bint handed
    cdef public bint maybe_told
    cdef public bint left
    cdef public bint has_ended
    cdef public int proof_restarts
    cdef public int attempts
    cdef public int repeats_answered
    cdef public Charge earlier
    cdef public Charge later

@cython.locals(charge=Charge)
cpdef Charge blank()
