cimport cython

from routing.effects cimport Moved as Moved_t, Opened as Opened_t

@cython.locals(values=tuple)
cpdef tuple opened_row(Opened_t record, object vault)
@cython.locals(values=tuple)
cpdef str step_of(Moved_t record)

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
    @cython.locals(record=Moved_t, one=Moved_t, last=dict, earlier=dict, rows=list)
    cpdef list rows(self, object moved)
    @cython.locals(values=tuple, row=tuple, which=int)
    cdef object _row(self, Moved_t record, object before, str steps, list rows)
    @cython.locals(record=Moved_t)
    cpdef object hold(self, object moved)
