cimport cython
cimport codec.likeness as likeness

from codec._wire cimport Message as Message_t
from routing.conventions.base cimport Convention, Wish
from routing.key_table cimport numbered

cdef tuple _IDENTITY, _IDENTITY_BY_DE7, _KEY
cdef int _STAN_DIGITS, _DE7_DIGITS, _ZERO

@cython.final
cdef class Sort:
    cdef str mti
    cdef str code
    cdef bint preauthorised
    cdef bint may_advise
    cdef Wish wish
    cdef Wish advice

cdef class Iso87(Convention):
    cdef dict _sorts
    cdef Sort _last
    @cython.locals(sort=Sort, advises=bint)
    cpdef Wish wish(self, Message_t message)
    cpdef object kind(self, Message_t message)
    cpdef object transaction(self, Message_t message)
    @cython.locals(mti=str, code=str, last=Sort, preauthorised=bint, known=Sort)
    cdef Sort _sort_of(self, Message_t message)
    cpdef str identity_after(self, str beginning, Message_t message)
    cpdef str batch(self, Message_t message)
    cpdef object key_of(self, str mti_class, str stan, str sent_at, str terminal, str merchant)
    @cython.locals(stan=cython.longlong, sent_at=cython.longlong, mti=str)
    cpdef long long pending_number(self, Message_t message) except -2
    @cython.locals(number=cython.longlong)
    cpdef object pending_key(self, Message_t message)
