# What C needs to know of `kept.pyx`.

from codec._index cimport Recipe
from codec._wire cimport FieldSet, Message

cdef class Fields:
    cdef readonly bytes packed
    cdef Recipe recipe          # by which it was made, or None
    cdef Py_ssize_t first(self) noexcept
    cdef int next(self, Py_ssize_t* at, Py_ssize_t* begin, Py_ssize_t* size) noexcept
    cdef bint find(self, int de, Py_ssize_t* begin, Py_ssize_t* size) noexcept
    cdef str value(self, Py_ssize_t begin, Py_ssize_t size)
    cpdef object get(self, int de, object default=*)
    cpdef bytes as_json(self)
    cdef bint agrees_by(self, FieldSet numbers, Message message) except -1
    cpdef bint agrees(self, object numbers, Message message) except -1

cpdef Fields keep(Message message, object numbers, tuple but=*)
cpdef tuple keep_apart(Message message, object numbers, Message other)
cpdef bytes packed(dict fields)
