cimport cython

from routing.records cimport Opened as Opened_t

@cython.final
cdef class Unapplied:
    cdef readonly Py_ssize_t opened
    cdef readonly long long last
    cdef readonly list late
    cdef readonly list noted
    cdef readonly list kept
    cdef readonly list audited
    cdef readonly object number
    cdef list _payloads
    cdef int _done
    cdef object _merged
    cpdef object add(self, object number, object payload, tuple others)
    @cython.locals(record=Opened_t)
    cpdef object opens(self, list opened, list late)
