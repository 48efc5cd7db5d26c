cimport cython

from routing.charge_record cimport Charge as Charge_t

@cython.final
cdef class Outcome:
    cdef str host
    cdef str dialect
    cdef str mti
    cdef object event
    cdef long long count

@cython.final
cdef class Outcomes:
    cdef dict _known
    cdef Outcome _last
    @cython.locals(last=Outcome)
    cpdef object came_back(self, Charge_t charge, object event)
    @cython.locals(each=Outcome)
    cpdef dict counts(self)
