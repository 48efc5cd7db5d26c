cimport cython
cimport codec.kept as kept

from codec._wire cimport Message as Message_t

cdef int _AMOUNT, _SENT_AT, _STAN_FIELD

@cython.locals(de=int, same=bint)
cpdef object differing_field(object request, Message_t answer, bint partial=*, str stan=*, str sent_at=*)

@cython.final
cdef class PendingKeys:
    cdef long _last_stan
    cdef object _stan_digits
    cdef Py_ssize_t _pending_max
    cdef double _quarantine_s
    cdef dict _owners
    cdef object _leaving
    cdef dict _late
    cpdef str next_stan(self)
    cpdef bint is_free_for(self, object key, object owner) except -1
    cpdef object claim(self, object key, object owner)
    cpdef object owner(self, object key)
    cpdef object release(self, object key)
    cpdef object quarantine(self, object key, double now)
