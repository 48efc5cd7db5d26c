# cython: language_level=3
"""A connection as its driver sees it: plain C fields, and bytes that never become objects."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from codec._framing cimport Rule


cdef class Bounds:
    cdef Rule rule
    cdef double handshake_s, first_frame_s, frame_completion_s, idle_s
    cdef Py_ssize_t waiting_max, link_waiting_max


cdef class Connection:
    cdef readonly object id
    cdef readonly str peer
    cdef Bounds bounds
    cdef public bint accepted
    cdef public bint closed
    cdef public bint shaking
    cdef public str address         # where it is from, once that is known
    cdef readonly double opened_at, heard_at, first_frame_at, frame_began_at
    cdef bytes partial              # a frame that has only begun, or None
    cdef object broken              # what made the stream unreadable, or None
    cdef bint too_long              # and that was the length of a frame
    cdef uint8_t* waiting           # bytes to be sent: waiting[start:end] of `room`
    cdef Py_ssize_t start, end, room
    # Only `deliveries` uses these.
    cdef bint proves                # its TCP's acknowledgement is the terminal's, not a proxy's
    cdef int watched                # answers whose acknowledgement is waited for
    cdef double all_had_at          # when the other side's TCP last had every byte
    # Only the driver uses what follows.
    cdef int64_t number             # `id`
    cdef uint32_t half              # its lower half, as epoll keeps it
    cdef int fd
    cdef uint32_t interest
    cdef bint dirty
    cdef long due_slot              # when the driver looks at the clocks next
    cdef object filter              # TLS or a proxy's header between socket and frames, or None
    cdef object binding             # to what its certificate is bound, or None

    cdef Py_ssize_t take(self, const uint8_t* data, Py_ssize_t count, double now, list into,
                         bint told) except -1
    cpdef bint hear_end(self)
    cdef int append(self, const uint8_t* data, Py_ssize_t count, bint framed) except -1
    cdef bint has_room(self, Py_ssize_t count) noexcept
    cdef void drop(self, Py_ssize_t count) noexcept
