cimport cython

from gateway.exits cimport Exits as Exits_t
from routing.effects cimport Outbox as Outbox_t
from routing.switch cimport Switch as Switch_t

@cython.final
cdef class Pipeline:
    cdef Switch_t _switch
    cdef object _journal
    cdef bint _keeps
    cdef object _network
    cdef readonly Exits_t exits
    cdef object _lane
    cdef object _key_workers
    cdef readonly object questions
    cdef object _clock
    cdef readonly object _metrics
    cdef object _log
    cdef object _writer
    cdef public object host_keys
    cdef Outbox_t _under_way
    cdef double _began
    cdef bint _fails
    cdef object _detour
    cdef long long _taken
    cdef long long _settled
    cdef object _done
    cdef list _unanswered
    cdef readonly double failing_since
    cpdef object kick(self)
    @cython.locals(waiting=Outbox_t)
    cpdef object let_leave(self)
    cdef object _beside(self, list key_work, list asked)
    cdef object _left(self)
    cdef object _begin(self, Outbox_t batch)
    @cython.locals(batch=Outbox_t)
    cpdef bint settle(self) except -1
    cdef object _leaves(self, Outbox_t batch, object known)
    cdef object _over(self)
    cdef object _taken_by_journal(self, object told, Py_ssize_t records)
    cdef object _release(self, object sends)
