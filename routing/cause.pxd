cimport cython
cimport routing.tombstones as tombstones

from codec._wire cimport Message as Message_t
from routing.clock cimport Now as Now_t

@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class Asker:
    cdef public object conn
    cdef public Message_t request
    cdef str _till
    cdef str _stan
    cpdef str till(self)
    cpdef str stan(self)

@cython.final
@cython.freelist(64)
cdef class Cause:
    cdef public object event
    cdef public Now_t now
    cdef public Message_t reply
    cdef public Asker asker

@cython.locals(asker=Asker)
cpdef Asker asked(object conn, Message_t request)
@cython.locals(cause=Cause)
cpdef Cause caused(object event, Now_t now, Message_t reply, Asker asker)
