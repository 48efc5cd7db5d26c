cimport cython

@cython.final
cdef class Watchers:
    cdef dict _of
    cpdef list of(self, object before, object after)
