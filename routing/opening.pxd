cimport cython
cimport codec.kept as kept
cimport routing.charge_record as charge_record

from codec._wire cimport Message as Message_t
from routing.cause cimport Asker as Asker_t
from routing.charge_record cimport Charge as Charge_t
from routing.conventions.base cimport Convention as Convention_t, pan_of
from routing.hosts cimport Host as Host_t
from routing.line cimport Habit as Habit_t, Speaker as Speaker_t
from routing.listener cimport Listener as Listener_t

cdef object _SALE

@cython.locals(request=Message_t, charge=Charge_t, convention=Convention_t, speaker=Speaker_t)
cpdef Charge_t asked_for(Asker_t asker, Habit_t habit, Listener_t listener, str identity, double now)
@cython.locals(convention=Convention_t, request=Message_t)
cpdef object sent_as(Charge_t charge, Habit_t habit, Host_t host, Message_t message)
cdef object _kept(Convention_t convention, object transaction)
