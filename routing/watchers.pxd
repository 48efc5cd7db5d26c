cimport cython

@cython.final
cdef class Watchers:
    cdef list _all
    cdef dict _of
    cdef public object changed
    @cython.locals(moves=dict)
    cpdef list of(self, object before, object after)
