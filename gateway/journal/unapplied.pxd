cimport cython

from routing.records cimport Opened as Opened_t

@cython.final
cdef class Unapplied:
    cdef readonly dict identities
    cdef readonly list noted
    cdef readonly list kept
    cdef readonly list audited
    cdef readonly object number
    cdef list _payloads
    cdef int _done
    cdef object _merged
    @cython.locals(record=Opened_t)
    cpdef object add(self, object number, object payload, list opened, tuple others)
