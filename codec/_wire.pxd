# The header of `_wire.pyx`: what a message is, for those who read it in C.  Where its fields lie
# stands in `_index`.
#
# All pointer arithmetic goes through two functions, `take` of `_index` (reading) and `reserve` below
# (writing), which check their bounds; through the slots of a message's index, all of which lie within
# its frame; or through what `_index` says of frames that it recognises.

from libc.stdint cimport uint8_t, uint64_t

from codec._index cimport BITMAP_WORDS, FIELD_LIMIT, Index, Slot
from codec._layout cimport Dialect, Fault, Rule

cdef enum:
    CODE_BYTES = 8              # of a MAC's field

cdef struct Sink:
    uint8_t* base
    Py_ssize_t offset
    Py_ssize_t length


cdef inline uint8_t* reserve(Sink* sink, Py_ssize_t count) noexcept nogil:
    """Room for the next `count` bytes, or NULL when there is none."""
    if count < 0 or count > sink.length - sink.offset:
        return NULL
    sink.offset += count
    return sink.base + sink.offset - count


cdef class FieldSet:
    cdef uint64_t[BITMAP_WORDS] bits


cdef class Message:
    cdef readonly Dialect dialect
    cdef readonly str mti       # the four digits of the message type
    cdef bytes frame            # as `mti`, never None in a message that anybody else sees
    cdef Index index            # of the frame; never None, and shared
    cdef bint owned             # nobody else has seen `frame`, so it may be written to
    cdef object coded_by        # a MAC key, or None; the bytes changed: None again
    cdef uint8_t[CODE_BYTES] code       # what the MAC's field must hold under that key

    cdef bint enter(self, bytes frame, Dialect dialect, Fault* fault) except -1
    cdef const uint8_t* data(self) noexcept
    cdef uint8_t* writable(self) except NULL
    cdef object value_of(self, int de)
    cdef Py_ssize_t join_into(self, tuple fields, uint8_t* text, Py_ssize_t room,
                              bint escaped) except -2
    cdef Py_ssize_t join_slowly(self, tuple fields, uint8_t* text, Py_ssize_t room) except -2
    cdef int rebuild(self, int changed, str value) except -1
    cdef bint append(self, int de, const Rule* rule, str value) except -1
    cdef uint8_t* append_room(self, int de, const Rule* rule, Py_ssize_t units) except? NULL
    cdef bint cut(self, int de) except -1
    cpdef object get(self, object key, object default=*)
    cpdef str text(self, int de)
    cpdef bint is_of(self, Py_UCS4 mti_class) noexcept
    cpdef bint has(self, int de) noexcept
    cpdef bint has_all(self, object numbers) except -1
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


cdef inline const Slot* slot_of(Message message, int de) noexcept:
    """Where the field lies, or NULL."""
    cdef const Slot* slot
    if not 0 < de < FIELD_LIMIT:
        return NULL
    slot = &message.index.slots[de]
    return slot if slot.start else NULL


cpdef Message read(object frame, Dialect dialect)
cdef int wanted_bits(object numbers, uint64_t* bits) except -1
cdef int chosen_bits(object numbers, tuple but, uint64_t* bits) except -1
cdef int shared_bits(Message one, Message other, uint64_t* shared) except -1
cdef tuple numbers_of(const uint64_t* present)
cdef bint plain_text(Message message, int de, const Slot* slot, uint8_t* out) noexcept
