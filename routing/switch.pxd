cimport cython

from codec._wire cimport Message as Message_t
from routing.charge_record cimport Charge as Charge_t
from routing.effects cimport ToHost, ToTerminal, outbox
from routing.host_side cimport HostSide as HostSide_t
from routing.hosts cimport Host as Host_t
from routing.line cimport Line as Line_t
from routing.lifecycle cimport Lifecycle as Lifecycle_t
from routing.tally cimport Tally as Tally_t
from routing.terminal_side cimport TerminalSide as TerminalSide_t

from routing.clock cimport Now as Now_t
from routing.effects cimport Outbox as Outbox_t

cdef object _SENT, _APPROVED, _REVERSAL_DUE

@cython.final
cdef class Switch:
    cdef set _shut
    cdef dict _last_stans
    cdef public dict hosts
    cdef Host_t _said_last
    cdef public Lifecycle_t life
    cdef public object departures
    cdef public object watch
    cdef public object docket
    cdef public object office
    cdef public TerminalSide_t terminals
    cdef public HostSide_t host_side
    cdef public object limit_changes
    cdef public object notices
    cdef public object keys
    cdef public object ceremonies
    cdef public Tally_t to_host_s
    cdef public Tally_t to_terminal_s
    cpdef Outbox_t take(self)
    cpdef list take_express(self)
    cpdef tuple take_beside(self)
    cpdef object from_terminal(self, object conn, object listener, Message_t message, Now_t now, bint mac_good)
    @cython.locals(known=Host_t)
    cpdef object from_host(self, object host, object link, Message_t message, Now_t now, bint mac_good)
    @cython.locals(line=Line_t)
    cpdef object acknowledged(self, Charge_t charge, object conn, Now_t now)
    cdef bint _may_reach_host(self, Charge_t charge, Now_t now) except -1
    cpdef bint may_leave(self, object send, Now_t now) except -1
    @cython.locals(charge=Charge_t)
    cdef bint _may_go(self, ToHost send, Now_t now) except -1
    @cython.locals(charge=Charge_t)
    cdef bint _may_be_told(self, ToTerminal send, Now_t now) except -1
    @cython.locals(charge=Charge_t, line=Line_t)
    cpdef object handed(self, ToTerminal send)
