cimport cython

cdef long long _STAN_BITS, _STAN_MASK, _TIMES

cpdef long long numbered(long long mti_class, long long stan, long long sent_at) except -1

@cython.final
@cython.no_gc
@cython.freelist(1024)
cdef class Held:
    cdef long long key
    cdef object owner
    cdef bint is_marked
    cdef Held older

@cython.final
cdef class KeyTable:
    cdef readonly Py_ssize_t count
    cdef list _places
    cdef long long _last
    cdef Held _spare
    @cython.locals(each=Held)
    cpdef object owner(self, long long key)
    @cython.locals(held=Held, at=Py_ssize_t)
    cpdef object give(self, long long key, object owner)
    @cython.locals(each=Held)
    cpdef object mark(self, long long key)
    @cython.locals(at=Py_ssize_t, each=Held, newer=Held)
    cpdef bint free(self, long long key) except -1
    @cython.locals(each=Held)
    cpdef list with_stan(self, long long stan)
    @cython.locals(before=list, held=list, each=Held)
    cdef object _grow(self)
