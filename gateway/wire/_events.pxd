# cython: language_level=3
"""The events that come for each charge; the seldom ones stand in `port`."""

from codec._wire cimport Message


cdef class Frame:
    cdef readonly object conn
    cdef readonly str peer          # the listener or host that the connection belongs to
    cdef readonly bytes data
    cdef public Message message     # that the frame is, where somebody has read it; else None


cdef class Acknowledged:
    cdef readonly object conn
    cdef readonly object tag


cdef Frame frame_of(object conn, str peer, bytes data)
cdef Acknowledged acknowledged(object conn, object tag)
