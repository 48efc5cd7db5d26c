cimport cython

from routing.clock cimport Now as Now_t

cdef object _monotonic, _wall

@cython.final
cdef class SystemClock:
    cpdef Now_t now(self)
