from routing.charge_record cimport Charge as Charge_t
from routing.hosts cimport Host as Host_t
from routing.lifecycle cimport Asker as Asker_t, Lifecycle as Lifecycle_t
from routing.replies cimport Replies as Replies_t
from routing.tombstones cimport Tombstones as Tombstones_t

cdef class Admission:
    cdef Lifecycle_t _life
    cdef Replies_t _replies
    cdef object _routes
    cdef object _merchants
    cdef public Tombstones_t tombstones
    cdef public object refuse_new
    cdef public object duplicates
    cdef public object failed_over
    cpdef object identity_of_new(self, Asker_t asker, object listener, object now)
    cpdef object busy(self, Asker_t asker)
    cpdef object beyond_limits(self, object message, object now)
    cpdef tuple host_for(self, object message, object listener, object now)
    cpdef object open(self, Asker_t asker, object listener, object identity, Host_t host, Charge_t original, object now)
    cpdef object towards(self, Host_t host, object request, object listener, object now)
    cpdef object proves_the_last(self, Asker_t asker, object stan, object listener, object now)
    cdef bint _follows(self, object stan, object before) except -1
    cpdef object is_forbidden(self, Asker_t asker, object identity, object convention, object now)

cdef bint _amount_is_good(object message) except -1
