cimport cython
cimport routing.cause as causes

from codec._wire cimport Message as Message_t
from routing.admission cimport Admission as Admission_t
from routing.cause cimport Asker as Asker_t
from routing.lifecycle cimport Lifecycle as Lifecycle_t
from routing.replies cimport Replies as Replies_t

from routing.clock cimport Now as Now_t
from routing.line cimport Habit as Habit_t, Line as Line_t
from routing.hosts cimport Host as Host_t
from routing.listener cimport Listener
from routing.sign_ins cimport SignIns as SignIns_t

cdef object _CHARGE, _NETWORK, _NOT_A_REQUEST, _OWN_AFFAIRS, _LOOKED_UP

@cython.final
cdef class TerminalSide:
    cdef Lifecycle_t _life
    cdef dict _listeners
    cdef Listener _listener_before
    cdef public Replies_t replies
    cdef public Admission_t admission
    cdef public SignIns_t sign_ins
    cdef public object network
    cdef public object batches
    cdef public object completions
    cdef public object enquiries
    cdef object _unheard
    cdef public object heard_network
    cdef dict _handlers
    cdef public object not_requests
    @cython.locals(asker=Asker_t, known=Listener, line=Line_t, habit=Habit_t)
    cpdef object request(self, object conn, object listener, Message_t message, Now_t now, bint mac_good)
    @cython.locals(admission=Admission_t, host=Host_t, code=str, only=str, identity=str)
    cpdef object _charge(self, Asker_t asker, Listener listener, Now_t now)
    cdef bint _takes(self, Asker_t asker, object kind, bint mac_good) except -1
    cpdef str _may_not(self, Asker_t asker, Listener listener, Now_t now, bint takes_money=*)
