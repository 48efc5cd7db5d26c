cimport cython
cimport gateway.journal._identity as _identity

cdef Py_ssize_t _LAST_DIGITS
cdef int _STAN

cpdef str group_of(str identity)

@cython.final
cdef class Identities:
    cdef Py_ssize_t _run
    cdef Py_ssize_t _held
    cdef object _up_to
    cdef object _newest
    cdef dict _groups
    cdef object _order
    cdef dict _leaving
    @cython.locals(identity=str)
    cpdef object hold(self, object opened, object due, object up_to)
    @cython.locals(each=tuple, late=list)
    cpdef list late(self, object opened)
    @cython.locals(too_many=Py_ssize_t, most=Py_ssize_t, due=list)
    cpdef list due(self, Py_ssize_t count)
    @cython.locals(left=Py_ssize_t)
    cdef object _let_go(self, object due)
    @cython.locals(group=dict)
    cdef object _gather(self, str identity, object number)
    @cython.locals(group=dict)
    cpdef object of(self, str identity)
