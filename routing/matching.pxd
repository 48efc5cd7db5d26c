cimport cython
cimport codec.kept as kept

from codec._wire cimport FieldSet as FieldSet_t, Message as Message_t
from codec.kept cimport Fields as Fields_t
from routing.key_table cimport KeyTable as KeyTable_t

cdef FieldSet_t _ECHOED
cdef list _THREE_DIGITS
cdef long _STANS
cdef Py_ssize_t _STAN_DIGITS
cdef int _STAN_FIELD, _TIME_FIELD, _AMOUNT

@cython.locals(number=int, known=str, fields=Fields_t)
cpdef object differing_field(object request, str stan, str de7, Message_t answer, bint partial=*)

@cython.final
cdef class PendingKeys:
    cdef long _last_stan
    cdef Py_ssize_t _stan_digits
    cdef Py_ssize_t _pending_max
    cdef Py_ssize_t _new_max
    cdef double _quarantine_s
    cdef KeyTable_t _numbered
    cdef dict _owners
    cdef Py_ssize_t _count(self) except -1
    cdef object _leaving
    cdef dict _late
    cpdef Py_ssize_t in_flight(self) except -1
    @cython.locals(number=long)
    cpdef long next_number(self) except -1
    @cython.locals(number=long, high=str, low=str, stan=str)
    cpdef str next_stan(self)
    cpdef bint is_free_for(self, object key, object owner) except -1
    cpdef object claim(self, object key, object owner)
    cpdef bint is_full(self) except -1
    cpdef bint take_new(self, object key, object owner) except -1
    cpdef object claim_new(self, object key, object owner)
    cpdef bint take_number(self, long long key, object owner) except -1
    cpdef object owner(self, object key)
    cpdef object owner_of(self, long long key)
    cpdef object release(self, object key)
    cpdef object release_number(self, long long key)
    cpdef object quarantine(self, object key, double now)
