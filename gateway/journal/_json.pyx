# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
"""Values of a charge as the journal's rows hold them: the JSON that msgspec writes, for a quarter.

What a charge is made of is nearly always short text with nothing to escape, small numbers, and
times of this century.  Whatever else comes is left to msgspec.
"""

from cpython.dict cimport PyDict_Next
from cpython.long cimport PyLong_AsLongLongAndOverflow
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_Check, PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from codec.kept cimport Fields
from codec._text cimport PyUnicode_New, ascii_text, latin1_chars, text_length

import msgspec

cdef enum:
    USUAL_BYTES = 2048          # of a text; longer ones get memory of their own
    NUMBER_BYTES_MAX = 24
    DECIMALS = 7

cdef extern from *:
    """
    #define EACH 0x0101010101010101ULL
    #define SECONDS_MIN 1073741824.0
    #define SECONDS_MAX 2147483648.0
    #define PARTS 1e7
    """
    uint64_t EACH               # one in each of eight bytes
    double SECONDS_MIN          # 2004
    double SECONDS_MAX          # 2038: between these, times are 2 ** -22 s apart,
    double PARTS                # and seven decimals tell one from the other

cdef object _encode = msgspec.json.Encoder().encode

cdef struct Writer:
    uint8_t* data
    Py_ssize_t size
    Py_ssize_t room
    bint is_ascii
    uint8_t[USUAL_BYTES] usual


cdef int grow(Writer* to, Py_ssize_t more) except -1:
    cdef uint8_t* data
    cdef Py_ssize_t room = 2 * to.room + more
    data = <uint8_t*>(malloc(room) if to.data == to.usual else realloc(to.data, room))
    if data == NULL:
        raise MemoryError
    if to.data == to.usual:
        memcpy(data, to.usual, to.size)
    to.data, to.room = data, room
    return 0


cdef inline int make_room(Writer* to, Py_ssize_t more) except -1:
    return grow(to, more) if to.size + more > to.room else 0


cdef inline int put_char(Writer* to, uint8_t char) except -1:
    make_room(to, 1)
    to.data[to.size] = char
    to.size += 1
    return 0


cdef inline int put_bytes(Writer* to, const uint8_t* data, Py_ssize_t count) except -1:
    make_room(to, count)
    memcpy(to.data + to.size, data, count)
    to.size += count
    return 0


cdef int put_said(Writer* to, bytes said) except -1:
    to.is_ascii = to.is_ascii and said.isascii()
    return put_bytes(to, said, len(said))


cdef int put_seldom(Writer* to, object value) except -1:
    return put_said(to, _encode(value))


cdef inline uint64_t to_escape(uint64_t eight) noexcept:
    """Not 0 if any of eight ASCII characters is a control character, a quote or a backslash."""
    cdef uint64_t quotes = eight ^ (0x22 * EACH), slashes = eight ^ (0x5C * EACH)
    return (
        (eight - 0x20 * EACH & ~eight | quotes - EACH & ~quotes | slashes - EACH & ~slashes)
        & 0x80 * EACH
    )


cdef inline bint is_plain(const uint8_t* chars, Py_ssize_t count) noexcept:
    cdef Py_ssize_t at = 0
    cdef uint64_t eight, seen = 0
    while count - at >= 8:
        memcpy(&eight, chars + at, 8)
        seen |= to_escape(eight)
        at += 8
    while at < count:
        if chars[at] < 0x20 or chars[at] == 0x22 or chars[at] == 0x5C:
            return False
        at += 1
    return seen == 0


cdef inline int put_text(Writer* to, object text) except -1:
    cdef Py_ssize_t count = text_length(text)
    cdef uint8_t* chars
    if not ascii_text(text):
        return put_seldom(to, text)
    chars = latin1_chars(text)
    if not is_plain(chars, count):
        return put_seldom(to, text)
    make_room(to, count + 2)
    to.data[to.size] = 0x22
    memcpy(to.data + to.size + 1, chars, count)
    to.data[to.size + count + 1] = 0x22
    to.size += count + 2
    return 0


cdef inline int put_number(Writer* to, uint64_t number, int digits) except -1:
    """In decimal, with zeros in front up to `digits`."""
    cdef uint8_t[NUMBER_BYTES_MAX] text
    cdef Py_ssize_t at = NUMBER_BYTES_MAX
    while number > 0 or NUMBER_BYTES_MAX - at < digits:
        at -= 1
        text[at] = <uint8_t>(0x30 + number % 10)
        number /= 10
    return put_bytes(to, text + at, NUMBER_BYTES_MAX - at)


cdef inline int put_whole(Writer* to, object value) except -1:
    cdef int overflow = 0
    cdef long long number = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow or number < 0:
        return put_seldom(to, value)
    return put_number(to, number, 1)


cdef inline int put_float(Writer* to, double value) except -1:
    cdef int64_t seconds, parts
    if not 0.0 <= value < SECONDS_MAX:
        return put_seldom(to, value)
    seconds = <int64_t>value
    if value == <double>seconds:
        put_number(to, seconds, 1)
        return put_bytes(to, b".0", 2)
    if value < SECONDS_MIN:
        return put_seldom(to, value)
    parts = <int64_t>((value - <double>seconds) * PARTS + 0.5)
    if parts >= <int64_t>PARTS:
        seconds, parts = seconds + 1, 0
    put_number(to, seconds, 1)
    put_char(to, 0x2E)
    return put_number(to, parts, DECIMALS)


cdef int put_fields(Writer* to, dict fields) except -1:
    """Fields by their numbers, which JSON wants as text."""
    cdef Py_ssize_t at = 0, first
    cdef PyObject* number = NULL
    cdef PyObject* value = NULL
    put_char(to, 0x7B)
    first = to.size
    while PyDict_Next(fields, &at, &number, &value):
        if type(<object>number) is not int:
            to.size = first - 1
            return put_seldom(to, fields)
        if to.size > first:
            put_char(to, 0x2C)
        put_char(to, 0x22)
        put_whole(to, <object>number)
        put_bytes(to, b'":', 2)
        put(to, <object>value)
    return put_char(to, 0x7D)


cdef int put_values(Writer* to, tuple values, Py_ssize_t begin) except -1:
    cdef Py_ssize_t i
    put_char(to, 0x5B)
    for i in range(begin, len(values)):
        if i > begin:
            put_char(to, 0x2C)
        put(to, values[i])
    return put_char(to, 0x5D)


cdef int put(Writer* to, object value) except -1:
    kind = type(value)
    if PyUnicode_Check(value):
        return put_text(to, value)
    if kind is int:
        return put_whole(to, value)
    if kind is float:
        return put_float(to, value)
    if value is None:
        return put_bytes(to, b"null", 4)
    if kind is bool:
        return put_bytes(to, b"true", 4) if value else put_bytes(to, b"false", 5)
    if kind is Fields:
        return put_said(to, (<Fields>value).as_json())
    if kind is dict:
        return put_fields(to, value)
    if kind is tuple:
        return put_values(to, value, 0)
    return put_seldom(to, value)


cpdef str array_of(tuple values, Py_ssize_t begin, bint comma):
    """The values from `begin` on as an array, with a comma behind it if wanted."""
    cdef Writer to
    to.data, to.size, to.room, to.is_ascii = to.usual, 0, USUAL_BYTES, True
    try:
        put_values(&to, values, begin)
        if comma:
            put_char(&to, 0x2C)
        if not to.is_ascii:
            return PyUnicode_DecodeUTF8(<char*>to.data, to.size, NULL)
        text = PyUnicode_New(to.size, 127)
        memcpy(latin1_chars(text), to.data, to.size)
        return text
    finally:
        if to.data != to.usual:
            free(to.data)
