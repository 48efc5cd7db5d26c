# What C needs to know of `likeness.pyx`.

from libc.stdint cimport uint8_t, uint64_t

from codec._layout cimport Dialect
from codec._wire cimport BITMAP_WORDS, Message

cdef enum:
    RUNS_MAX = 8                # more would be looked up faster than compared

cdef struct Run:                # neighbouring fields
    int de                      # the first of them
    Py_ssize_t at               # where its bytes begin among those that are compared
    Py_ssize_t size

cdef class Likeness:
    cdef Dialect dialect
    cdef str mti
    cdef uint64_t[BITMAP_WORDS] present
    cdef bytes said
    cdef int count
    cdef Run[RUNS_MAX] runs
    cdef int note(self, Message message, object numbers) except -1
    cpdef bint fits(self, Message message) noexcept

cpdef str joined_after(str beginning, Message message, tuple fields)
