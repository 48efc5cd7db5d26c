cimport cython
cimport gateway.journal._json as _json

from gateway.journal.vault cimport Vault as Vault_t
from routing.effects cimport Moved as Moved_t, Opened as Opened_t

cdef Py_ssize_t _STATE, _UPDATED_AT, _REASON, _CODE, _REMARK, _OTHERS, _EPOCH

@cython.locals(values=tuple, pan=str)
cpdef tuple opened_row(Opened_t record, Vault_t vault)
@cython.locals(values=tuple)
cpdef str step_of(Moved_t record)

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
    @cython.locals(record=Moved_t, rows=list, newest=dict, known=tuple)
    cpdef list rows(self, object moved)
    @cython.locals(record=Moved_t)
    cpdef object hold(self, object moved)

@cython.locals(values=tuple, is_open=bint, changed=bint)
cdef tuple _row(Moved_t record, tuple known)
