cimport cython

from codec._wire cimport Message as Message_t
from gateway.peer cimport AnyPeer as AnyPeer_t
from gateway.wire._outlet cimport Outlet
from routing.clock cimport Now as Now_t
from routing.effects cimport ToHost, ToTerminal
from routing.switch cimport Switch as Switch_t

@cython.final
cdef class Exits:
    cdef Switch_t _switch
    cdef Outlet _network
    cdef dict _peers
    cdef object _lane
    cdef object _clock
    cdef object _otherwise
    cdef str _name_before
    cdef AnyPeer_t _peer_before
    @cython.locals(now=Now_t)
    cpdef object release(self, object sends)
    cdef object _forget_peers(self)
    cdef bint _takes_the_lane(self, ToTerminal send)
    cpdef object hand(self, ToTerminal send, object field)
    cpdef object flush(self)
    cdef object _hand(self, ToTerminal send, bytes raw)
    cdef object _to_terminal(self, ToTerminal send)
    cdef object _to_host(self, ToHost send)
    @cython.locals(peer=AnyPeer_t, name=str)
    cdef bytes _signed(self, object conn, Message_t message)
