cimport cython
cimport routing.charge_record as charge_record

from routing.charge_record cimport Charge as Charge_t
from routing.line cimport Speaker as Speaker_t

cdef long long _BITS, _TIMES

@cython.final
cdef class Shelf:
    cdef readonly Speaker_t speaker
    cdef readonly Py_ssize_t count
    cdef list _places
    cdef long long _last
    cdef public tuple unproven
    cdef public bint is_gone
    cpdef object take(self, Charge_t charge)
    @cython.locals(at=Py_ssize_t, pile=dict)
    cdef object _put(self, Charge_t charge)
    @cython.locals(before=list, held=object)
    cdef object _grow(self)
    @cython.locals(speaker=Speaker_t)
    cdef object _say_alike(self, Charge_t charge)
    @cython.locals(at=Py_ssize_t)
    cpdef object give(self, Charge_t charge)
    cpdef Charge_t same_as(self, str identity, str stan)
    cpdef object wants_proof(self, Charge_t charge)
    cpdef object wants_none(self, Charge_t charge)

@cython.locals(number=cython.longlong, char=Py_UCS4)
cdef long long _number_of(str stan) except -1
