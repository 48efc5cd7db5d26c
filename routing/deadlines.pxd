cimport cython

@cython.final
@cython.no_gc
@cython.freelist(1024)
cdef class Due:
    cdef public double at
    cdef public long long number
    cdef public object item
    cdef public _Lane lane
    cdef public Due earlier
    cdef public Due later

@cython.final
cdef class _Lane:
    cdef public Due first
    cdef public Due last

@cython.final
cdef class Deadlines:
    cdef list _lanes
    cdef list _heap
    cdef long long _count
    cdef double _next_at
    @cython.locals(due=Due, before=Due, lane=_Lane)
    cpdef Due watch(self, object item, double at)
    @cython.locals(lane=_Lane, before=Due, after=Due)
    cpdef object leave(self, Due due)
    cpdef object next_at(self)
    @cython.locals(lane=_Lane, last=Due)
    cdef _Lane _lane_for(self, double at)
    @cython.locals(first=Due, each=Due, lane=_Lane, heap=list)
    cdef Due _first(self)

cdef bint _is_before(Due one, Due other)
