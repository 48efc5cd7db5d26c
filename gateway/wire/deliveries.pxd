# cython: language_level=3
"""Answers whose acknowledgement is waited for, as C structs in the order of their time."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from gateway.wire.connection cimport Connection


cdef struct Watch:              # an answer whose acknowledgement is waited for
    double at, since
    int64_t conn
    PyObject* tag               # owned by who holds this


cdef class Watches:
    cdef Watch* ring
    cdef Py_ssize_t first, count
    cdef Py_ssize_t room        # a power of two

    cdef int add(self, Watch watch) except -1
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
