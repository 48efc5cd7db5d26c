cimport cython
cimport routing.opening as opening

from codec._wire cimport Message as Message_t
from routing.charge_record cimport Charge as Charge_t
from routing.clock cimport Now as Now_t
from routing.line cimport Habit as Habit_t, Line as Line_t
from routing.listener cimport Listener
from routing.conventions.base cimport Convention as Convention_t, first_mti, has_mac, pan_of
from routing.hosts cimport Host as Host_t
from routing.book cimport ChargeBook as ChargeBook_t
from routing.cause cimport Asker as Asker_t
from routing.lifecycle cimport Lifecycle as Lifecycle_t
from routing.matching cimport PendingKeys as PendingKeys_t
from routing.sign_ins cimport SignIns as SignIns_t
from routing.replies cimport Replies as Replies_t
from routing.routes cimport RouteTable as RouteTable_t
from routing.service cimport Merchants as Merchants_t
from routing.tombstones cimport Tombstones as Tombstones_t

cdef object _SENT, _DELIVERED, _SALE
cdef int _STANS_TRIED_MAX

@cython.final
cdef class Admission:
    cdef Lifecycle_t _life
    cdef Replies_t _replies
    cdef RouteTable_t _routes
    cdef Host_t _only_host
    cdef Merchants_t _merchants
    cdef public Tombstones_t tombstones
    cdef public object refuse_new
    cdef Py_ssize_t _each_in_flight_max
    cdef Py_ssize_t _in_flight_max
    cdef public object duplicates
    cdef public object failed_over
    cdef public SignIns_t sign_ins
    cdef public object advised_again
    @cython.locals(habit=Habit_t, convention=Convention_t)
    cpdef str identity_of_new(self, Asker_t asker, Listener listener, Now_t now)
    cpdef Charge_t known(self, Asker_t asker, str identity)
    cpdef str not_in_service(self, Message_t message, bint takes_money=*)
    @cython.locals(life=Lifecycle_t, book=ChargeBook_t, line=Line_t)
    cpdef str busy(self, Asker_t asker)
    cpdef str beyond_limits(self, Message_t message, Now_t now)
    cdef tuple _class_of(self, Charge_t charge)
    cpdef object account_for(self, Message_t message, Now_t now)
    @cython.locals(host=Host_t, code=str, first=str)
    cpdef tuple host_for(self, Message_t message, Listener listener, Now_t now, str only=*)
    cdef Host_t _the_one(self)
    cpdef str why_not(self, Host_t host, Now_t now)
    @cython.locals(keys=PendingKeys_t, convention=Convention_t, _tried=int)
    cdef bint _numbered(self, Host_t host, Message_t message, Charge_t charge) except -1
    @cython.locals(request=Message_t, message=Message_t, charge=Charge_t, convention=Convention_t, habit=Habit_t)
    cpdef str open(self, Asker_t asker, Listener listener, str identity, Host_t host, Charge_t original, Now_t now, object choice=*)
    @cython.locals(message=Message_t, mti=str, de=int, convention=Convention_t)
    cdef Message_t _worded(self, Host_t host, Message_t request, Now_t now)
    @cython.locals(message=Message_t, _tried=int, convention=Convention_t)
    cpdef Message_t towards(self, Host_t host, Message_t request, Now_t now)
    @cython.locals(charge=Charge_t, unproven=tuple, line=Line_t)
    cpdef bint proves_the_last(self, Asker_t asker, str stan, Listener listener, Now_t now) except -1
    cdef bint _follows(self, object stan, object before) except -1
    @cython.locals(message=Message_t)
    cpdef object is_forbidden(self, Asker_t asker, object identity, Convention_t convention, Now_t now)

