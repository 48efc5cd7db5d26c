# cython: language_level=3, boundscheck=False, wraparound=False
"""Cuts identities, merchant|terminal|STAN|…, at their bars."""

from libc.stdint cimport uint8_t
from libc.string cimport memchr, memcmp

from codec._text cimport latin1_chars, latin1_text, text_length

cdef extern from "Python.h":
    str PyUnicode_Substring(str text, Py_ssize_t start, Py_ssize_t end)


cpdef Py_ssize_t bar(str identity, int number) except -2:
    """Where a bar stands, by its number; -1 where there are fewer."""
    cdef Py_ssize_t at = -1, size = text_length(identity)
    cdef const uint8_t* chars
    cdef const uint8_t* found
    if not latin1_text(identity):
        for _ in range(number):
            at = identity.find("|", at + 1)
            if at < 0:
                break
        return at
    chars = latin1_chars(identity)
    for _ in range(number):
        found = <const uint8_t*>memchr(chars + at + 1, 0x7C, size - at - 1)
        if found == NULL:
            return -1
        at = found - chars
    return at


cpdef str cut(str identity, int bars, Py_ssize_t less):
    """What stands before a bar, by its number, but for the last characters of it; the whole text
    where there are fewer bars.
    """
    cdef Py_ssize_t at = bar(identity, bars)
    return identity if at < 0 else PyUnicode_Substring(identity, 0, max(at - less, 0))


cpdef str terminal(str identity, str till):
    """What stands before the second bar of an identity: `till` itself, where it is the same."""
    cdef Py_ssize_t size = text_length(till)
    cdef const uint8_t* chars
    cdef const uint8_t* bar
    if latin1_text(identity) and latin1_text(till) and text_length(identity) > size:
        chars = latin1_chars(identity)
        if chars[size] == 0x7C and memcmp(chars, latin1_chars(till), size) == 0:
            bar = <const uint8_t*>memchr(chars, 0x7C, size)
            if bar != NULL and memchr(bar + 1, 0x7C, size - (bar + 1 - chars)) == NULL:
                return till
    return cut(identity, 2, 0)
