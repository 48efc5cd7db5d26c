cimport cython

from routing.chain cimport Chain as Chain_t
from routing.charge_record cimport Charge as Charge_t
from routing.numbered cimport Numbered as Numbered_t
from routing.line cimport Habit as Habit_t, Line as Line_t
from routing.shelf cimport Shelf

cdef object _SENT
cdef long long _NEAR_WITHIN

@cython.final
cdef class Place:
    cdef public bint is_open
    cdef public bint is_unproven
    cdef public long long count

@cython.final
cdef class ChargeBook:
    cdef Py_ssize_t _ended_max
    cdef public bint forgets
    cdef Numbered_t _by_id
    cdef Chain_t _open
    cdef Chain_t _ended
    cdef dict _shelves
    cdef Shelf _last_shelf
    cdef dict _lines
    cdef list _lines_near
    cdef dict _places
    cdef Place _sent
    cdef public Py_ssize_t enquiries
    cdef dict _enquiring
    @cython.locals(shelf=Shelf, place=Place)
    cpdef object add(self, Charge_t charge)
    cpdef object moved(self, Charge_t charge, object before)
    @cython.locals(shelf=Shelf)
    cdef object went(self, Charge_t charge, Place left, Place place)
    cpdef Place place(self, object state)
    @cython.locals(shelf=Shelf)
    cpdef object remove(self, Charge_t charge)
    cpdef Charge_t get(self, object charge_id)
    @cython.locals(shelf=Shelf)
    cpdef object look_for(self, Habit_t habit)
    @cython.locals(last=Shelf)
    cdef Shelf _shelf(self, str till)
    @cython.locals(shelf=Shelf)
    cpdef Charge_t same_as(self, str identity, str till, str stan)
    @cython.locals(shelf=Shelf)
    cpdef tuple unproven(self, str till)
    @cython.locals(line=Line_t)
    cpdef list on_conn(self, object conn)
    cpdef Py_ssize_t load_of(self, Line_t line) except -1
    cpdef Py_ssize_t waiting(self) except -1
    @cython.locals(near=Line_t, line=Line_t)
    cpdef Line_t line(self, long long conn)
    cpdef object join_line(self, Charge_t charge, Line_t line)
    @cython.locals(line=Line_t)
    cpdef object leave_line(self, Charge_t charge)
    cdef object _leave(self, Charge_t charge)
    @cython.locals(first=Charge_t)
    cdef object _ends(self, Charge_t charge)
