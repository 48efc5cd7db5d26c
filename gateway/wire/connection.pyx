# cython: language_level=3
"""The logic of one connection: frames cut, bytes waiting, clocks watched.  No socket here.

Whole frames are cut out of the driver's buffer in place; only a frame that has not come to its
end keeps bytes here.  An idle connection owns no buffer at all.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from codec._framing cimport BAD_LENGTH, MORE_NEEDED, WHOLE, View, fault, look, rule_of
from gateway.wire._events cimport frame_of

from codec.framing import frame

cdef enum:
    ROOM_MIN = 256
    ROOM_KEPT = 1024            # a larger buffer is given back once it is empty
    LINK_ROOM_KEPT = 1048576    # a host's link fills its buffer again and again
    LENGTH_MAX = 0xFFFF


class SlowReaderError(Exception):
    """The other side leaves more bytes waiting than it may."""


@cython.final
cdef class Bounds:
    """The limits of connections as C numbers; one for all."""

    def __cinit__(self, limits):
        self.rule = rule_of("2-byte", limits.frame_bytes_max)
        self.handshake_s = limits.handshake_s
        self.first_frame_s = limits.first_frame_s
        self.frame_completion_s = limits.frame_completion_s
        self.idle_s = limits.idle_s
        self.waiting_max = limits.waiting_bytes_max
        self.link_waiting_max = limits.link_waiting_bytes_max


cdef object limits_known = None
cdef Bounds bounds_known = None


cdef Bounds bounds_of(limits):
    """Nearly always those of the connection before."""
    global limits_known, bounds_known
    if limits is not limits_known:
        limits_known, bounds_known = limits, Bounds(limits)
    return bounds_known


@cython.final
@cython.freelist(64)
cdef class Connection:
    """One connection, from whichever side it was made.  Times are monotonic seconds."""

    def __cinit__(self, object conn_id, str peer, limits, double now):
        self.id = conn_id
        self.peer = peer
        self.bounds = bounds_of(limits)
        self.opened_at = self.heard_at = now
        self.first_frame_at = self.frame_began_at = 0.0
        self.accepted = True
        self.closed = self.shaking = self.dirty = self.too_long = False
        self.waiting = NULL
        self.start = self.end = self.room = 0
        self.number = conn_id
        self.half = <uint32_t>(<uint64_t>self.number & 0xFFFFFFFF)
        self.fd = -1
        self.proves = True
        self.interest = 0
        self.watched = 0
        self.all_had_at = 0.0
        self.due_slot = 0

    def __dealloc__(self):
        free(self.waiting)

    # What comes

    def received(self, bytes data not None, double now):
        """Bytes came: the whole frames among them.  Raises codec.FrameError."""
        cdef list frames = []
        self.take(<const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), now, frames, False)
        return frames

    cdef Py_ssize_t take(self, const uint8_t* data, Py_ssize_t count, double now, list into,
                         bint told) except -1:
        """Append the frames that these bytes complete: as they are, or as events to be told."""
        cdef Py_ssize_t at = 0, found = 0
        cdef bytes stream = None, body
        cdef int verdict
        cdef View view
        self.heard_at = now
        if self.broken is not None:
            raise self.broken
        if self.partial is not None:
            stream = self.partial + data[:count]
            data = <const uint8_t*>PyBytes_AS_STRING(stream)
            count = PyBytes_GET_SIZE(stream)
            self.partial = None
        while True:
            verdict = look(&self.bounds.rule, data + at, count - at, &view)
            if verdict != WHOLE:
                break
            body = PyBytes_FromStringAndSize(<const char*>data + at + view.body, view.length)
            into.append(frame_of(self.id, self.peer, body) if told else body)
            found += 1
            at += view.end
        if found and self.first_frame_at == 0:
            self.first_frame_at = now
        if at == count:
            self.frame_began_at = 0.0
            return found
        self.partial = PyBytes_FromStringAndSize(<const char*>data + at, count - at)
        if found or self.frame_began_at == 0:
            self.frame_began_at = now
        if verdict != MORE_NEEDED:
            self.broken = fault(verdict, &self.bounds.rule, &view)
            self.too_long = verdict == BAD_LENGTH and view.length > self.bounds.rule.length_max
            if not found:
                raise self.broken
        return found

    cpdef bint hear_end(self):
        """The other side sends no more.  Whether the connection stands: while an answer is unproven
        a reset may still follow."""
        if not self.watched:
            return False
        self.closed = True
        return True

    @property
    def unreadable(self):
        """Why nothing more can be cut out of what comes; None while it can."""
        if self.broken is None:
            return None
        return "frame_bytes_max" if self.too_long else "not a frame"

    # What leaves

    @property
    def slow(self):
        """Which bound a reader is at who leaves too many bytes waiting."""
        return "waiting_bytes_max" if self.accepted else "link_waiting_bytes_max"

    @property
    def out(self):
        """The bytes that wait to be sent."""
        return PyBytes_FromStringAndSize(<const char*>self.waiting + self.start,
                                         self.end - self.start)

    def queue(self, bytes data not None):
        """A frame is to be sent.  Raises SlowReaderError when too much is waiting already."""
        if not self.has_room(PyBytes_GET_SIZE(data)):
            raise SlowReaderError
        self.append(<const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), True)

    def sent(self, Py_ssize_t count):
        """So many of the waiting bytes have left."""
        if not 0 <= count <= self.end - self.start:
            raise ValueError("more bytes than there are")
        self.drop(count)

    cdef bint has_room(self, Py_ssize_t count) noexcept:
        cdef Py_ssize_t most
        most = self.bounds.waiting_max if self.accepted else self.bounds.link_waiting_max
        return self.end - self.start + count <= most

    cdef int append(self, const uint8_t* data, Py_ssize_t count, bint framed) except -1:
        """Bytes to be sent, behind their length header if they are to be `framed`."""
        cdef Py_ssize_t needed = count + 2
        cdef Py_ssize_t held = self.end - self.start
        cdef Py_ssize_t room
        cdef uint8_t* larger
        if framed and not 0 < count <= LENGTH_MAX:
            frame(data[:count])     # says what is wrong
        if self.end + needed > self.room:
            if held + needed <= self.room and self.start >= held:
                memcpy(self.waiting, self.waiting + self.start, held)
            else:
                room = max(ROOM_MIN, 2 * (held + needed))
                larger = <uint8_t*>malloc(room)
                if larger == NULL:
                    raise MemoryError
                if held:
                    memcpy(larger, self.waiting + self.start, held)
                free(self.waiting)
                self.waiting, self.room = larger, room
            self.start, self.end = 0, held
        if framed:
            self.waiting[self.end] = <uint8_t>(count >> 8)
            self.waiting[self.end + 1] = <uint8_t>(count & 0xFF)
            self.end += 2
        memcpy(self.waiting + self.end, data, count)
        self.end += count
        return 0

    cdef void drop(self, Py_ssize_t count) noexcept:
        self.start += count
        if self.start < self.end:
            return
        self.start = self.end = 0
        if self.room > (ROOM_KEPT if self.accepted else LINK_ROOM_KEPT):
            free(self.waiting)
            self.waiting, self.room = NULL, 0

    # Clocks

    def overdue(self, double now):
        """Which clock ran out, if one did."""
        cdef Bounds bounds = self.bounds
        if self.shaking and now - self.opened_at > bounds.handshake_s:
            return "no handshake in time"
        if self.frame_began_at and now - self.frame_began_at > bounds.frame_completion_s:
            return "frame not completed in time"
        if not self.first_frame_at and now - self.opened_at > bounds.first_frame_s:
            return "no first frame in time"
        if now - self.heard_at > bounds.idle_s:
            return "idle"
        return None

    def due_at(self):
        """No clock of this connection runs out before."""
        cdef Bounds bounds = self.bounds
        cdef double at = self.heard_at + bounds.idle_s
        if self.shaking:
            at = min(at, self.opened_at + bounds.handshake_s)
        if self.frame_began_at:
            at = min(at, self.frame_began_at + bounds.frame_completion_s)
        if not self.first_frame_at:
            at = min(at, self.opened_at + bounds.first_frame_s)
        return at
