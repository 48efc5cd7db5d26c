# cython: language_level=3
"""Cuts byte streams into frames; `codec.framing` is the door to this and says which framings.

One C function, `look`, says of the bytes at hand whether a whole frame begins them, whether more
are needed, or what is wrong.  It looks at the bytes alone, never at how they arrived, so that the
verdict on a stream is the same however it is cut.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t
from libc.string cimport memchr

from codec.errors import BuildError, FrameError

_RULES = {
    "2-byte": (BINARY, 2, False), "2-byte-inclusive": (BINARY, 2, True),
    "4-byte": (BINARY, 4, False), "4-byte-inclusive": (BINARY, 4, True),
    "4-digit": (DIGITS, 4, False), "4-digit-inclusive": (DIGITS, 4, True),
    "2-byte-bcd": (BCD, 2, False), "2-byte-bcd-inclusive": (BCD, 2, True),
    "visa": (VISA, 4, False), "stx-etx": (STX_ETX, 1, False),
}
FRAMINGS = tuple(_RULES)


cdef Rule rule_of(str framing, Py_ssize_t frame_bytes_max) except *:
    cdef Rule rule
    if framing not in _RULES:
        raise ValueError(f"no framing {framing!r}; known are {', '.join(FRAMINGS)}")
    if not 0 < frame_bytes_max <= LENGTH_MAX:
        raise ValueError(f"frame_bytes_max must be within 1 and {LENGTH_MAX}")
    rule.kind, rule.width, rule.inclusive = _RULES[framing]
    rule.length_max = frame_bytes_max
    return rule


cdef int look(const Rule* rule, const uint8_t* data, Py_ssize_t count, View* view) noexcept nogil:
    """What the bytes say about the frame that begins with them."""
    cdef Py_ssize_t length
    if rule.kind == STX_ETX:
        return look_for_etx(rule, data, count, view)
    if count < rule.width:
        return MORE_NEEDED
    if rule.kind == BINARY and rule.width == 2:     # as nearly everybody does
        length = data[0] << 8 | data[1]
    else:
        length = told_length(rule, data)
        if length < 0:
            return NOT_DIGITS
        if rule.kind == VISA and (data[2] or data[3]):
            return NOT_ZEROS
    if rule.inclusive:
        length -= rule.width
    view.body = rule.width
    view.length = length
    view.end = rule.width + length
    if not 0 < length <= rule.length_max:
        return BAD_LENGTH
    return WHOLE if view.end <= count else MORE_NEEDED


cdef Py_ssize_t told_length(const Rule* rule, const uint8_t* data) noexcept nogil:
    """What a header says, however it is written; -1 if it is not digits and should be."""
    cdef Py_ssize_t i, length = 0
    for i in range(rule.width if rule.kind != VISA else 2):
        if rule.kind == DIGITS:
            if not 0x30 <= data[i] <= 0x39:
                return -1
            length = length * 10 + data[i] - 0x30
        elif rule.kind == BCD:
            if (data[i] & 15) > 9 or (data[i] >> 4) > 9:
                return -1
            length = length * 100 + (data[i] >> 4) * 10 + (data[i] & 15)
        else:
            length = length << 8 | data[i]
    return length


cdef int look_for_etx(const Rule* rule, const uint8_t* data, Py_ssize_t count,
                      View* view) noexcept nogil:
    cdef Py_ssize_t i, within = min(count, rule.length_max + 2)
    cdef const uint8_t* etx
    cdef uint8_t lrc = 0
    if count == 0:
        return MORE_NEEDED
    if data[0] != STX:
        return NO_STX
    etx = <const uint8_t*>memchr(data + 1, ETX, within - 1) if within > 1 else NULL
    if etx == NULL:
        return NO_ETX if count >= rule.length_max + 2 else MORE_NEEDED
    view.body = 1
    view.length = etx - data - 1
    view.end = view.length + 3
    if view.length == 0:
        return BAD_LENGTH
    if view.end > count:
        return MORE_NEEDED
    for i in range(1, view.end - 1):
        lrc ^= data[i]
    return WHOLE if lrc == data[view.end - 1] else BAD_LRC


cdef object fault(int verdict, const Rule* rule, const View* view):
    reason = {
        BAD_LENGTH: f"expected a length of 1 to {rule.length_max} bytes, found {view.length}",
        NOT_DIGITS: "expected decimal digits, found another byte",
        NOT_ZEROS: "expected two zero bytes after the length, found others",
        NO_STX: "expected STX, found another byte",
        NO_ETX: f"expected ETX within {rule.length_max} bytes, found none",
        BAD_LRC: "the check byte after ETX does not fit",
    }[verdict]
    return FrameError(reason, field="length header" if rule.kind != STX_ETX else "STX/ETX frame")


@cython.final
cdef class Framer:
    """Collects bytes and gives out whole frames, without their length header.

    >>> framer = Framer()
    >>> framer.feed(b"\\x00\\x02hi\\x00\\x03yo"), framer.buffered
    ([b'hi'], 4)
    """

    cdef readonly Py_ssize_t frame_bytes_max
    cdef readonly str framing
    cdef readonly object error              # what made the stream unreadable, or None

    cdef Rule rule
    cdef bytes waiting

    def __cinit__(self, Py_ssize_t frame_bytes_max=4096, str framing not None="2-byte"):
        self.rule = rule_of(framing, frame_bytes_max)
        self.frame_bytes_max = frame_bytes_max
        self.framing = framing
        self.waiting = b""

    @property
    def buffered(self):
        """Bytes that wait for the rest of their frame, length header included."""
        return PyBytes_GET_SIZE(self.waiting)

    def feed(self, data):
        """The frames that `data` completes.

        A bad length loses the stream: FrameError, from then on.  Whole frames that came before it
        are handed out first, `error` is set, and the next call raises.
        """
        cdef bytes stream
        cdef const uint8_t* start
        cdef Py_ssize_t at = 0, size
        cdef View view
        cdef int verdict
        if self.error is not None:
            raise self.error
        stream = data if type(data) is bytes else bytes(data)
        if self.waiting:
            stream = self.waiting + stream
        start = <const uint8_t*>PyBytes_AS_STRING(stream)
        size = PyBytes_GET_SIZE(stream)
        frames = []
        while True:
            verdict = look(&self.rule, start + at, size - at, &view)
            if verdict != WHOLE:
                break
            frames.append(PyBytes_FromStringAndSize(
                <const char*>start + at + view.body, view.length))
            at += view.end
        self.waiting = stream[at:] if at < size else b""
        if verdict != MORE_NEEDED:
            self.error = fault(verdict, &self.rule, &view)
            if not frames:
                raise self.error
        return frames


def frame(bytes body not None, str framing not None="2-byte"):
    """`body` with what the framing puts around it.

    >>> frame(b"hi"), frame(b"hi", "4-digit"), frame(b"hi", "stx-etx")
    (b'\\x00\\x02hi', b'0002hi', b'\\x02hi\\x03\\x02')
    """
    cdef Rule rule = rule_of(framing, LENGTH_MAX)
    cdef Py_ssize_t length = PyBytes_GET_SIZE(body)
    largest = {DIGITS: 9999, BCD: 9999}.get(rule.kind, LENGTH_MAX)
    counted = length + rule.width if rule.inclusive else length
    if length == 0 or counted > largest:
        raise BuildError(f"expected 1 to {largest} bytes, found {counted}", "length header")
    if rule.kind == STX_ETX:
        return stx_etx_frame(body)
    if rule.kind == DIGITS:
        return b"%04d" % counted + body
    if rule.kind == BCD:
        return bytes.fromhex(f"{counted:04d}") + body
    if rule.kind == VISA:
        return counted.to_bytes(2, "big") + b"\0\0" + body
    return counted.to_bytes(rule.width, "big") + body


cdef bytes stx_etx_frame(bytes body):
    cdef uint8_t lrc = ETX, byte
    if ETX in body:
        raise BuildError("expected no ETX within the frame, found one", "STX/ETX frame")
    for byte in body:
        lrc ^= byte
    return bytes([STX]) + body + bytes([ETX, lrc])
