# The header of `_wire.pyx`: what a frame is while it is being read and written.  Read this first.
#
# All pointer arithmetic goes through the two functions below, `take` (reading) and `reserve`
# (writing); both check their bounds.  Everything else asks them.

from libc.stdint cimport uint8_t, uint16_t, uint64_t

cdef enum:
    FIELD_LIMIT = 193           # one past the last field number that three bitmaps can name
    BITMAP_WORDS = 3            # primary, secondary, tertiary
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

cdef struct Slot:
    uint16_t start              # offset of the field, its length included
    uint16_t units              # length of the value

cdef struct Index:
    uint64_t present[BITMAP_WORDS]      # bit 63 of the first word is field 1
    Slot slots[FIELD_LIMIT]             # meaningful where `present` has the bit
    uint16_t body                       # where fields begin

cdef struct Fault:
    int kind
    int field
    Py_ssize_t offset
    Py_ssize_t expected
    Py_ssize_t found

cdef struct Cursor:
    const uint8_t* base
    Py_ssize_t offset
    Py_ssize_t length

cdef struct Sink:
    uint8_t* base
    Py_ssize_t offset
    Py_ssize_t length


cdef inline const uint8_t* take(Cursor* cursor, Py_ssize_t count) noexcept nogil:
    """The next `count` bytes, or NULL when the frame ends before them."""
    if count < 0 or count > cursor.length - cursor.offset:
        return NULL
    cursor.offset += count
    return cursor.base + cursor.offset - count


cdef inline uint8_t* reserve(Sink* sink, Py_ssize_t count) noexcept nogil:
    """Room for the next `count` bytes, or NULL when there is none."""
    if count < 0 or count > sink.length - sink.offset:
        return NULL
    sink.offset += count
    return sink.base + sink.offset - count


cdef inline bint is_present(const Index* index, int de) noexcept nogil:
    return (index.present[(de - 1) >> 6] >> (63 - ((de - 1) & 63))) & 1


cdef inline Py_ssize_t bytes_of(const Rule* rule, Py_ssize_t units) noexcept nogil:
    """How many bytes a value of so many units takes."""
    return (units + 1) >> 1 if rule.content >= DIGITS else units


cdef class Dialect:
    cdef Layout layout
    cdef readonly str name
    cdef readonly bytes header              # what `build` takes when it is given none
    cdef readonly object fields             # Mapping[int, Field]
    cdef readonly object subfields          # Mapping[int, tuple[SubField, ...]]
    cdef readonly frozenset sensitive
    cdef readonly frozenset tlv             # fields that hold BER-TLV

    cdef str field_name(self, int de)
    cdef object error(self, const Fault* fault)


cdef class Message:
    cdef readonly Dialect dialect
    cdef bytes frame
    cdef bint owned             # nobody else has seen `frame`, so it may be written to
    cdef Index index

    cdef const uint8_t* data(self) noexcept
    cdef Slot* find(self, int de) noexcept
    cdef uint8_t* writable(self) except NULL
    cdef object value_of(self, int de)
    cdef int rebuild(self, int changed, str value) except -1
