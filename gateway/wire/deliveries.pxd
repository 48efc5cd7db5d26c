# cython: language_level=3
"""Answers whose acknowledgement is waited for, as C structs in the order of their time."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from gateway.wire.connection cimport Connection


cdef struct Watch:              # an answer whose acknowledgement is waited for
    double at, since
    int64_t conn
    PyObject* tag               # owned by who holds this


cdef enum:
    BLOCK = 1_024

cdef struct Block:
    Watch[BLOCK] watches
    Block* next


cdef class Watches:
    cdef Block* first
    cdef Block* last
    cdef Block* spare           # one that was emptied, for the next that is needed
    cdef int begin              # of those in the first block
    cdef int end                # of those in the last one
    cdef Py_ssize_t count

    cdef int add(self, Watch watch) except -1
    cdef int _add_block(self) except -1
    cdef Watch* next(self) noexcept
    cdef Watch pop(self) noexcept


cdef class Deliveries:
    cdef double settles_s, unacknowledged_s
    cdef Watches watches
    cdef Watches fresh          # of answers that have not been handed to the kernel yet

    cpdef int sent(self, Connection connection, object tag) except -1
    cpdef int handed_over(self, double now) except -1
    cpdef int64_t due(self, double now) noexcept
    cpdef int skip(self) except -1
    cpdef bint asks(self, Connection connection)
    cpdef str look(self, Connection connection, bint has_all, double now, list events)
