cdef class PendingKeys:
    cdef long _last_stan
    cdef object _stan_digits
    cdef object _pending_max
    cdef double _quarantine_s
    cdef dict _owners
    cdef object _leaving
    cdef dict _late
    cpdef str next_stan(self)
    cpdef bint is_free_for(self, object key, object owner) except -1
    cpdef object claim(self, object key, object owner)
    cpdef object owner(self, object key)
    cpdef object release(self, object key)
    cpdef object quarantine(self, object key, object now)
