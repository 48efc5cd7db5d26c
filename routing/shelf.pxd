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
    cdef list _before
    cdef Py_ssize_t _moved
    cdef public tuple unproven
    cdef public bint is_gone
    cpdef object take(self, Charge_t charge)
    @cython.locals(pile=dict)
    cdef object _put(self, Charge_t charge, Py_ssize_t at)
    cdef object _grow(self)
    cdef object _move_on(self)
    cdef object _move(self, Py_ssize_t at)
    @cython.locals(number=cython.longlong)
    cdef Py_ssize_t _at(self, str stan) except -1
    @cython.locals(speaker=Speaker_t)
    cdef object _say_alike(self, Charge_t charge)
    @cython.locals(at=Py_ssize_t)
    cpdef object give(self, Charge_t charge)
    cpdef Charge_t same_as(self, str identity, str stan)
    cpdef object wants_proof(self, Charge_t charge)
    cpdef object wants_none(self, Charge_t charge)

@cython.locals(number=cython.longlong, char=Py_UCS4)
cdef long long _number_of(str stan) except -1
