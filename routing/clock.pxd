cimport cython

@cython.final
cdef class Now:
    cdef readonly double monotonic
    cdef readonly double wall
