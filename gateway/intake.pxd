cimport cython

from codec._wire cimport Message as Message_t, read
from gateway.peer cimport AnyPeer as AnyPeer_t
from gateway.wire._events cimport Acknowledged, Frame
from routing.clock cimport Now as Now_t
from routing.lifecycle cimport Lifecycle as Lifecycle_t
from routing.switch cimport Switch as Switch_t

cdef Py_UCS4 _NETWORK_CLASS

@cython.final
cdef class Intake:
    cdef object _network
    cdef Switch_t _switch
    cdef object _links
    cdef dict _to_hosts
    cdef dict _peers
    cdef object _lane
    cdef object _metrics
    cdef object _log
    cdef object _malformed
    cdef str _name_before
    cdef AnyPeer_t _peer_before
    cdef bint _of_host_before
    cpdef object take(self, list events, Now_t now)
    cdef object _acknowledged(self, Acknowledged event, Now_t now)
    cdef object _lost(self, object conn, object why, Now_t now)
    @cython.locals(message=Message_t, peer=AnyPeer_t, of_host=bint)
    cdef object _frame(self, Frame event, Now_t now)
    cpdef object checked(self, Frame event, Message_t message, bint good, Now_t now)
    @cython.locals(life=Lifecycle_t)
    cdef object _asked(self, object conn, object name, Message_t message, Now_t now, bint good)
    cdef object _measure(self, object conn)
    cdef object _bad(self, object conn, object name, object error)
