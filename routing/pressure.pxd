cimport cython

@cython.final
cdef class Pressure:
    cdef public bint is_full
    cdef dict _taken
    cdef public object refused
    cdef public object unanswered
    cpdef bint takes(self, object conn, Py_ssize_t waiting, Py_ssize_t each_max) except -1
    cpdef object batch_taken(self)
