cimport cython
cimport codec.kept as kept

from routing.effects cimport Moved as Moved_t, Opened as Opened_t

cdef object _packed(object fields)
@cython.locals(values=list)
cpdef tuple opened_row(Opened_t record, object vault)
@cython.locals(values=tuple)
cpdef str step_of(Moved_t record)
@cython.locals(values=list)
cdef tuple _whole_row(Moved_t record, str steps)
@cython.locals(values=tuple)
cdef tuple _state_row(Moved_t record, str steps)

@cython.final
cdef class Sorted:
    cdef public list opened
    cdef public list moved
    cdef public list noted
    cdef public list kept
    cdef public list audited

@cython.final
cdef class Written:
    cdef dict _values
    @cython.locals(record=Moved_t, last=dict, steps=dict, whole=list, states=list, values=tuple)
    cpdef tuple rows(self, object moved)
    @cython.locals(record=Moved_t)
    cpdef object hold(self, object moved)
