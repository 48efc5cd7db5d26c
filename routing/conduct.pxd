cimport cython

from routing.charge_record cimport Charge as Charge_t


@cython.final
cdef class Conduct:
    cdef object _settings
    cdef object _cards
    cdef object _times
    cdef public object held
    cdef public object forgotten
    cpdef bint counts(self, Charge_t charge, object before, object event) except -1
    cpdef object instead(self, Charge_t charge, object event, object now)
