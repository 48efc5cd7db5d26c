# The header of `_layout.pyx`: a dialect as C structs, and what can be wrong with a frame.

from libc.stdint cimport int8_t, uint8_t, uint16_t, uint64_t

cdef enum:
    FIELD_LIMIT = 193           # one past the last field number that three bitmaps can name
    FRAME_BYTES_MAX = 65535     # offsets are kept in 16 bits

# What a field's bytes are.
cdef enum:
    UNDEFINED = 0               # the dialect has no such field
    TEXT = 1                    # characters of the rule's character set
    BINARY = 2                  # bytes; their value is upper-case hex
    DIGITS = 3                  # BCD, nothing but 0 to 9
    TRACK = 4                   # BCD where D is '='; enciphered tracks use all sixteen values

# How a field's length is told.
cdef enum:
    FIXED = 0
    LENGTH_ASCII = 1
    LENGTH_EBCDIC = 2
    LENGTH_BCD = 3
    LENGTH_BINARY = 4

# How MTI and bitmaps are written.
cdef enum:
    AS_ASCII = 0
    AS_EBCDIC = 1
    AS_BYTES = 2

# What can be wrong with a frame; `_wire.pyx` turns these into words.
cdef enum:
    NO_FAULT = 0
    TRUNCATED = 1               # expected and found count bytes
    BAD_MTI = 2
    BAD_BITMAP = 3              # not hex
    BAD_LENGTH = 4              # the length is not a number
    TOO_LONG = 5                # expected is the maximum, found the length, in units of the field
    BAD_CONTENT = 6             # a byte that the content does not allow; offset is its own
    NOT_DEFINED = 7
    TRAILING = 8                # found counts bytes after the last field

# Fault.field for what has no number.
cdef enum:
    IN_HEADER = -1
    IN_MTI = -2
    IN_BITMAP = -3
    IN_FRAME = -4

cdef struct Charset:
    uint8_t decode[256]         # byte to Latin-1 character
    uint8_t encode[256]         # and back
    bint identity               # both tables change nothing
    bint seven_bit              # bytes and characters above 127 are refused

cdef struct Rule:
    uint8_t content
    uint8_t length_form
    uint8_t length_bytes        # width of the length on the wire
    bint length_counts_bytes    # of a BCD field that tells its length in bytes
    bint pad_left               # where the spare half byte of an odd number of digits lies
    uint16_t maximum            # units: characters, bytes or digits; exact when FIXED
    const Charset* charset

cdef struct Layout:
    Rule rules[FIELD_LIMIT]
    Py_ssize_t header_bytes
    uint8_t mti_form
    uint8_t bitmap_form
    Py_ssize_t mti_bytes
    Py_ssize_t bitmap_bytes     # of one bitmap
    const Charset* bitmap_charset       # of its hex digits, unless it is bytes
    int8_t[256] bitmap_digits           # which of them a byte stands for; -1: for none

cdef enum:
    INDEXES = 512               # of frames whose like was read before: 2 MiB

cdef struct Fault:
    int kind
    int field
    Py_ssize_t offset
    Py_ssize_t expected
    Py_ssize_t found


cdef class Dialect:
    cdef Layout layout
    cdef list indexes                       # of `codec._index`, by the frames that have them, or None
    cdef readonly str name
    cdef readonly bytes header              # what `build` takes when it is given none
    cdef readonly object fields             # Mapping[int, Field]
    cdef readonly object subfields          # Mapping[int, tuple[SubField, ...]]
    cdef readonly frozenset sensitive
    cdef readonly object elements           # Mapping[int, Elements]

    cdef str field_name(self, int de)
    cdef object error(self, const Fault* fault)
