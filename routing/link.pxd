cimport cython

@cython.final
cdef class Link:
    cdef public object id
    cdef public double heard_at
    cdef public object state
    cdef public double asked_at
    cdef public dict asked
    cdef public long misses
    cdef public long refusals
    cdef public double sign_on_at
    cdef public double started_at
    cdef public bint told_off
    cdef public double on_at
    cdef public long silences
    cdef public double silent_since
    cdef public double answered_at
    cdef public double aside_until
    cdef public bint replaced
