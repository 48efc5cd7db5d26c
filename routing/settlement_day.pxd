cimport cython

cpdef bint is_later(str one, str other) except -1

@cython.final
cdef class SettlementDay:
    cdef public str date
    cdef double _cutting_over_until
    cpdef object told(self, str settlement_date)
    cpdef bint is_cutting_over(self, double now) except -1
    cpdef bint has_settled(self, str settlement_date) except -1
