cimport cython

from routing.book cimport ChargeBook as ChargeBook_t, Place
from routing.charge cimport Step as Step_t
from routing.tally cimport Count as Count_t
from routing.watchers cimport Watchers as Watchers_t

@cython.final
cdef class Course:
    cdef object before
    cdef object event
    cdef public Step_t cell
    cdef public bint moves
    cdef public bint is_taking_back
    cdef public bint may_be_otherwise
    cdef public bint is_answered
    cdef public bint rests
    cdef public bint leaves_conn
    cdef public Place left
    cdef public Place place
    cdef public Count_t entered
    cdef public list told
    cdef public bint only_relays
    cdef Course next

@cython.final
cdef class Courses:
    cdef public ChargeBook_t book
    cdef public Watchers_t watchers
    cdef public dict entered
    cdef dict _taken
    cdef Course _usual
    cdef Py_ssize_t _usual_count
    @cython.locals(taken=dict, course=Course, usual=Course)
    cpdef Course of(self, object before, object event)
    cpdef Course instead(self, Step_t cell, object before, object event)
