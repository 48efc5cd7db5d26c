# The header of `_index.pyx`: where the fields of a frame lie.  Read this first.
#
# Nearly all frames of a dialect have one of a few bitmaps, and their fields one of a few lengths.
# Where each field lies is the same for all of these, so they share one `Index`, which nobody changes
# any more.  It is recognised by the frame's length, its bitmaps and the bytes that tell lengths; what
# the fields' own bytes must be is looked at for each frame.  A frame of which anything is not in
# order, or not known, is walked field by field, by the code that can tell what is wrong with it.

from cpython.list cimport PyList_GET_ITEM
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from codec._layout cimport (
    AS_EBCDIC, BINARY, DIGITS, FIELD_LIMIT, FRAME_BYTES_MAX, TEXT, Dialect, Fault, Layout, Rule,
)
from codec._text cimport high_byte

cdef enum:
    BITMAP_WORDS = 3            # primary, secondary, tertiary
    BITMAP_BYTES_MAX = 48       # of all three
    TOLD_MAX = 32               # fields of a frame whose length is told; with more it is always walked
    RUNS_MAX = 32
    PIECES_MAX = 15
    PAIR_MAX = 32
    RECIPES_MAX = 6             # of each kind
    WORD = 8
    OFTEN = 16                  # frames alike, before what is kept of them may hold a recipe

cdef struct Slot:
    uint16_t start              # offset of the field, its length included; 0: the frame has none
    uint16_t value              # offset of its value
    uint16_t units              # length of the value
    uint16_t size               # the same in bytes
    uint8_t plain               # ASCII: the bytes are the text

cdef struct Told:               # bytes that tell a length
    uint64_t mask, word         # what they are, within a word of the frame
    uint16_t at                 # where this word is

cdef struct Run:                # bytes that must all be of one kind
    uint16_t at, units
    uint8_t digits              # each half byte; else each byte ASCII
    uint8_t pad_left

cdef struct Piece:              # of a frame, and where it goes to or has its like
    uint16_t at, size, to
    uint16_t de

cdef class Recipe:              # how a text or bytes are made of frames that have one index
    cdef object fields                      # what was asked for: a tuple, or None and the bits
    cdef uint64_t[BITMAP_WORDS] wanted
    cdef bytes form                         # what is made, with gaps for the pieces; None: it can't be
    cdef Piece[PIECES_MAX] pieces
    cdef int count
    cdef int class_at                       # where the MTI's class goes to, or -1
    cdef Recipe next
    # What is made is compared with frames that have another index: which pieces with what.
    cdef uint64_t met
    cdef object met_for
    cdef Piece[PIECES_MAX] alike
    cdef int alike_count

    cdef void fill(self, const uint8_t* frame, uint8_t* out) noexcept

cdef class Pair:                # what frames of two indexes have in common
    cdef uint64_t other                     # the number of the other index
    cdef Piece[PAIR_MAX] pieces             # of the same size in both
    cdef Piece[PAIR_MAX] runs               # several pieces that lie alike; `de` counts them
    cdef int count, run_count
    cdef uint64_t[BITMAP_WORDS] alike       # these fields
    cdef uint64_t[BITMAP_WORDS] loose       # fields of other sizes whose values may be the same

cdef class Index:
    cdef uint64_t[BITMAP_WORDS] present     # bit 63 of the first word is field 1
    cdef Slot[FIELD_LIMIT] slots
    cdef uint16_t body                      # where fields begin
    # How its like is recognised; `length` is 0 where it can't be, as that of a frame with a fault.
    cdef Py_ssize_t length
    cdef uint16_t head                      # where the bitmaps begin
    cdef uint8_t[BITMAP_BYTES_MAX] bitmaps
    cdef Told[TOLD_MAX] told
    cdef int told_count
    cdef Run[RUNS_MAX] runs
    cdef int run_count
    # The type of the message that was read last: nearly always the next one's, too.
    cdef uint32_t type_word
    cdef str type_text
    # What is made of such frames again and again.
    cdef uint64_t number                    # no other index ever has it
    cdef uint16_t met                       # how many of its like came since, up to OFTEN
    cdef Recipe texts, packs
    cdef Pair pair

cdef struct Cursor:
    const uint8_t* base
    Py_ssize_t offset
    Py_ssize_t length


cdef inline const uint8_t* take(Cursor* cursor, Py_ssize_t count) noexcept nogil:
    """The next `count` bytes, or NULL when the frame ends before them."""
    if count < 0 or count > cursor.length - cursor.offset:
        return NULL
    cursor.offset += count
    return cursor.base + cursor.offset - count


cdef inline Py_ssize_t bytes_of(const Rule* rule, Py_ssize_t units) noexcept nogil:
    """How many bytes a value of so many units takes."""
    return (units + 1) >> 1 if rule.content >= DIGITS else units


cdef inline uint64_t bit_of(int de) noexcept nogil:
    """Of a field in the word of `present` that has it."""
    return <uint64_t>1 << (63 - ((de - 1) & 63))


cdef inline bint is_exact(const Rule* rule) noexcept nogil:
    """Whether the same values are always the same bytes."""
    return rule.content == BINARY or (rule.content == TEXT and rule.charset.seven_bit)


cdef inline int digit_of(uint8_t byte, uint8_t form) noexcept nogil:
    """The decimal digit that a character is, or -1; `form` is AS_ASCII or AS_EBCDIC."""
    cdef int digit = byte - (<int>0xF0 if form == AS_EBCDIC else <int>0x30)
    return digit if 0 <= digit <= 9 else -1


cdef inline Py_ssize_t bad_digit(const uint8_t* packed, Py_ssize_t units,
                                 bint pad_left) noexcept nogil:
    """Which byte holds the first half byte above 9, or -1; the spare half byte may be anything."""
    cdef Py_ssize_t i, spare = (units & 1) if pad_left else 0
    cdef uint8_t byte
    for i in range(spare, units + spare):
        byte = packed[i >> 1]
        if ((byte & 15) if i & 1 else (byte >> 4)) > 9:
            return i >> 1
    return -1


cdef inline uint32_t type_word_of(const Layout* layout, const uint8_t* data) noexcept nogil:
    """The bytes of a message type as a number; the frame is long enough."""
    cdef uint32_t word
    cdef uint16_t half
    if layout.mti_bytes == sizeof(word):
        memcpy(&word, data + layout.header_bytes, sizeof(word))
        return word
    memcpy(&half, data + layout.header_bytes, sizeof(half))
    return half


cdef inline Py_ssize_t place_of(const Layout* layout, const uint8_t* bitmap,
                                Py_ssize_t length) noexcept nogil:
    """Where the index of frames of this length whose first bitmap is this one stands; or beside it,
    in `place ^ 1`.
    """
    cdef uint64_t bits, more
    memcpy(&bits, bitmap, sizeof(bits))
    if layout.bitmap_bytes == 2 * sizeof(bits):
        memcpy(&more, bitmap + sizeof(bits), sizeof(more))
        bits ^= more << 1
    bits ^= <uint64_t>length << 24
    return (bits * <uint64_t>0x9E3779B97F4A7C15) >> 57


cdef inline bint fits(Index index, const uint8_t* data, Py_ssize_t length) noexcept:
    """Whether the fields of a frame lie as this index says, if they are in order."""
    cdef uint64_t word
    cdef int i
    if index.length != length or memcmp(index.bitmaps, data + index.head, index.body - index.head):
        return False
    for i in range(index.told_count):
        memcpy(&word, data + index.told[i].at, WORD)
        if (word & index.told[i].mask) != index.told[i].word:
            return False
    return True


cdef inline bint in_order(Index index, const uint8_t* data) noexcept:
    """Whether the fields of a frame that fits are what they must be."""
    cdef const Run* run
    cdef int i
    for i in range(index.run_count):
        run = &index.runs[i]
        if run.digits:
            if bad_digit(data + run.at, run.units, run.pad_left) >= 0:
                return False
        elif high_byte(data + run.at, run.units) >= 0:
            return False
    return True


cdef inline Index recognised(Dialect dialect, const uint8_t* data, Py_ssize_t length):
    """The index of a frame of which nothing has been looked at, if it is known; else None."""
    cdef const Layout* layout = &dialect.layout
    cdef Py_ssize_t head = layout.header_bytes + layout.mti_bytes, place
    cdef Index index
    if not head + layout.bitmap_bytes <= length <= FRAME_BYTES_MAX:
        return None
    place = place_of(layout, data + head, length)
    index = <Index>PyList_GET_ITEM(dialect.indexes, place)
    if index is not None and fits(index, data, length):
        return index
    index = <Index>PyList_GET_ITEM(dialect.indexes, place ^ 1)
    if index is not None and fits(index, data, length):
        return index
    return None


cdef str type_at(Index index, const Layout* layout, const uint8_t* data)
cdef Index index_of(Dialect dialect, const uint8_t* data, Py_ssize_t length, Fault* fault)
cdef Index with_field(Dialect dialect, Index index, int de, Slot slot,
                      const uint8_t* data, Py_ssize_t length)
cdef Index without_field(Dialect dialect, Index index, int de,
                         const uint8_t* data, Py_ssize_t length)
cdef Slot slot_at(const Rule* rule, Py_ssize_t start, Py_ssize_t units) noexcept nogil
cdef Pair pair_of(Index one, Index other, const Layout* layout)
cdef Index NOWHERE
