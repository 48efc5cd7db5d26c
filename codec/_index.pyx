# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=True
"""Where the fields of a frame lie: walked once with care, and recognised from then on.

The header says how frames share an index.  What a dialect is stands in `_layout`, what is read with
the help of an index in `_wire`.
"""

from sys import intern

cimport cython
from libc.string cimport memcpy, memset

from codec._layout cimport (
    AS_ASCII, AS_BYTES, BAD_BITMAP, BAD_CONTENT, BAD_LENGTH, BAD_MTI, FIXED, IN_BITMAP, IN_FRAME, IN_HEADER, IN_MTI,
    LENGTH_ASCII, LENGTH_BCD, LENGTH_BINARY, NOT_DEFINED, NO_FAULT, TEXT, TOO_LONG, TRAILING, TRUNCATED, UNDEFINED,
)
from codec._text cimport copy_bytes, leading_zeros


@cython.final
@cython.no_gc
@cython.freelist(16)
cdef class Index:
    """Where the fields of a frame lie."""

    def __cinit__(self):
        global NUMBER
        NUMBER += 1
        self.number = NUMBER


@cython.final
@cython.no_gc
cdef class Recipe:
    """How a text, or bytes, are made of the fields of frames that have the same index."""

    cdef void fill(self, const uint8_t* frame, uint8_t* out) noexcept:
        """Put the pieces of a frame into their places; `out` has as many bytes as `form`."""
        cdef const Piece* piece = self.pieces
        cdef int i
        for i in range(self.count):
            copy_bytes(out + piece.to, frame + piece.at, piece.size)
            piece += 1


@cython.final
@cython.no_gc
cdef class Pair:
    """Which fields of frames with one index may be the same as in frames with another."""


cdef uint64_t NUMBER = 0
cdef Index NOWHERE = Index()
"""Of a frame that has no fields."""


cdef Slot slot_at(const Rule* rule, Py_ssize_t start, Py_ssize_t units) noexcept nogil:
    """The place of a field that begins there."""
    return Slot(
        <uint16_t>start, <uint16_t>(start + rule.length_bytes), <uint16_t>units,
        <uint16_t>bytes_of(rule, units), rule.content == TEXT and rule.charset.seven_bit)


# ---- Walking a frame -----------------------------------------------------------------------------

cdef bint fail(Fault* fault, int kind, int field, Py_ssize_t offset,
               Py_ssize_t expected=0, Py_ssize_t found=0) noexcept nogil:
    fault.kind = kind
    fault.field = field
    fault.offset = offset
    fault.expected = expected
    fault.found = found
    return False

cdef bint fail_short(Fault* fault, const Cursor* cursor, int field,
                     Py_ssize_t expected) noexcept nogil:
    return fail(fault, TRUNCATED, field, cursor.offset, expected, cursor.length - cursor.offset)

cdef bint read_mti(const Layout* layout, Cursor* cursor, Fault* fault) noexcept nogil:
    cdef Py_ssize_t at = cursor.offset, i
    cdef const uint8_t* mti = take(cursor, layout.mti_bytes)
    cdef bint good
    if mti == NULL:
        return fail_short(fault, cursor, IN_MTI, layout.mti_bytes)
    for i in range(layout.mti_bytes):
        if layout.mti_form == AS_BYTES:
            good = (mti[i] & 15) <= 9 and (mti[i] >> 4) <= 9
        else:
            good = digit_of(mti[i], layout.mti_form) >= 0
        if not good:
            return fail(fault, BAD_MTI, IN_MTI, at + i)
    return True

cdef bint read_bitmap(const Layout* layout, Cursor* cursor, uint64_t* bits,
                      Fault* fault) noexcept nogil:
    cdef Py_ssize_t at = cursor.offset, i
    cdef const uint8_t* bitmap = take(cursor, layout.bitmap_bytes)
    cdef uint64_t word = 0
    cdef int nibble
    if bitmap == NULL:
        return fail_short(fault, cursor, IN_BITMAP, layout.bitmap_bytes)
    if layout.bitmap_form == AS_BYTES:
        for i in range(8):
            word = word << 8 | bitmap[i]
    else:
        for i in range(16):
            nibble = layout.bitmap_digits[bitmap[i]]
            if nibble < 0:
                return fail(fault, BAD_BITMAP, IN_BITMAP, at + i)
            word = word << 4 | <uint8_t>nibble
    bits[0] = word
    return True

cdef bint read_bitmaps(const Layout* layout, Cursor* cursor, Index index,
                       Fault* fault) noexcept:
    """All bitmaps; their own bits (1 and 65) are not kept."""
    cdef uint64_t continues = <uint64_t>1 << 63
    cdef int word
    memset(index.present, 0, sizeof(index.present))
    for word in range(BITMAP_WORDS):
        if not read_bitmap(layout, cursor, &index.present[word], fault):
            return False
        if word == BITMAP_WORDS - 1 or not index.present[word] & continues:
            break
        index.present[word] ^= continues
    index.body = <uint16_t>cursor.offset
    return True

cdef bint read_length(const Rule* rule, Cursor* cursor, int de, Py_ssize_t* units,
                      Fault* fault) noexcept nogil:
    """The length of a variable field, in units."""
    cdef Py_ssize_t at = cursor.offset, i, length = 0
    cdef const uint8_t* raw = take(cursor, rule.length_bytes)
    cdef int digit
    if raw == NULL:
        return fail_short(fault, cursor, de, rule.length_bytes)
    for i in range(rule.length_bytes):
        if rule.length_form == LENGTH_BINARY:
            length = length << 8 | raw[i]
        elif rule.length_form == LENGTH_BCD:
            if (raw[i] & 15) > 9 or (raw[i] >> 4) > 9:
                return fail(fault, BAD_LENGTH, de, at + i, rule.length_bytes)
            length = length * 100 + (raw[i] >> 4) * 10 + (raw[i] & 15)
        else:
            digit = digit_of(raw[i], AS_ASCII if rule.length_form == LENGTH_ASCII else AS_EBCDIC)
            if digit < 0:
                return fail(fault, BAD_LENGTH, de, at + i, rule.length_bytes)
            length = length * 10 + digit
    units[0] = length * 2 if rule.length_counts_bytes else length
    if units[0] > rule.maximum:
        return fail(fault, TOO_LONG, de, at, rule.maximum, units[0])
    return True

cdef inline bint read_field(const Layout* layout, Cursor* cursor, int de, Slot* slot, bint plain,
                            Fault* fault) noexcept nogil:
    """`plain`: no byte of the frame is above 127."""
    cdef const Rule* rule = &layout.rules[de]
    cdef Py_ssize_t start = cursor.offset, units = rule.maximum, at, bad = -1
    cdef const uint8_t* value
    if rule.content == UNDEFINED:
        return fail(fault, NOT_DEFINED, de, start)
    if rule.length_form != FIXED and not read_length(rule, cursor, de, &units, fault):
        return False
    at = cursor.offset
    value = take(cursor, bytes_of(rule, units))
    if value == NULL:
        return fail_short(fault, cursor, de, bytes_of(rule, units))
    if rule.content == TEXT:
        if not plain and rule.charset.seven_bit:
            bad = high_byte(value, units)
    elif rule.content == DIGITS:
        bad = bad_digit(value, units, rule.pad_left)
    if bad >= 0:
        return fail(fault, BAD_CONTENT, de, at + bad)
    slot[0] = slot_at(rule, start, units)
    return True

cdef void forget_from(Index index, int de) noexcept:
    """Unset `de` and every later field."""
    cdef int word = (de - 1) >> 6, bit = (de - 1) & 63
    index.present[word] &= ~(~<uint64_t>0 >> bit)
    for word in range(word + 1, BITMAP_WORDS):
        index.present[word] = 0

cdef bint walk(const Layout* layout, const uint8_t* data, Py_ssize_t length, Index index,
               Fault* fault) noexcept:
    """Note where each field lies, whatever the frame is like.  On a fault, what was found before it
    is kept.  `index` is a new one.
    """
    cdef Cursor cursor = Cursor(data, 0, length)
    cdef bint plain = high_byte(data, length) < 0
    cdef int word, lead, de
    cdef uint64_t bits
    fault.kind = NO_FAULT
    if length > FRAME_BYTES_MAX:
        return fail(fault, TRAILING, IN_FRAME, FRAME_BYTES_MAX, 0, length - FRAME_BYTES_MAX)
    if take(&cursor, layout.header_bytes) == NULL:
        return fail_short(fault, &cursor, IN_HEADER, layout.header_bytes)
    if not read_mti(layout, &cursor, fault):
        return False
    if not read_bitmaps(layout, &cursor, index, fault):
        # Fields that a first bitmap announced have no place yet.
        memset(index.present, 0, sizeof(index.present))
        return False
    for word in range(BITMAP_WORDS):
        bits = index.present[word]
        while bits:
            lead = leading_zeros(bits)
            bits ^= <uint64_t>1 << (63 - lead)
            de = word * 64 + lead + 1
            if not read_field(layout, &cursor, de, &index.slots[de], plain, fault):
                forget_from(index, de)
                return False
    if cursor.offset != length:
        return fail(fault, TRAILING, IN_FRAME, cursor.offset, 0, length - cursor.offset)
    return True


# ---- The index of a frame ------------------------------------------------------------------------

cdef Index index_of(Dialect dialect, const uint8_t* data, Py_ssize_t length, Fault* fault):
    """Where each field lies; on a fault, of those before it."""
    cdef Index index = recognised(dialect, data, length)
    if index is not None and in_order(index, data) and is_type(index, &dialect.layout, data):
        fault.kind = NO_FAULT
        index.met += index.met < OFTEN
        return index
    index = Index.__new__(Index)
    if walk(&dialect.layout, data, length, index, fault):
        type_at(index, &dialect.layout, data)
        remember(dialect, index, data, length)
    return index


cdef inline bint is_type(Index index, const Layout* layout, const uint8_t* data) except -1:
    """Whether a frame's message type is one; it stands in the index then."""
    return (type_word_of(layout, data) == index.type_word and index.type_text is not None) \
        or type_at(index, layout, data) is not None


cdef Index with_field(Dialect dialect, Index index, int de, Slot slot,
                      const uint8_t* data, Py_ssize_t length):
    """Of the frame that one with this index has become by a field behind all others."""
    cdef Index known = recognised(dialect, data, length)
    if known is None:
        known = twin_of(index)
        known.slots[de] = slot
        known.present[(de - 1) >> 6] |= bit_of(de)
        remember(dialect, known, data, length)
    else:
        known.met += known.met < OFTEN
    return known


cdef Index without_field(Dialect dialect, Index index, int de,
                         const uint8_t* data, Py_ssize_t length):
    """Of the frame that one with this index has become without its last field."""
    cdef Index known = recognised(dialect, data, length)
    if known is None:
        known = twin_of(index)
        memset(&known.slots[de], 0, sizeof(Slot))
        known.present[(de - 1) >> 6] &= ~bit_of(de)
        remember(dialect, known, data, length)
    else:
        known.met += known.met < OFTEN
    return known


cdef Index twin_of(Index index):
    cdef Index twin = Index.__new__(Index)
    twin.present = index.present
    twin.slots = index.slots
    twin.body = index.body
    return twin


cdef int remember(Dialect dialect, Index index, const uint8_t* data, Py_ssize_t length) except -1:
    """Frames like this one, in which all is in order, have this index from now on; nobody changes it
    any more.
    """
    cdef const Layout* layout = &dialect.layout
    cdef Py_ssize_t head = layout.header_bytes + layout.mti_bytes, place
    cdef uint64_t bits
    cdef int word, lead, de
    if length < WORD or index.body - head > BITMAP_BYTES_MAX:
        return 0
    for word in range(BITMAP_WORDS):
        bits = index.present[word]
        while bits:
            lead = leading_zeros(bits)
            bits ^= <uint64_t>1 << (63 - lead)
            de = word * 64 + lead + 1
            if not note(index, &layout.rules[de], &index.slots[de], data, length):
                return 0
    index.head = <uint16_t>head
    memcpy(index.bitmaps, data + head, index.body - head)
    index.length = length
    place = place_of(layout, data + head, length)
    if dialect.indexes[place] is not None:
        dialect.indexes[place ^ 1] = dialect.indexes[place]
    dialect.indexes[place] = index
    return 0


cdef bint note(Index index, const Rule* rule, const Slot* slot, const uint8_t* data,
               Py_ssize_t length) noexcept:
    """What a field of a frame must be that has this index; False if that is too much."""
    cdef Run* run = &index.runs[index.run_count - 1] if index.run_count else NULL
    if rule.length_bytes and not note_length(index, rule, slot, data, length):
        return False
    if not slot.plain and rule.content != DIGITS:
        return True
    if slot.plain and run != NULL and not run.digits and run.at + run.units == (
            slot.start if rule.length_form == LENGTH_ASCII else slot.value):
        run.units = slot.value + slot.size - run.at     # one run over both
        return True
    if index.run_count == RUNS_MAX:
        return False
    index.runs[index.run_count] = Run(slot.value, slot.units, not slot.plain, rule.pad_left)
    index.run_count += 1
    return True


cdef bint note_length(Index index, const Rule* rule, const Slot* slot, const uint8_t* data,
                      Py_ssize_t length) noexcept:
    """The bytes that tell how long a field is."""
    cdef Py_ssize_t at = min(<Py_ssize_t>slot.start, length - WORD)
    cdef uint8_t[WORD] mask
    cdef Told* told
    if index.told_count == TOLD_MAX or rule.length_bytes > WORD:
        return False
    told = &index.told[index.told_count]
    memset(mask, 0, WORD)
    memset(mask + slot.start - at, 0xFF, rule.length_bytes)
    memcpy(&told.mask, mask, WORD)
    memcpy(&told.word, data + at, WORD)
    told.word &= told.mask
    told.at = <uint16_t>at
    index.told_count += 1
    return True


# ---- Two indexes ---------------------------------------------------------------------------------

cdef Pair pair_of(Index one, Index other, const Layout* layout):
    """What frames of the same dialect with these indexes have in common; None if that is too much."""
    cdef Pair pair = Pair.__new__(Pair)
    cdef Piece* run = NULL
    cdef const Slot* mine
    cdef const Slot* theirs
    cdef uint64_t bits, bit
    cdef int word, lead, de
    for word in range(BITMAP_WORDS):
        bits = one.present[word] & other.present[word]
        while bits:
            lead = leading_zeros(bits)
            bit = <uint64_t>1 << (63 - lead)
            bits ^= bit
            de = word * 64 + lead + 1
            mine, theirs = &one.slots[de], &other.slots[de]
            if mine.units != theirs.units:
                if not is_exact(&layout.rules[de]):
                    pair.loose[word] |= bit
                continue
            if pair.count == PAIR_MAX:
                return None
            pair.pieces[pair.count] = Piece(mine.value, mine.size, theirs.value, <uint16_t>de)
            pair.count += 1
            pair.alike[word] |= bit
            if run != NULL and run.at + run.size == mine.start and run.to + run.size == theirs.start:
                run.size = mine.value + mine.size - run.at
                run.de += 1
                continue
            run = &pair.runs[pair.run_count]
            run[0] = Piece(mine.value, mine.size, theirs.value, 1)
            pair.run_count += 1
    pair.other = other.number
    return pair


# ---- The message type ----------------------------------------------------------------------------

cdef list TYPE_TEXTS = [None] * 10000       # by number; an MTI is asked for again and again


cdef str type_at(Index index, const Layout* layout, const uint8_t* data):
    """The four digits of a frame's message type; None if they are no digits.  The frame is long
    enough.
    """
    cdef Cursor cursor = Cursor(data, layout.header_bytes, layout.header_bytes + layout.mti_bytes)
    cdef uint32_t word = type_word_of(layout, data)
    cdef const uint8_t* raw = data + layout.header_bytes
    cdef int i, number = 0
    cdef Fault fault
    if word == index.type_word and index.type_text is not None:
        return index.type_text
    if not read_mti(layout, &cursor, &fault):
        return None
    for i in range(4):
        number *= 10
        if layout.mti_form == AS_BYTES:
            number += (raw[i >> 1] & 15) if i & 1 else (raw[i >> 1] >> 4)
        else:
            number += raw[i] & 15
    text = TYPE_TEXTS[number]
    if text is None:
        text = TYPE_TEXTS[number] = intern(f"{number:04d}")
    index.type_word, index.type_text = word, text
    return text
