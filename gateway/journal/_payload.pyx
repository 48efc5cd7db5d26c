# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
"""Writes the rows of a commit straight into the frame that carries them to the disk.

What a charge is made of stands in its rows as the tables will hold it: texts, a sealed number, and
JSON as msgspec writes it.  It is nearly always short text with nothing to escape, small numbers,
and times of this century; whatever else comes is left to msgspec.
"""

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize, PyByteArray_Resize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next
from cpython.long cimport PyLong_AsLongLongAndOverflow
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_Check
from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from codec._text cimport ascii_text, latin1_chars, text_length
from codec.kept cimport Fields
from gateway.journal._json cimport (
    DECIMALS, NUMBER_BYTES_MAX, SECONDS_DIGITS, SECONDS_MAX, SECONDS_MIN, TENTHS, copied, digits,
)

import msgspec

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

cdef enum:
    ROW_BYTES = 768             # room set aside for each row
    FIELD_BYTES = 8             # what stands around a field's value, at most: ,"128":""

cdef object _encode = msgspec.json.Encoder().encode


@cython.final
cdef class Payload:
    """Of one commit: rows, each begun, filled part by part, and ended.  Each value of an array is
    followed by a comma, the last one's place is taken by the bracket.
    """

    def __cinit__(self, Py_ssize_t head, Py_ssize_t rows):
        """Room for what stands before it, and for so many rows."""
        self._data = PyByteArray_FromStringAndSize(NULL, head + ROW_BYTES * (rows + 1))
        self._begin = <uint8_t*>PyByteArray_AS_STRING(self._data)
        self._at = self._begin + head
        self._end = self._begin + len(self._data)
        self._row = NULL

    cdef int _grow(self, Py_ssize_t more) except -1:
        cdef Py_ssize_t size = self._at - self._begin
        cdef Py_ssize_t row = self._row - self._begin if self._row != NULL else 0
        cdef Py_ssize_t part = self._part - self._begin if self._row != NULL else 0
        if more > PART_MAX:
            raise OverflowError("SQLite holds no value of this length")
        PyByteArray_Resize(self._data, 2 * len(self._data) + more)
        self._begin = <uint8_t*>PyByteArray_AS_STRING(self._data)
        self._at, self._end = self._begin + size, self._begin + len(self._data)
        if self._row != NULL:
            self._row, self._part = self._begin + row, self._begin + part
        return 0

    cdef int _bytes(self, const uint8_t* data, Py_ssize_t count) except -1:
        if self._end - self._at < count:
            self._grow(count)
        memcpy(self._at, data, count)
        self._at += count
        return 0

    def frame(self):
        """All of it as a bytearray, with what stands before it; nothing is written any more."""
        PyByteArray_Resize(self._data, self._at - self._begin)
        self._end = self._at
        return self._data

    # Rows

    cdef int _begin_row(self, int kind, int64_t id, int64_t epoch) except -1:
        cdef Head* head
        if self._end - self._at < <Py_ssize_t>sizeof(Head):
            self._grow(sizeof(Head))
        self._row = self._at
        head = <Head*>self._row
        memset(head, 0, sizeof(Head))
        head.kind, head.is_open, head.id, head.epoch = kind, SAME, id, epoch
        self._part = self._at = self._row + sizeof(Head)
        self._parts = 0
        return 0

    cdef int _text(self, object text) except -1:
        """A part that is text."""
        cdef Py_ssize_t size = 0
        cdef const char* chars
        if not PyUnicode_Check(text):
            raise TypeError(f"a text, not {type(text).__name__}")
        if ascii_text(text):
            self._bytes(latin1_chars(text), text_length(text))
        else:
            chars = PyUnicode_AsUTF8AndSize(text, &size)
            self._bytes(<const uint8_t*>chars, size)
        return self.end_part()

    cpdef int open_row(self, int64_t id, int64_t epoch, str identity, str host, str terminal,
                       str batch, bytes sealed) except -1:
        """A charge that is opened; its JSON comes next."""
        if sealed is None:
            raise TypeError("a sealed card number, not NoneType")
        self._begin_row(OPENED, id, epoch)
        self._text(identity)
        self._text(host)
        self._text(terminal)
        self._text(batch)
        self._bytes(<const uint8_t*>PyBytes_AS_STRING(sealed), PyBytes_GET_SIZE(sealed))
        return self.end_part()

    cpdef int move_row(self, int64_t id, int64_t epoch, double at, int is_open,
                       object state) except -1:
        """A step of a charge; its JSON comes next, and that of what else is new.  `is_open`: 1 or
        0 where that changes, else -1.
        """
        if not isfinite(at):
            raise ValueError("a step's time is no number")  # SQLite would make NULL of it
        self._begin_row(MOVED, id, epoch)
        (<Head*>self._row).at, (<Head*>self._row).is_open = at, is_open
        return self._text(state)

    def add_others(self, bytes said):
        """What is written beside charges."""
        self._begin_row(OTHERS, 0, 0)
        self._bytes(<const uint8_t*>PyBytes_AS_STRING(said), PyBytes_GET_SIZE(said))
        self.end_part()
        self.end_row()

    def add_part(self, str said):
        """A part that is JSON already."""
        self._text(said)

    cpdef int end_part(self) except -1:
        """What comes now is the next part."""
        if self._at - self._part > PART_MAX:
            raise OverflowError("SQLite holds no value of this length")
        (<Head*>self._row).sizes[self._parts] = <uint32_t>(self._at - self._part)
        self._part = self._at
        self._parts += 1
        return 0

    cpdef int end_row(self) except -1:
        """It has all its parts."""
        (<Head*>self._row).size = self._at - self._row
        return 0

    # JSON

    cpdef int begin(self) except -1:
        """An array."""
        return self._bytes(b"[", 1)

    cpdef int end(self, bint comma) except -1:
        """Its end, with a comma behind it if wanted."""
        if (self._at - 1)[0] == 0x2C:
            (self._at - 1)[0] = 0x5D
        else:
            self._bytes(b"]", 1)
        return self._bytes(b",", 1) if comma else 0

    cpdef int text(self, object value) except -1:
        """A text, or whatever stands where nearly always one does."""
        cdef Py_ssize_t count
        if not PyUnicode_Check(value) or not ascii_text(value):
            return self.value(value)
        count = text_length(value)
        if self._end - self._at < count + 3:
            self._grow(count + 3)
        if count == 0:
            memcpy(self._at, b'"",', 3)
            self._at += 3
            return 0
        if not copied(self._at + 1, latin1_chars(value), count):
            return self._seldom(value)
        self._at[0] = 0x22
        self._at += count + 3
        memcpy(self._at - 2, b'",', 2)
        return 0

    cpdef int whole(self, long long number) except -1:
        """A whole number."""
        cdef uint64_t most = <uint64_t>number
        if self._end - self._at < NUMBER_BYTES_MAX:
            self._grow(NUMBER_BYTES_MAX)
        if number < 0:
            self._at[0] = 0x2D
            self._at += 1
            most = 0 - most
        self._at = digits(self._at, most, 1)
        self._at[0] = 0x2C
        self._at += 1
        return 0

    cpdef int real(self, double value) except -1:
        """A number that need not be whole: a time."""
        cdef int64_t seconds, parts
        if not 0.0 <= value < SECONDS_MAX:
            return self._seldom(value)
        seconds = <int64_t>value
        if self._end - self._at < 2 * NUMBER_BYTES_MAX:
            self._grow(2 * NUMBER_BYTES_MAX)
        if value == <double>seconds:
            self._at = digits(self._at, seconds, 1)
            memcpy(self._at, b".0,", 3)
            self._at += 3
            return 0
        if value < SECONDS_MIN:
            return self._seldom(value)
        parts = <int64_t>((value - <double>seconds) * TENTHS + 0.5)
        if parts >= <int64_t>TENTHS:
            seconds, parts = seconds + 1, 0
        if seconds != self._second:
            digits(self._seconds, seconds, 1)
            self._second = seconds
        memcpy(self._at, self._seconds, SECONDS_DIGITS)
        self._at[SECONDS_DIGITS] = 0x2E
        self._at = digits(self._at + SECONDS_DIGITS + 1, parts, DECIMALS)
        self._at[0] = 0x2C
        self._at += 1
        return 0

    cpdef int truth(self, bint value) except -1:
        """Yes or no."""
        return self._bytes(b"true,", 5) if value else self._bytes(b"false,", 6)

    cpdef int value(self, object value) except -1:
        """Whatever JSON can hold."""
        cdef int overflow = 0
        cdef long long number
        kind = type(value)
        if PyUnicode_Check(value):
            return self.text(value) if ascii_text(value) else self._seldom(value)
        if value is None:
            return self._bytes(b"null,", 5)
        if kind is Fields:
            return self._fields(value)
        if kind is tuple:
            return self._several(value)
        if kind is int:
            number = PyLong_AsLongLongAndOverflow(value, &overflow)
            return self._seldom(value) if overflow else self.whole(number)
        if kind is float:
            return self.real(value)
        if kind is bool:
            return self.truth(value)
        if kind is dict:
            return self._named(value)
        return self._seldom(value)

    cdef int _seldom(self, object value) except -1:
        cdef bytes said = _encode(value)
        self._bytes(<const uint8_t*>PyBytes_AS_STRING(said), PyBytes_GET_SIZE(said))
        return self._bytes(b",", 1)

    cdef int _several(self, tuple values) except -1:
        cdef long long number
        cdef int overflow = 0
        self.begin()
        for each in values:
            number = -1
            if type(each) is int:
                number = PyLong_AsLongLongAndOverflow(each, &overflow)
            if 0 <= number < 1000 and self._end - self._at >= NUMBER_BYTES_MAX:
                self._at = digits(self._at, number, 1)
                self._at[0] = 0x2C
                self._at += 1
            else:
                self.value(each)
        return self.end(True)

    cdef int _fields(self, object fields) except -1:
        """What was kept of a message: an object, by number."""
        cdef Fields kept = fields
        cdef const uint8_t* raw = <const uint8_t*>PyBytes_AS_STRING(kept.packed)
        cdef Py_ssize_t at = kept.first(), begin = 0, size = 0
        cdef Py_ssize_t start = self._at - self._begin
        cdef uint8_t* to
        cdef int de
        if self._end - self._at < 3 * PyBytes_GET_SIZE(kept.packed) + FIELD_BYTES:
            self._grow(3 * PyBytes_GET_SIZE(kept.packed) + FIELD_BYTES)
        to = self._at
        to[0] = 0x7B
        to += 1
        while True:
            de = kept.next(&at, &begin, &size)
            if de == 0:
                break
            if self._end - to < size + 2 * FIELD_BYTES:
                self._at = to
                self._grow(size + 2 * FIELD_BYTES)
                to = self._at
            to[0] = 0x22
            to = digits(to + 1, de, 1)
            memcpy(to, b'":"', 3)
            to += 3
            if not copied(to, raw + begin, size):
                self._at = self._begin + start
                said = kept.as_json()
                self._bytes(<const uint8_t*>PyBytes_AS_STRING(said), PyBytes_GET_SIZE(said))
                return self._bytes(b",", 1)
            to += size
            memcpy(to, b'",', 2)
            to += 2
        if (to - 1)[0] == 0x2C:
            to -= 1
        memcpy(to, b"},", 2)
        self._at = to + 2
        return 0

    cdef int _named(self, dict fields) except -1:
        """The same of a dict; JSON wants the numbers as text."""
        cdef Py_ssize_t at = 0, start = self._at - self._begin
        cdef PyObject* number = NULL
        cdef PyObject* value = NULL
        self._bytes(b"{", 1)
        while PyDict_Next(fields, &at, &number, &value):
            if type(<object>number) is not int:
                self._at = self._begin + start
                return self._seldom(fields)
            self._bytes(b'"', 1)
            self.whole(<object>number)
            (self._at - 1)[0] = 0x22
            self._bytes(b":", 1)
            self.value(<object>value)
        if (self._at - 1)[0] == 0x2C:
            (self._at - 1)[0] = 0x7D
        else:
            self._bytes(b"}", 1)
        return self._bytes(b",", 1)
