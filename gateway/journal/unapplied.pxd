cimport cython

cdef object _SENT

@cython.final
cdef class _Merged:
    cdef tuple opened
    cdef object epoch
    cdef object state
    cdef object updated_at
    cdef str steps
    cdef object moved
    cdef object open
    cdef object step(self, tuple row)
    cdef tuple inserted(self)
    cdef object update(self, object number, list rows)

@cython.final
cdef class Unapplied:
    cdef readonly dict identities
    cdef readonly list noted
    cdef readonly list kept
    cdef readonly list audited
    cdef readonly object number
    cdef dict _charges
    @cython.locals(row=tuple, charge=_Merged, known=_Merged)
    cpdef object add(self, object number, list opened, list moved, tuple others)
    @cython.locals(charge=_Merged)
    cpdef bint holds(self, object number)
    @cython.locals(charge=_Merged)
    cdef tuple _inserted(self, object number)
    @cython.locals(each=_Merged)
    cpdef list inserts(self)
    @cython.locals(each=_Merged)
    cpdef list updates(self)
