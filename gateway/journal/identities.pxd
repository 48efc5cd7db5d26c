cimport cython
cimport gateway.journal._identity as _identity

from routing.charge_record cimport Charge as Charge_t
from routing.records cimport Opened as Opened_t

cdef Py_ssize_t _LAST_DIGITS
cdef int _STAN

cpdef str group_of(str identity)

@cython.final
cdef class Identities:
    cdef Py_ssize_t _run
    cdef object _up_to
    cdef long long _newest
    cdef object _lock
    cdef Py_ssize_t _held
    cdef dict _groups
    cdef object _order
    cdef dict _rests
    cdef Py_ssize_t _leave
    cdef dict _leaving
    cdef long long _in_charges
    cdef dict _late
    @cython.locals(late=list, record=Opened_t, charge=Charge_t, identity=str)
    cpdef list gather(self, list opened)
    @cython.locals(group=dict)
    cdef object _join(self, str identity, object number)
    @cython.locals(too_many=Py_ssize_t, most=Py_ssize_t)
    cpdef list due(self, Py_ssize_t count, long long last)
    @cython.locals(group=dict, rest=dict)
    cdef object _let_leave(self, str name)
    @cython.locals(left=Py_ssize_t, group=dict)
    cpdef object wrote(self, object late, object due, object up_to)
    cdef tuple _of_group(self, str name)
    @cython.locals(group=dict, groups=dict)
    cpdef object of(self, str identity)
