cimport cython

from codec._wire cimport Message as Message_t
from codec.likeness cimport Likeness as Likeness_t
from routing.conventions.base cimport Convention as Convention_t, Wish as Wish_t
from routing.conventions.base cimport beginning_of, first_mti
from routing.tombstones cimport terminal_of

@cython.final
cdef class Speaker:
    cdef readonly str merchant
    cdef readonly str terminal
    cdef readonly str till
    cdef public str processing_code
    cpdef bint says(self, Message_t request) except -1
    cpdef bint is_the_same_as(self, Speaker other) except -1
    cpdef str processing_code_of(self, Message_t request)

cpdef Speaker speaker_of(Message_t request)

@cython.final
cdef class Habit:
    cdef readonly Likeness_t alike
    cdef readonly Wish_t wish
    cdef readonly str mti
    cdef readonly bint is_complete
    cdef public Speaker speaker
    cdef readonly str beginning
    cdef readonly str processing_code
    cdef readonly str currency
    cdef public object shelf

@cython.final
cdef class Line:
    cdef readonly object conn
    cdef readonly long long number
    cdef dict _shelves
    cdef object _charge
    cdef list _others
    cdef Habit _habit
    cdef Habit _other_habit
    @cython.locals(last=Habit, other=Habit)
    cpdef Habit habit_of(self, Message_t request, Convention_t convention)
    @cython.locals(speaker=Speaker)
    cdef Speaker _speaker_of(self, Message_t request, Habit last)
    cpdef object joined_by(self, object charge)
    cpdef object left_by(self, object charge)
    cpdef Py_ssize_t load(self) except -1
    cpdef list charges(self)
