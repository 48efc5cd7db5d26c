# cython: language_level=3, boundscheck=False, wraparound=False
"""Cuts identities, merchant|terminal|STAN|…, at their bars."""

from libc.stdint cimport uint8_t
from libc.string cimport memchr

from codec._text cimport latin1_chars, latin1_text, text_length

cdef extern from "Python.h":
    str PyUnicode_Substring(str text, Py_ssize_t start, Py_ssize_t end)


cpdef str cut(str identity, int bars, Py_ssize_t less):
    """What stands before a bar, by its number, but for the last characters of it; the whole text
    where there are fewer bars.
    """
    cdef Py_ssize_t at = -1, size = text_length(identity)
    cdef const uint8_t* chars
    cdef const uint8_t* found
    if latin1_text(identity):
        chars = latin1_chars(identity)
        while bars > 0:
            found = <const uint8_t*>memchr(chars + at + 1, 0x7C, size - at - 1)
            if found == NULL:
                return identity
            at, bars = found - chars, bars - 1
    else:
        while bars > 0:
            at = identity.find("|", at + 1)
            if at < 0:
                return identity
            bars -= 1
    return PyUnicode_Substring(identity, 0, max(at - less, 0))
