cimport cython

from gateway.journal._payload cimport Payload as Payload_t
from gateway.journal.vault cimport Vault as Vault_t
from routing.charge_record cimport Charge as Charge_t
from routing.records cimport Moved as Moved_t, Opened as Opened_t

cdef int _SAME
cdef dict _OPEN, _LISTED

@cython.locals(each=Charge_t)
cpdef object put_opened(Payload_t to, Opened_t record, Vault_t vault)
@cython.locals(is_open=bint, was_open=bint, turned=int)
cpdef object put_moved(Payload_t to, Moved_t record, Moved_t known)
cdef object _put_step(Payload_t to, Moved_t record)
cdef object _put_in_moved(Payload_t to, Moved_t record)
cdef bint _same(Moved_t one, Moved_t other) except -1

@cython.final
cdef class Sorted:
    cdef public list opened
    cdef public list moved
    cdef public list noted
    cdef public list kept
    cdef public list audited
    cdef readonly long first
    cdef readonly long last
    cdef readonly long last_moved
    @cython.locals(number=long)
    cdef object _move(self, Moved_t record)
    @cython.locals(number=long)
    cdef object _open(self, Opened_t record)

@cython.final
cdef class Written:
    cdef dict _values
    cdef list _before
    @cython.locals(record=Moved_t, known=Moved_t, before=list)
    cpdef object put(self, Payload_t to, object moved)
    cpdef object keep(self)
    @cython.locals(record=Moved_t, known=Moved_t)
    cpdef object take_back(self, object moved)
