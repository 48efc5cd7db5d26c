# cython: language_level=3
"""What is bound to a statement, and rows that are made of it one at a time."""

from libc.stdint cimport int64_t

cdef enum:
    WIDTH_MAX = 16              # values that a statement takes

cdef enum Kind:
    NOTHING, WHOLE, REAL, TEXT, BLOB

cdef struct Value:
    Kind kind
    int size
    const char* data
    int64_t whole
    double real

# The row at a place, as long as the next one is not asked for, in `room` or elsewhere; NULL where
# SQLite can't hold it.
ctypedef const Value* (*Find)(void* where, Py_ssize_t at, Value* room) noexcept nogil

cdef struct Source:
    Find find
    void* where
    Py_ssize_t count

cdef class Rows:
    cdef Source source
    cdef int width
