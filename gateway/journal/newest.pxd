cimport cython
cimport gateway.journal._identity as _identity

from routing.charge_record cimport Charge as Charge_t
from routing.records cimport Opened as Opened_t

cdef int _TERMINAL
cdef int _STAN

cpdef str terminal_of(str identity)

@cython.final
cdef class _Gap:
    cdef str after
    cdef str before
    cdef Py_ssize_t stan_end
    cdef bint holds(self, str identity) except -1

@cython.final
cdef class Newest:
    cdef dict _gaps
    @cython.locals(gap=_Gap)
    cpdef bint is_past(self, str identity)
    @cython.locals(charge=Charge_t, gap=_Gap)
    cpdef bint is_new(self, Opened_t record)
    @cython.locals(gap=_Gap)
    cpdef object goes_on(self, str identity, str before)
    @cython.locals(record=Opened_t, identity=str, gap=_Gap)
    cpdef object note(self, list opened)
