# cython: language_level=3
"""How a charge's rows lie in the payload of a frame of the redo log, and what writes them there."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from gateway.journal._json cimport SECONDS_DIGITS

cdef enum:
    OPENED = 1                  # its parts: identity, host, terminal, batch, sealed card number,
                                # and what else its first record holds, as JSON
    MOVED = 2                   # state; the step, as JSON; what else is new, as JSON, or nothing
    OTHERS = 3                  # what was written beside charges; the last row, if there is one
    PARTS = 6
    PART_MAX = 1_000_000_000    # bytes: what SQLite takes

cdef enum:
    SAME = -1                   # whether a charge is open: as it was

cdef packed struct Head:        # what a row begins with; then come its parts, one after the other
    int32_t kind
    int32_t is_open
    int64_t size                # of all of the row
    int64_t id
    int64_t epoch
    double at
    uint32_t[PARTS] sizes


cdef inline int next_row(
        const uint8_t* data, Py_ssize_t end, Py_ssize_t* at, Head* head) noexcept nogil:
    """1: here is the head of the row that begins at `at`, which is now where the next one does;
    0: there is none any more; -1: what begins there is no row.
    """
    cdef uint64_t size = sizeof(Head)
    cdef int i
    if at[0] == end:
        return 0
    if end - at[0] < <Py_ssize_t>sizeof(Head):
        return -1
    memcpy(head, data + at[0], sizeof(Head))
    for i in range(PARTS):
        if head.sizes[i] > PART_MAX:
            return -1
        size += head.sizes[i]
    if head.size != <int64_t>size or head.size > end - at[0]:
        return -1
    if not (OPENED <= head.kind <= OTHERS and SAME <= head.is_open <= 1):
        return -1
    at[0] += head.size
    return 1


cdef class Payload:
    cdef bytearray _data
    cdef uint8_t* _begin
    cdef uint8_t* _at
    cdef uint8_t* _end
    cdef uint8_t* _row
    cdef uint8_t* _part
    cdef int _parts
    cdef int64_t _second        # the last one that was written, and its digits
    cdef uint8_t[SECONDS_DIGITS] _seconds
    cdef int _grow(self, Py_ssize_t more) except -1
    cdef int _bytes(self, const uint8_t* data, Py_ssize_t count) except -1
    cdef int _text(self, object text) except -1
    cdef int _seldom(self, object value) except -1
    cdef int _fields(self, object fields) except -1
    cdef int _named(self, dict fields) except -1
    cdef int _several(self, tuple values) except -1
    cdef int _begin_row(self, int kind, int64_t id, int64_t epoch) except -1
    cpdef int open_row(self, int64_t id, int64_t epoch, str identity, str host, str terminal,
                       str batch, bytes sealed) except -1
    cpdef int move_row(self, int64_t id, int64_t epoch, double at, int is_open,
                       object state) except -1
    cpdef int end_part(self) except -1
    cpdef int end_row(self) except -1
    cpdef int begin(self) except -1
    cpdef int end(self, bint comma) except -1
    cpdef int text(self, object value) except -1
    cpdef int whole(self, long long number) except -1
    cpdef int real(self, double value) except -1
    cpdef int truth(self, bint value) except -1
    cpdef int value(self, object value) except -1
