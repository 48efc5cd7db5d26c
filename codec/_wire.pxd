# The header of `_wire.pyx`: what a frame is while it is being read and written.  Read this first.
#
# All pointer arithmetic goes through the two functions below, `take` (reading) and `reserve`
# (writing); both check their bounds.  Everything else asks them.

from libc.stdint cimport uint8_t, uint16_t, uint64_t

from codec._layout cimport DIGITS, FIELD_LIMIT, Dialect, Rule

cdef enum:
    BITMAP_WORDS = 3            # primary, secondary, tertiary
    CODE_BYTES = 8              # of a MAC's field
    WORD = 8

cdef struct Slot:
    uint16_t start              # offset of the field, its length included
    uint16_t units              # length of the value

cdef struct Index:
    uint64_t present[BITMAP_WORDS]      # bit 63 of the first word is field 1
    Slot slots[FIELD_LIMIT]             # meaningful where `present` has the bit
    uint16_t body                       # where fields begin

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


cdef class FieldSet:
    cdef uint64_t[BITMAP_WORDS] bits


cdef class Message:
    cdef readonly Dialect dialect
    cdef readonly str mti       # the four digits of the message type
    cdef bytes frame
    cdef bint owned             # nobody else has seen `frame`, so it may be written to
    cdef object coded_by        # a MAC key, or None; the bytes changed: None again
    cdef uint8_t[CODE_BYTES] code       # what the MAC's field must hold under that key
    cdef Index index

    cdef const uint8_t* data(self) noexcept
    cdef Slot* find(self, int de) noexcept
    cdef uint8_t* writable(self) except NULL
    cdef object value_of(self, int de)
    cdef int rebuild(self, int changed, str value) except -1
    cdef bint append(self, int de, const Rule* rule, str value) except -1
    cdef uint8_t* append_room(self, int de, const Rule* rule, Py_ssize_t units) except? NULL
    cdef bint cut(self, int de) except -1
    cdef str type_of(self)
    cpdef object get(self, object key, object default=*)
    cpdef str text(self, int de)
    cpdef bint is_of(self, Py_UCS4 mti_class) noexcept
    cpdef bint has(self, int de) noexcept
    cpdef bint has_all(self, tuple numbers) except -1
    cpdef bint holds(self, int de, str value) except -1
    cpdef str first_two(self, int de)
    cpdef long number(self, int de, int digits, int before=*) except -2
    cpdef str joined(self, tuple fields, bint escaped=*)
    cpdef dict pick(self, object numbers, tuple but=*)
    cpdef tuple shared_with(self, Message other)
    cpdef bytes sent(self)
    cpdef Message copy(self)
    cpdef int patch(self, int de, str value) except -1
    cpdef int take_over(self, int de, Message other) except -1
    cpdef int patch_number(self, int de, unsigned long number) except -1
    cpdef int remove(self, int de) except -1
    cpdef int set_mti(self, str mti) except -1
    cpdef int set_header(self, bytes header) except -1


cdef int wanted_bits(object numbers, uint64_t* bits) except -1
cdef int chosen_bits(object numbers, tuple but, uint64_t* bits) except -1
cdef int shared_bits(Message one, Message other, uint64_t* shared) except -1
cdef Py_ssize_t to_escape(uint8_t* text, Py_ssize_t count) noexcept nogil
cdef tuple numbers_of(const uint64_t* present)
cdef bint plain_text(const Rule* rule, const uint8_t* raw, Py_ssize_t units, uint8_t* out,
                     bint escaped) noexcept
