cimport cython
cimport routing.line as lines
from codec._wire cimport Message as Message_t
from routing.line cimport Habit as Habit_t, Line as Line_t
from routing.clock cimport Now as Now_t
from routing.conventions.base cimport Convention as Convention_t
from routing.tombstones cimport terminal_of

cdef long _UNREAD

@cython.final
@cython.no_gc
@cython.freelist(1024)
cdef class Asker:
    cdef public object conn
    cdef public Message_t request
    cdef public Line_t line
    cdef Habit_t _habit
    cdef str _stan
    @cython.locals(habit=Habit_t)
    cpdef Habit_t habit(self, Convention_t convention)
    @cython.locals(habit=Habit_t)
    cpdef str till(self)
    cdef long _amount
    cpdef str stan(self)
    cpdef long amount(self, Convention_t convention) except -2

@cython.final
@cython.freelist(1024)
cdef class Cause:
    cdef public object event
    cdef public Now_t now
    cdef public Message_t reply
    cdef public Asker asker

@cython.locals(asker=Asker)
cpdef Asker asked(Line_t line, Message_t request, Habit_t habit)
@cython.locals(cause=Cause)
cpdef Cause caused(object event, Now_t now, Message_t reply, Asker asker)
