cimport cython

from codec._wire cimport Message as Message_t, read
from gateway.peer cimport AnyPeer as AnyPeer_t
from gateway.wire._events cimport Frame
from gateway.wire._outlet cimport Outlet
from routing.effects cimport ToHost, ToTerminal

@cython.locals(peer=AnyPeer_t)
cpdef bint gained(dict peers) except -1
@cython.locals(peer=AnyPeer_t, messages=list, keys=list)
cpdef object of_frames(list events, dict peers)
@cython.locals(peer=AnyPeer_t, messages=list, keys=list)
cpdef object of_sends(object sends, dict peers, Outlet network)
cdef object _add(object key, Message_t message, list messages, list keys)
