cimport cython

from routing.effects cimport Opened as Opened_t

cdef Py_ssize_t _IDENTITY

@cython.final
cdef class Identities:
    cdef Py_ssize_t _run
    cdef object _up_to
    cdef dict _ids
    cdef list _next
    @cython.locals(record=Opened_t, known=dict, new=dict)
    cpdef dict known(self, object opened)
    @cython.locals(record=Opened_t)
    cpdef object hold(self, object opened, object due, object up_to)
    @cython.locals(each=Opened_t)
    cpdef list late(self, object opened)
    cpdef list due(self, Py_ssize_t count)
