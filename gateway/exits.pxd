cimport cython

from codec._wire cimport Message as Message_t
from routing.clock cimport Now as Now_t
from routing.effects cimport ToHost as ToHost_t, ToTerminal as ToTerminal_t
from routing.switch cimport Switch as Switch_t

@cython.final
cdef class Exits:
    cdef Switch_t _switch
    cdef object _network
    cdef dict _peers
    cdef object _clock
    cdef object _otherwise
    @cython.locals(now=Now_t)
    cpdef object release(self, object sends)
    cdef object _to_terminal(self, ToTerminal_t send)
    cdef object _to_host(self, ToHost_t send)
    cdef object _signed(self, object conn, Message_t message)
