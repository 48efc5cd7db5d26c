cimport cython

from routing.charge_record cimport Charge as Charge_t

@cython.final
cdef class Chain:
    cdef readonly Charge_t first
    cdef readonly Charge_t last
    cdef readonly Py_ssize_t count
    @cython.locals(before=Charge_t)
    cpdef object join(self, Charge_t charge)
    @cython.locals(before=Charge_t, after=Charge_t)
    cpdef object leave(self, Charge_t charge)
    @cython.locals(each=Charge_t, found=list)
    cpdef list all(self)
    cpdef object clear(self)
