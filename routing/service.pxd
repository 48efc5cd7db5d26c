cdef class Merchants:
    cdef tuple _general
    cdef dict _known
    cpdef tuple class_of(self, object merchant, object terminal)
