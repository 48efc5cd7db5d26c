cimport cython

from routing.charge_record cimport Charge as Charge_t

cdef int _BITS, _EACH, _WITHIN

@cython.final
cdef class _Row:
    cdef readonly long long at
    cdef readonly list charges
    cdef public int count

@cython.final
cdef class Numbered:
    cdef dict _rows
    cdef _Row _last
    cdef _Row _asked
    cdef Py_ssize_t _count
    @cython.locals(at=cython.longlong, row=_Row)
    cpdef object put(self, long long number, Charge_t charge)
    @cython.locals(row=_Row)
    cpdef Charge_t get(self, long long number)
    @cython.locals(row=_Row)
    cpdef object drop(self, long long number)
    @cython.locals(at=cython.longlong, row=_Row, found=_Row)
    cdef _Row _row_of(self, long long number)
