# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=True
"""Frames and the messages seen in them: the only code that touches raw bytes of a frame.

`index_frame` walks a frame once and notes where each field lies.  `Message` is a view that rests on
these notes: it decodes a field when asked for it and patches values in place.  What a dialect is
stands in `_layout`; what may be shown stands in `codec.mask`.

A message keeps the very `bytes` object it was given and copies it before the first change.  Once
`raw` has handed the changed bytes out, they too are copied before they are changed again.
"""

from dataclasses import replace as _replace
from sys import intern

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.long cimport PyLong_AsLongAndOverflow
from cpython.unicode cimport PyUnicode_DecodeLatin1
from libc.string cimport memcmp, memcpy, memset

from codec import mask as _mask
from codec import elements as _elements
from codec.errors import BuildError, FrameError
from codec.spec import parts_of as _parts_of

from codec._layout cimport (
    ALL_ASCII, ALL_DIGITS, AS_ASCII, AS_BYTES, AS_EBCDIC, BAD_BITMAP, BAD_CONTENT, BAD_LENGTH, BAD_MTI, BINARY, DIGITS,
    FIXED, FRAME_BYTES_MAX, IN_BITMAP, IN_FRAME, IN_HEADER, IN_MTI, LENGTH_ASCII, LENGTH_BCD,
    LENGTH_BINARY, NOT_DEFINED, NO_FAULT, TEXT, TOO_LONG, TRACK, TRAILING, TRUNCATED, UNDEFINED,
    Fault, Layout, Part, Shape,
)
from codec._digits cimport number_from
from codec._shapes cimport remember, shape_of
from codec._text cimport (
    PyUnicode_New, ascii_from, bits_set, hex_digit, hex_from, hex_value, high_byte,
    latin1_chars, latin1_text, leading_zeros, text_length,
)

cdef extern from "Python.h":
    dict _PyDict_NewPresized(Py_ssize_t count)      # Cython's own code rests on it as well

# ---- Reading ------------------------------------------------------------------------------------

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

cdef inline int digit_of(uint8_t byte, uint8_t form) noexcept nogil:
    """The decimal digit that a character is, or -1; `form` is AS_ASCII or AS_EBCDIC."""
    cdef int digit = byte - (<int>0xF0 if form == AS_EBCDIC else <int>0x30)
    return digit if 0 <= digit <= 9 else -1

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

cdef bint read_bitmaps(const Layout* layout, Cursor* cursor, Index* index,
                       Fault* fault) noexcept nogil:
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
    slot.start = <uint16_t>start
    slot.units = <uint16_t>units
    return True

cdef void forget_from(Index* index, int de) noexcept nogil:
    """Unset `de` and every later field."""
    cdef int word = (de - 1) >> 6, bit = (de - 1) & 63
    index.present[word] &= ~(~<uint64_t>0 >> bit)
    for word in range(word + 1, BITMAP_WORDS):
        index.present[word] = 0

cdef bint read_shaped(Shape* shape, Cursor* cursor, Index* index, bint plain) noexcept nogil:
    """Note where each field of a frame of this shape lies, if all of them are in order."""
    cdef Part* part = shape.parts
    cdef const uint8_t* value
    cdef Py_ssize_t start, units, size, bad
    cdef int i, asked = ALL_DIGITS if plain else ALL_DIGITS | ALL_ASCII
    cdef Slot* slot
    cdef Fault fault
    take(cursor, shape.size)
    index.present = shape.present
    index.body = <uint16_t>cursor.offset
    for i in range(shape.count):
        start, units, size = cursor.offset, part.units, part.bytes
        if not part.fixed:
            if not read_length(part.rule, cursor, part.de, &units, &fault):
                return False
            size = bytes_of(part.rule, units)
        value = take(cursor, size)
        if value == NULL:
            return False
        if part.asks & asked:
            if part.asks == ALL_ASCII:
                bad = high_byte(value, units)
            else:
                bad = bad_digit(value, units, part.rule.pad_left)
            if bad >= 0:
                return False
        slot = &index.slots[part.de]
        slot.start, slot.units = <uint16_t>start, <uint16_t>units
        part += 1
    return cursor.offset == cursor.length

cdef bint index_frame(Dialect dialect, const uint8_t* data, Py_ssize_t length, Index* index,
                      Fault* fault) noexcept:
    """Note where each field lies.  On a fault, what was found before it is kept."""
    cdef const Layout* layout = &dialect.layout
    cdef Cursor cursor = Cursor(data, layout.header_bytes, length)
    cdef bint plain = high_byte(data, length) < 0
    cdef Shape* shape
    if layout.header_bytes + layout.mti_bytes <= length <= FRAME_BYTES_MAX:
        if read_mti(layout, &cursor, fault):
            shape = shape_of(&dialect.shapes, layout, data + cursor.offset,
                             length - cursor.offset)
            if shape != NULL and read_shaped(shape, &cursor, index, plain):
                return True
    if not walk(layout, data, length, index, plain, fault):
        return False
    cursor.offset = layout.header_bytes + layout.mti_bytes
    remember(&dialect.shapes, layout, data + cursor.offset, index.body - cursor.offset,
             index.present, BITMAP_WORDS)
    return True

cdef bint walk(const Layout* layout, const uint8_t* data, Py_ssize_t length, Index* index,
               bint plain, Fault* fault) noexcept nogil:
    """The same field by field, whatever the frame is like."""
    cdef Cursor cursor = Cursor(data, 0, length)
    cdef int word, lead, de
    cdef uint64_t bits
    memset(index.present, 0, sizeof(index.present))
    index.body = 0
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


# ---- Values to text -----------------------------------------------------------------------------

cdef str text_of(const Rule* rule, const uint8_t* raw, Py_ssize_t units):
    cdef Py_ssize_t i
    cdef uint8_t* chars
    if rule.charset.seven_bit:
        return code_of(raw, units) if units <= CODE_DIGITS_MAX else ascii_from(raw, units)
    if rule.charset.identity:
        return PyUnicode_DecodeLatin1(<const char*>raw, units, NULL)
    decoded = PyBytes_FromStringAndSize(NULL, units)
    chars = <uint8_t*>PyBytes_AS_STRING(decoded)
    for i in range(units):
        chars[i] = rule.charset.decode[raw[i]]
    return PyUnicode_DecodeLatin1(<const char*>chars, units, NULL)

cdef enum:
    CODE_DIGITS_MAX = 3

cdef list CODES = [None] * 1110             # of one, two and three digits; asked for all the time


cdef str code_of(const uint8_t* raw, Py_ssize_t units):
    """A short text: as a number of few digits, the same object each time."""
    cdef Py_ssize_t i
    cdef int digit, at = 0 if units == 1 else 10 if units == 2 else 110, number = 0
    for i in range(units):
        digit = digit_of(raw[i], AS_ASCII)
        if digit < 0:
            return ascii_from(raw, units)
        number = number * 10 + digit
    known = CODES[at + number]
    if known is None:
        known = CODES[at + number] = intern(ascii_from(raw, units))
    return known


cdef str nibbles_of(const Rule* rule, const uint8_t* raw, Py_ssize_t units):
    """`units` half bytes as characters, past a left pad where there is one."""
    cdef Py_ssize_t i, spare = (units & 1) if rule.pad_left else 0
    cdef str text = PyUnicode_New(units, 127)
    cdef uint8_t* chars = latin1_chars(text)
    cdef uint8_t byte, nibble
    for i in range(units):
        byte = raw[(i + spare) >> 1]
        nibble = (byte & 15) if (i + spare) & 1 else (byte >> 4)
        chars[i] = 0x3D if nibble == 0xD and rule.content == TRACK else hex_digit(nibble)
    return text

cdef str value_text(const Rule* rule, const uint8_t* raw, Py_ssize_t units):
    if units == 0:
        return ""
    if rule.content == TEXT:
        return text_of(rule, raw, units)
    if rule.content == BINARY:
        return hex_from(raw, units)
    return nibbles_of(rule, raw, units)


# ---- Text to values -----------------------------------------------------------------------------

cdef inline int nibble_of(const Rule* rule, uint8_t char) noexcept nogil:
    """The half byte for a character of a BCD or binary value, or -1."""
    if 0x30 <= char <= 0x39:
        return char - 0x30
    if rule.content == DIGITS:
        return -1
    if rule.content == TRACK and char == 0x3D:  # '='
        return 0xD
    return hex_value(char)

_DIGIT_KIND = {BINARY: "hex digits", DIGITS: "decimal digits", TRACK: "hex digits or ="}

cdef str unfit(const Rule* rule, str value):
    """Why `value` cannot be a value of the field, or None."""
    cdef Py_ssize_t i, units = text_length(value), maximum = rule.maximum
    cdef const uint8_t* chars
    if not latin1_text(value):
        return "found a character outside the field's character set"
    chars = latin1_chars(value)
    if rule.content == TEXT:
        if rule.charset.seven_bit and high_byte(chars, units) >= 0:
            return "expected ASCII characters, found another one"
        kind = "characters"
    else:
        for i in range(units):
            if nibble_of(rule, chars[i]) < 0:
                kind = _DIGIT_KIND[rule.content]
                return f"expected {kind}, found another character"
        if rule.content == BINARY:
            maximum *= 2
            if units & 1:
                return f"expected whole bytes, found an odd number of hex digits ({units})"
        elif rule.length_counts_bytes and units & 1:
            return f"expected an even number of digits, found {units}"
        kind = "hex digits" if rule.content == BINARY else "digits"
    if rule.length_form == FIXED and units != maximum:
        return f"expected {maximum} {kind}, found {units}"
    if units > maximum:
        return f"expected at most {maximum} {kind}, found {units}"
    return None

cdef inline Py_ssize_t value_bytes(const Rule* rule, str value) noexcept:
    """How many bytes a fitting `value` takes, without its length."""
    cdef Py_ssize_t units = text_length(value)
    return units if rule.content == TEXT else (units + 1) >> 1

cdef void write_length(const Rule* rule, Py_ssize_t units, uint8_t* out) noexcept nogil:
    cdef Py_ssize_t i, rest = (units + 1) >> 1 if rule.length_counts_bytes else units
    for i in range(rule.length_bytes - 1, -1, -1):
        if rule.length_form == LENGTH_BINARY:
            out[i] = rest & 0xFF
            rest >>= 8
        elif rule.length_form == LENGTH_BCD:
            out[i] = <uint8_t>(rest // 10 % 10 << 4 | rest % 10)
            rest //= 100
        else:
            out[i] = <uint8_t>((0x30 if rule.length_form == LENGTH_ASCII else 0xF0) + rest % 10)
            rest //= 10

cdef void write_value(const Rule* rule, str value, uint8_t* out) noexcept:
    """A fitting `value` into the bytes that `value_bytes` counts."""
    cdef Py_ssize_t i, units = text_length(value), spare = 0
    cdef const uint8_t* chars = latin1_chars(value)
    if rule.content == TEXT:
        if rule.charset.identity:
            memcpy(out, chars, units)
        else:
            for i in range(units):
                out[i] = rule.charset.encode[chars[i]]
        return
    if rule.pad_left:
        spare = units & 1
    memset(out, 0, (units + 1) >> 1)
    for i in range(units):
        out[(i + spare) >> 1] |= nibble_of(rule, chars[i]) << (0 if (i + spare) & 1 else 4)

cdef bint write_mti(const Layout* layout, str mti, uint8_t* out) noexcept:
    """False when `mti` is not four decimal digits."""
    cdef Py_ssize_t i
    cdef const uint8_t* chars
    if text_length(mti) != 4 or not latin1_text(mti):
        return False
    chars = latin1_chars(mti)
    for i in range(4):
        if digit_of(chars[i], AS_ASCII) < 0:
            return False
    for i in range(layout.mti_bytes):
        if layout.mti_form == AS_BYTES:
            out[i] = <uint8_t>((chars[2 * i] & 15) << 4 | (chars[2 * i + 1] & 15))
        else:
            out[i] = chars[i] if layout.mti_form == AS_ASCII else chars[i] & 15 | 0xF0
    return True

cdef void write_bitmap(const Layout* layout, uint64_t bits, uint8_t* out) noexcept nogil:
    cdef int i
    for i in range(<int>layout.bitmap_bytes):
        if layout.bitmap_form == AS_BYTES:
            out[i] = (bits >> (56 - 8 * i)) & 0xFF
        else:
            out[i] = layout.bitmap_charset.encode[hex_digit((bits >> (60 - 4 * i)) & 15)]

cdef void write_bit(const Layout* layout, const uint64_t* present, int de,
                    uint8_t* out) noexcept nogil:
    """The bit of one field, in bitmaps that are as many as before."""
    cdef int bit = (de - 1) & 63
    cdef uint64_t bits = present[(de - 1) >> 6]
    out += (de - 1) // 64 * layout.bitmap_bytes
    if layout.bitmap_form == AS_BYTES:
        if bit < 8:                             # beside the one that says that more follow
            out[0] = (out[0] & 0x80) | (bits >> 56 & 0x7F)
        else:
            out[bit >> 3] = (bits >> (56 - (bit & ~7))) & 0xFF
    elif bit < 4:
        bits |= <uint64_t>(layout.bitmap_digits[out[0]] & 8) << 60
        out[0] = layout.bitmap_charset.encode[hex_digit(bits >> 60)]
    else:
        out[bit >> 2] = layout.bitmap_charset.encode[
            hex_digit((bits >> (60 - (bit & ~3))) & 15)]

cdef int bitmaps_needed(const uint64_t* present) noexcept nogil:
    return 3 if present[2] else 2 if present[1] else 1

cdef void write_bitmaps(const Layout* layout, const uint64_t* present, uint8_t* out) noexcept nogil:
    """As many bitmaps as the fields need, each but the last with its first bit set."""
    cdef int word, count = bitmaps_needed(present)
    cdef uint64_t more
    for word in range(count):
        more = <uint64_t>1 << 63 if word < count - 1 else 0
        write_bitmap(layout, present[word] | more, out + word * layout.bitmap_bytes)


cdef list MTI_TEXTS = [None] * 10000        # by number; an MTI is asked for again and again


cdef str mti_text(int number):
    known = MTI_TEXTS[number]
    if known is None:
        known = MTI_TEXTS[number] = intern(f"{number:04d}")
    return known


cdef enum:
    JOINED_MAX = 256            # longer ones are joined as Python does
    NUMBER_DIGITS_MAX = 18      # that fit a C number


cdef bint readable_type(const Fault* fault, Py_ssize_t length) noexcept:
    """Whether a frame with this fault has an MTI all the same."""
    return fault.field != IN_HEADER and fault.field != IN_MTI and length <= FRAME_BYTES_MAX


# ---- The message --------------------------------------------------------------------------------

@cython.final
cdef class FieldSet:
    """Numbers of fields that are asked for in message after message: as bits, once and for all."""

    def __cinit__(self, numbers=()):
        wanted_bits(frozenset(numbers), self.bits)

    def __iter__(self):
        return iter(numbers_of(self.bits))

    def __contains__(self, number):
        return number in tuple(self)

    def __len__(self):
        return len(tuple(self))

    def __repr__(self):
        return f"<FieldSet {', '.join(map(str, self))}>"


@cython.final
@cython.no_gc
@cython.freelist(1024)
cdef class Message:
    """A view over one frame (without its length header): indexed once, decoded when asked.

    Values are `str`: text as it is, BCD as its digits, bytes as upper-case hex.  FrameError when
    the frame does not follow the dialect.
    """

    def __cinit__(self, frame, Dialect dialect, list faults=None):
        """`faults` is for `scan`: the fault is put there instead of being raised."""
        cdef Fault fault
        if dialect is None:
            if frame is None:
                return              # for `copy`, which fills it
            raise TypeError("a message needs its dialect")
        self.frame = frame if type(frame) is bytes else frame_bytes(frame)
        self.dialect = dialect
        if index_frame(dialect, self.data(), PyBytes_GET_SIZE(self.frame), &self.index, &fault):
            self.mti = self.type_of()
            return
        if faults is None:
            raise dialect.error(&fault)
        faults.append(dialect.error(&fault))
        if readable_type(&fault, PyBytes_GET_SIZE(self.frame)):
            self.mti = self.type_of()

    cdef const uint8_t* data(self) noexcept:
        return <const uint8_t*>PyBytes_AS_STRING(self.frame)

    cdef Slot* find(self, int de) noexcept:
        """Where `de` lies, or NULL."""
        if 1 <= de < FIELD_LIMIT and is_present(&self.index, de):
            return &self.index.slots[de]
        return NULL

    cdef uint8_t* writable(self) except NULL:
        """The frame's bytes for changing: a private copy if somebody else may have seen them."""
        self.coded_by = None
        if not self.owned:
            self.frame = PyBytes_FromStringAndSize(
                PyBytes_AS_STRING(self.frame), PyBytes_GET_SIZE(self.frame))
            self.owned = True
        return <uint8_t*>PyBytes_AS_STRING(self.frame)

    @property
    def header(self):
        """What stands before the MTI."""
        if self.dialect.layout.header_bytes == 0:
            return b""
        return self.frame[:self.dialect.layout.header_bytes]

    cdef str type_of(self):
        """The four digits of the message type, read off the frame."""
        cdef const Layout* layout = &self.dialect.layout
        cdef const uint8_t* raw = self.data() + layout.header_bytes
        cdef int i, number = 0
        for i in range(4):
            number *= 10
            if layout.mti_form == AS_BYTES:
                number += (raw[i >> 1] & 15) if i & 1 else (raw[i >> 1] >> 4)
            else:
                number += raw[i] & 15
        return mti_text(number)

    @property
    def raw(self):
        """The frame as it is now."""
        return self.sent()

    cpdef bytes sent(self):
        """The same by a C call, for whoever sends it."""
        self.owned = False
        return self.frame

    def __len__(self):
        return PyBytes_GET_SIZE(self.frame)

    def __eq__(self, other):
        if type(other) is not Message:
            return NotImplemented
        return self.dialect is (<Message>other).dialect and self.frame == (<Message>other).frame

    __hash__ = None

    cpdef Message copy(self):
        """An independent message with the same bytes, which are copied when one of both changes."""
        cdef Message twin = Message.__new__(Message, None, None)
        self.owned = False
        twin.frame, twin.dialect, twin.mti = self.frame, self.dialect, self.mti
        memcpy(&twin.index, &self.index, sizeof(Index))
        return twin

    def __copy__(self):
        return self.copy()

    # Reading.

    cdef object value_of(self, int de):
        """The value, or None."""
        cdef Slot* slot = self.find(de)
        if slot == NULL:
            return None
        rule = &self.dialect.layout.rules[de]
        return value_text(rule, self.data() + slot.start + rule.length_bytes, slot.units)

    def __getitem__(self, key):
        """The value of a field (`11`, `"11"`), sub-field (`"60.2"`) or element (`"55.9F26"`).

        KeyError where it is absent, FrameError where the field that may hold it is damaged.
        """
        value = value_at(self, key)
        if value is None:
            raise KeyError(key)
        return value

    cpdef object get(self, object key, object default=None):
        """As `[key]`, or `default` where that cannot be had."""
        cdef int beyond
        cdef long de
        if type(key) is int:
            de = PyLong_AsLongAndOverflow(key, &beyond)
            value = self.value_of(<int>de) if 0 < de < FIELD_LIMIT else None
            return default if value is None else value
        try:
            value = value_at(self, key)
        except FrameError:
            return default
        return default if value is None else value

    cpdef str text(self, int de):
        """The value of a field, `""` without it."""
        value = self.value_of(de)
        return "" if value is None else <str>value

    def elements(self, key):
        """The elements of a field (`55`) or of one of its elements (`"55.70"`), in order.

        They are `codec.elements.Element`, their offsets counted in bytes of the frame; KeyError and
        FrameError as for `[key]`.
        """
        return tuple(elements_of(self, str(key)))

    cpdef bint is_of(self, Py_UCS4 mti_class) noexcept:
        """Whether this is the second digit of its MTI."""
        return self.mti[1] == mti_class

    cpdef bint has(self, int de) noexcept:
        """Whether the field is there."""
        return self.find(de) != NULL

    cpdef bint has_all(self, tuple numbers) except -1:
        """Whether all these fields are there."""
        cdef int de
        for number in numbers:
            de = number
            if not (1 <= de < FIELD_LIMIT and is_present(&self.index, de)):
                return False
        return True

    cpdef bint holds(self, int de, str value) except -1:
        """Whether the field is there and has this value."""
        cdef Slot* slot = self.find(de)
        cdef const Rule* rule
        if slot == NULL or value is None:
            return False
        rule = &self.dialect.layout.rules[de]
        if rule.content == TEXT and rule.charset.seven_bit:
            return text_length(value) == slot.units and latin1_text(value) and memcmp(
                latin1_chars(value), self.data() + slot.start + rule.length_bytes, slot.units) == 0
        return <str>self.value_of(de) == value

    cpdef str first_two(self, int de):
        """The first two characters of a field's value, `""` without the field."""
        cdef Slot* slot = self.find(de)
        cdef const uint8_t* raw
        cdef const Rule* rule
        if slot == NULL:
            return ""
        rule = &self.dialect.layout.rules[de]
        if slot.units >= 2 and rule.content == TEXT and rule.charset.seven_bit:
            raw = self.data() + slot.start + rule.length_bytes
            return code_of(raw, 2)
        return (<str>self.value_of(de))[:2]

    cpdef long number(self, int de, int digits, int before=0) except -2:
        """The number that a field's value is behind its first `before` characters; -1 unless these
        are so many decimal digits.
        """
        cdef Slot* slot = self.find(de)
        cdef const Rule* rule
        if slot == NULL or slot.units != before + digits or digits > NUMBER_DIGITS_MAX:
            return -1
        rule = &self.dialect.layout.rules[de]
        if rule.content != TEXT or not rule.charset.identity:
            said = (<str>self.value_of(de))[before:]
            return int(said) if said.isascii() and said.isdigit() else -1
        return number_from(self.data() + slot.start + rule.length_bytes + before, digits)

    cpdef str joined(self, tuple fields, bint escaped=False):
        """The values of fields with a bar between each two, empty for an absent one; field 0 is the
        class of the MTI.  `escaped`: no two different lists of values give the same text.
        """
        cdef uint8_t[JOINED_MAX + WORD] text
        cdef const uint8_t* raw = self.data()
        cdef const uint8_t* value
        cdef Py_ssize_t at = 0, units
        cdef const Slot* slot
        cdef const Rule* rule
        cdef int de
        for number in fields:
            de = number
            if 1 <= de < FIELD_LIMIT and is_present(&self.index, de):
                slot, rule = &self.index.slots[de], &self.dialect.layout.rules[de]
                value, units = raw + slot.start + rule.length_bytes, slot.units
                if at + units + 2 > JOINED_MAX:
                    return joined_values(self, fields, escaped)
                if rule.content == TEXT and rule.charset.seven_bit:
                    memcpy(text + at, value, units)
                elif not plain_text(rule, value, units, text + at, False):
                    return joined_values(self, fields, escaped)
                at += units
            elif de == 0:
                text[at] = <uint8_t>self.mti[1]
                at += 1
            text[at] = 0x7C                 # '|'
            at += 1
            if at + 2 > JOINED_MAX:
                return joined_values(self, fields, escaped)
        if escaped and to_escape(text, at) != len(fields):
            return joined_values(self, fields, escaped)     # there are others than our own bars
        return ascii_from(text, at - 1) if at else ""

    def __contains__(self, key):
        return self.get(key) is not None

    def fields(self):
        """The numbers of all fields, ascending, without bitmaps."""
        cdef int de
        return tuple([de for de in range(2, FIELD_LIMIT) if is_present(&self.index, de)])

    def __iter__(self):
        return iter(self.fields())

    cpdef dict pick(self, object numbers, tuple but=()):
        """The values of those of the fields `numbers` that are there, by number; without `but`."""
        cdef dict picked
        cdef uint64_t[BITMAP_WORDS] wanted
        cdef uint64_t bits
        cdef int word, de, count = 0
        chosen_bits(numbers, but, wanted)
        for word in range(BITMAP_WORDS):
            wanted[word] &= self.index.present[word]
            count += bits_set(wanted[word])
        picked = _PyDict_NewPresized(count)
        for word in range(BITMAP_WORDS):
            bits = wanted[word]
            while bits:
                de = leading_zeros(bits)
                bits ^= <uint64_t>1 << (63 - de)
                de += word * 64 + 1
                picked[de] = self.value_of(de)
        return picked

    cpdef tuple shared_with(self, Message other):
        """The numbers of the fields that both have with the same value, ascending."""
        cdef uint64_t[BITMAP_WORDS] shared
        shared_bits(self, other, shared)
        return numbers_of(shared)

    def span(self, int de):
        """Offset and length in bytes of a field, its length header included."""
        cdef Slot* slot = self.find(de)
        if slot == NULL:
            raise KeyError(de)
        rule = &self.dialect.layout.rules[de]
        return slot.start, rule.length_bytes + bytes_of(rule, slot.units)

    def offset_of(self, int de, Py_ssize_t at=0):
        """Offset in the frame of the byte that holds the character `at` of a field's value."""
        cdef Slot* slot = self.find(de)
        if slot == NULL:
            raise KeyError(de)
        rule = &self.dialect.layout.rules[de]
        if rule.content != TEXT:
            spare = slot.units & 1 if rule.pad_left and rule.content != BINARY else 0
            at = (at + spare) >> 1
        return slot.start + rule.length_bytes + at

    def to_dict(self):
        """All values by field number."""
        return {de: self.value_of(de) for de in self.fields()}

    # Changing.

    cpdef int patch(self, int de, str value) except -1:
        """Set a field: in place if the encoded length stays, else the frame is rebuilt."""
        cdef Slot* slot
        cdef uint8_t* out
        if value is None:
            raise TypeError("a value must be a str")
        rule = known_rule(self.dialect, de)
        check_value(self.dialect, rule, de, value)
        slot = self.find(de)
        if slot == NULL or slot.units != units_of(rule, value):
            if slot != NULL or not self.append(de, rule, value):
                self.rebuild(de, value)
            return 0
        out = self.writable()
        write_value(rule, value, out + slot.start + rule.length_bytes)
        return 0

    cpdef int take_over(self, int de, Message other) except -1:
        """Set a field to what it is in another message of the same dialect."""
        cdef Slot* mine = self.find(de)
        cdef Slot* theirs = other.find(de)
        cdef const Rule* rule
        if mine == NULL or theirs == NULL or mine.units != theirs.units:
            return self.patch(de, other.text(de))
        if not same_value(self, other, de):
            rule = &self.dialect.layout.rules[de]
            memcpy(self.writable() + mine.start + rule.length_bytes,
                   other.data() + theirs.start + rule.length_bytes, bytes_of(rule, mine.units))
        return 0

    cpdef int patch_number(self, int de, unsigned long number) except -1:
        """Set a field to a number; zeros before it make it as long as it is, or as it must be."""
        cdef Slot* slot = self.find(de)
        cdef const Rule* rule = known_rule(self.dialect, de)
        cdef uint8_t[NUMBER_DIGITS_MAX] digits
        cdef unsigned long rest = number
        cdef Py_ssize_t units = 0 if slot == NULL else slot.units, i
        if rule.content == TEXT and rule.charset.identity and 0 < units <= NUMBER_DIGITS_MAX:
            for i in range(units - 1, -1, -1):
                digits[i] = <uint8_t>(0x30 + rest % 10)
                rest //= 10
            if rest == 0:
                memcpy(self.writable() + slot.start + rule.length_bytes, digits, units)
                return 0
        return self.patch(de, str(number).zfill(units or rule.maximum))

    cpdef int remove(self, int de) except -1:
        """Take a field out, if it is there."""
        if self.find(de) != NULL and not self.cut(de):
            self.rebuild(de, None)
        return 0

    cdef bint append(self, int de, const Rule* rule, str value) except -1:
        """Add a field behind all others without a rebuild; False if that can't be."""
        cdef uint8_t* out = self.append_room(de, rule, units_of(rule, value))
        if out == NULL:
            return False
        write_value(rule, value, out)
        return True

    cdef uint8_t* append_room(self, int de, const Rule* rule, Py_ssize_t units) except? NULL:
        """The same of a field whose value of so many units, which fits, the caller writes."""
        cdef Layout* layout = &self.dialect.layout
        cdef Py_ssize_t old = PyBytes_GET_SIZE(self.frame)
        cdef Py_ssize_t size = old + rule.length_bytes + bytes_of(rule, units)
        cdef uint64_t* present = self.index.present
        cdef uint8_t* out
        cdef bytes frame
        if size > FRAME_BYTES_MAX or not is_last(present, de):
            return NULL
        if (de > 64 and not present[1] and not present[2]) or (de > 128 and not present[2]):
            return NULL                         # it would need one more bitmap
        frame = PyBytes_FromStringAndSize(NULL, size)
        out = <uint8_t*>PyBytes_AS_STRING(frame)
        memcpy(out, self.data(), old)
        present[(de - 1) >> 6] |= <uint64_t>1 << (63 - ((de - 1) & 63))
        write_bit(layout, present, de, out + layout.header_bytes + layout.mti_bytes)
        write_length(rule, units, out + old)
        self.frame, self.owned, self.coded_by = frame, True, None
        self.index.slots[de] = Slot(<uint16_t>old, <uint16_t>units)
        return out + old + rule.length_bytes

    cdef bint cut(self, int de) except -1:
        """Take the last field out without a rebuild; False if that can't be."""
        cdef Layout* layout = &self.dialect.layout
        cdef uint64_t[BITMAP_WORDS] present = self.index.present
        cdef bytes frame
        present[(de - 1) >> 6] &= ~(<uint64_t>1 << (63 - ((de - 1) & 63)))
        if not is_last(present, de) or bitmaps_needed(present) != bitmaps_needed(self.index.present):
            return False
        frame = PyBytes_FromStringAndSize(PyBytes_AS_STRING(self.frame), self.index.slots[de].start)
        write_bit(layout, present, de, <uint8_t*>PyBytes_AS_STRING(frame) + layout.header_bytes
                  + layout.mti_bytes)
        self.frame, self.owned, self.coded_by = frame, True, None
        self.index.present = present
        return True

    cpdef int set_mti(self, str mti) except -1:
        """Set the message type, four digits."""
        cdef Layout* layout = &self.dialect.layout
        cdef uint8_t out[4]
        if mti is None:
            raise TypeError("an MTI must be a str")
        if mti == self.mti:
            return 0
        if not write_mti(layout, mti, out):
            raise BuildError("expected 4 decimal digits", "MTI")
        memcpy(self.writable() + layout.header_bytes, out, layout.mti_bytes)
        self.mti = self.type_of()
        return 0

    cpdef int set_header(self, bytes header) except -1:
        """Set what stands before the MTI; its length is fixed."""
        if header is None:
            raise TypeError("a header must be bytes")
        check_header(self.dialect, header)
        memcpy(self.writable(), PyBytes_AS_STRING(header), PyBytes_GET_SIZE(header))
        return 0

    cdef int rebuild(self, int changed, str value) except -1:
        """The frame anew, with `changed` set to `value`, or without it when that is None."""
        cdef Layout* layout = &self.dialect.layout
        cdef Message fresh
        parts = {de: None for de in self.fields() if de != changed}
        if value is not None:
            parts[changed] = value
        fresh = assemble(self.dialect, self.header, parts, self)
        memcpy(fresh.writable() + layout.header_bytes, self.data() + layout.header_bytes,
               layout.mti_bytes)
        self.frame, self.owned, self.index = fresh.frame, True, fresh.index
        self.coded_by = None
        return 0

    def __repr__(self):
        shown = [f"{de}={_shown(self.dialect, de, self.value_of(de))}" for de in self.fields()]
        return f"<Message {self.dialect.name} {self.mti} {' '.join(shown)}>"


cdef bint is_last(const uint64_t* present, int de) noexcept nogil:
    """Whether no field from `de` on is among `present`."""
    cdef int word = (de - 1) >> 6
    if present[word] & (~<uint64_t>0 >> ((de - 1) & 63)):
        return False
    for word in range(word + 1, BITMAP_WORDS):
        if present[word]:
            return False
    return True


cdef dict WANTED = {}                       # bits of the sets that `pick` is asked for all the time
cdef enum:
    SETS_KNOWN_MAX = 64


cdef int wanted_bits(object numbers, uint64_t* bits) except -1:
    """One bit for each field number, as in `Index.present`."""
    cdef int de
    cdef bytes known
    if type(numbers) is FieldSet:
        memcpy(bits, (<FieldSet>numbers).bits, BITMAP_WORDS * sizeof(uint64_t))
        return 0
    if type(numbers) is frozenset:
        found = WANTED.get(numbers)
        if found is not None:
            memcpy(bits, PyBytes_AS_STRING(found), BITMAP_WORDS * sizeof(uint64_t))
            return 0
    memset(bits, 0, BITMAP_WORDS * sizeof(uint64_t))
    for number in numbers:
        de = number
        if 0 < de < FIELD_LIMIT:
            bits[(de - 1) >> 6] |= <uint64_t>1 << (63 - ((de - 1) & 63))
    if type(numbers) is frozenset and len(WANTED) < SETS_KNOWN_MAX:
        WANTED[numbers] = (<const char*>bits)[:BITMAP_WORDS * sizeof(uint64_t)]
    return 0


cdef int chosen_bits(object numbers, tuple but, uint64_t* bits) except -1:
    """The same, without `but`."""
    cdef int de
    wanted_bits(numbers, bits)
    for number in but:
        de = number
        if 0 < de < FIELD_LIMIT:
            bits[(de - 1) >> 6] &= ~(<uint64_t>1 << (63 - ((de - 1) & 63)))
    return 0


cdef uint64_t[BITMAP_WORDS] BITS_BEFORE = [0, 0, 0]
cdef tuple NUMBERS_BEFORE = ()


cdef tuple numbers_of(const uint64_t* present):
    """The numbers of fields by their bits: nearly always those that were asked for before."""
    global NUMBERS_BEFORE
    cdef uint64_t bits
    cdef int word, lead
    cdef list found
    if memcmp(present, BITS_BEFORE, BITMAP_WORDS * sizeof(uint64_t)):
        found = []
        for word in range(BITMAP_WORDS):
            bits = present[word]
            while bits:
                lead = leading_zeros(bits)
                bits ^= <uint64_t>1 << (63 - lead)
                found.append(word * 64 + lead + 1)
        NUMBERS_BEFORE = tuple(found)
        memcpy(BITS_BEFORE, present, BITMAP_WORDS * sizeof(uint64_t))
    return NUMBERS_BEFORE


cdef bint plain_text(const Rule* rule, const uint8_t* raw, Py_ssize_t units, uint8_t* out,
                     bint escaped) noexcept:
    """Write the text of a value that is plain ASCII; False if it isn't, or is to be escaped."""
    cdef Py_ssize_t i, spare
    cdef uint8_t byte
    if rule.content == TEXT and rule.charset.seven_bit:
        memcpy(out, raw, units)
        if escaped:
            for i in range(units):
                if raw[i] == 0x7C or raw[i] == 0x5C:        # '|' or a backslash
                    return False
        return True
    if rule.content != DIGITS:
        return False
    spare = (units & 1) if rule.pad_left else 0
    for i in range(units):
        byte = raw[(i + spare) >> 1]
        out[i] = 0x30 + ((byte & 15) if (i + spare) & 1 else (byte >> 4))
    return True


cdef Py_ssize_t to_escape(uint8_t* text, Py_ssize_t count) noexcept nogil:
    """How many bars and backslashes there are; behind the text there is room for a word."""
    cdef uint64_t low = 0x7F7F7F7F7F7F7F7F, word
    cdef Py_ssize_t at, found = 0
    memset(text + count, 0, WORD)
    for at in range(0, count, 8):
        memcpy(&word, text + at, WORD)
        # Both, and nothing else, become a byte of zeros; of those alone the highest bit is left.
        word = (word | <uint64_t>0x2020202020202020) ^ <uint64_t>0x7C7C7C7C7C7C7C7C
        word = ~(((word & low) + low) | word | low) >> 7
        found += (word * <uint64_t>0x0101010101010101) >> 56
    return found


cdef str joined_values(Message message, tuple fields, bint escaped):
    """As `Message.joined`, of values of any kind."""
    cdef list values = []
    for de in fields:
        value = (message.value_of(de) or "") if de else message.mti[1:2]
        if escaped:
            value = value.replace("\\", "\\\\").replace("|", "\\p")
        values.append(value)
    return "|".join(values)


cdef int shared_bits(Message one, Message other, uint64_t* shared) except -1:
    """One bit for each field that both have with the same value."""
    cdef uint64_t bits, bit
    cdef int word, lead, de
    cdef uint16_t units
    cdef const uint8_t* mine
    cdef const uint8_t* theirs
    cdef const Slot* slot
    cdef const Rule* rule
    cdef bint alike
    if other is None:
        raise TypeError("shared with a message only")
    mine, theirs, alike = one.data(), other.data(), one.dialect is other.dialect
    for word in range(BITMAP_WORDS):
        bits = one.index.present[word] & other.index.present[word]
        shared[word] = bits
        while bits:
            lead = leading_zeros(bits)
            bit = <uint64_t>1 << (63 - lead)
            bits ^= bit
            de = word * 64 + lead + 1
            rule = &one.dialect.layout.rules[de]
            slot, units = &one.index.slots[de], other.index.slots[de].units
            # Nearly all that both have is the same byte by byte.
            if alike and slot.units == units and memcmp(
                    mine + slot.start + rule.length_bytes,
                    theirs + other.index.slots[de].start + rule.length_bytes,
                    bytes_of(rule, units)) == 0:
                continue
            if not same_value(one, other, de):
                shared[word] ^= bit
    return 0


cdef inline bint same_value(Message one, Message other, int de) except -1:
    """Whether a field that both have holds the same value in both."""
    cdef const Slot* mine = &one.index.slots[de]
    cdef const Slot* theirs = &other.index.slots[de]
    cdef const Rule* rule = &one.dialect.layout.rules[de]
    if one.dialect is other.dialect:
        if mine.units == theirs.units and memcmp(
                one.data() + mine.start + rule.length_bytes,
                other.data() + theirs.start + rule.length_bytes, bytes_of(rule, mine.units)) == 0:
            return True
        if rule.content == BINARY or (rule.content == TEXT and rule.charset.seven_bit):
            return False
    return one.value_of(de) == other.value_of(de)


cdef bytes frame_bytes(frame):
    if not isinstance(frame, (bytes, bytearray, memoryview)):
        raise TypeError(f"a frame must be bytes, not {type(frame).__name__}")
    return bytes(frame)


def _shown(Dialect dialect, int de, str value):
    """A value in a `repr`: masked, and short."""
    text = dialect.masked(de, value)
    return text if len(text) <= 24 else f"<{len(value)} characters>"

cdef object value_at(Message message, key):
    """The value that a key of any kind names, or None."""
    if isinstance(key, int):
        return message.value_of(key) if 0 < key < FIELD_LIMIT else None
    return sub_value(message, key)

cdef object sub_value(Message message, key):
    """The value of `"11"`, `"60.2"` or `"55.9F26"`, or None."""
    de, part = split_key(key)
    value = message.value_of(de)
    if value is None or not part:
        return None if part is None else value
    element = element_at(message, de, value, part)
    if element is not None:
        return element.value
    parts = _parts_of(message.dialect.subfields.get(de, ()), value)
    if not part.isdecimal() or not 1 <= int(part) <= len(parts):
        return None
    return parts[int(part) - 1].of(value)

cdef tuple split_key(key):
    """Field number and the path behind its dot; 0 where there is no number, None for no path."""
    if not isinstance(key, str):
        return 0, None
    number, dot, path = key.partition(".")
    if not (number.isdecimal() and number.isascii()) or len(number) > 3 or (dot and not path):
        return 0, None
    return int(number), path

cdef object element_at(Message message, int de, str value, str path):
    """The element at a path of tags in a field that is made of elements, or None."""
    form = message.dialect.elements.get(de)
    if form is None:
        return None
    try:
        return _elements.find(value, form, path)
    except FrameError as error:
        raise placed(message, de, error) from None

cdef object placed(Message message, int de, error):
    """A FrameError about a field's value as one about the frame."""
    offset = message.offset_of(de, error.offset)
    return FrameError(error.reason, de, offset, message.dialect.field_name(de))

cdef list elements_of(Message message, str key):
    cdef Py_ssize_t base = 0
    de, path = split_key(key)
    value = message.value_of(de)
    form = message.dialect.elements.get(de)
    if value is None or form is None:
        raise KeyError(key)
    if path:
        outer = element_at(message, de, value, path)
        if outer is None or not outer.constructed:
            raise KeyError(key)
        value, base = outer.value, outer.begin
    found = []
    try:
        for each in _elements.parse(value, form, nested=bool(path)):
            offset, begin = message.offset_of(de, base + each.offset), base + each.begin
            found.append(_replace(each, offset=offset, begin=message.offset_of(de, begin)))
    except FrameError as error:
        raise placed(message, de, FrameError(error.reason, offset=base + error.offset)) from None
    return found


# ---- Building -----------------------------------------------------------------------------------

cdef Rule* known_rule(Dialect dialect, int de) except NULL:
    if not 0 < de < FIELD_LIMIT or dialect.layout.rules[de].content == UNDEFINED:
        raise BuildError(f"{dialect.name} has no such field", de)
    return &dialect.layout.rules[de]

cdef int check_value(Dialect dialect, const Rule* rule, int de, str value) except -1:
    reason = unfit(rule, value)
    if reason is not None:
        raise BuildError(reason, de, dialect.field_name(de))
    return 0

cdef int check_header(Dialect dialect, bytes header) except -1:
    if len(header) != dialect.layout.header_bytes:
        reason = f"expected {dialect.layout.header_bytes} bytes, found {len(header)}"
        raise BuildError(reason, "header")
    return 0

cdef inline Py_ssize_t units_of(const Rule* rule, str value) noexcept:
    cdef Py_ssize_t count = text_length(value)
    return count >> 1 if rule.content == BINARY else count

cdef Py_ssize_t measure(Dialect dialect, dict parts, Message source, uint64_t* present) except -1:
    """How many bytes the fields take; sets their bits.  A None is taken over from `source`."""
    cdef Py_ssize_t total = 0
    cdef int de
    for key, value in parts.items():
        de = key
        rule = known_rule(dialect, de)
        if value is None:
            total += bytes_of(rule, source.index.slots[de].units)
        else:
            check_value(dialect, rule, de, value)
            total += value_bytes(rule, value)
        total += rule.length_bytes
        present[(de - 1) >> 6] |= <uint64_t>1 << (63 - ((de - 1) & 63))
    return total

cdef int write_field(const Rule* rule, str value, Sink* sink) except -1:
    cdef uint8_t* out = reserve(sink, rule.length_bytes + value_bytes(rule, value))
    assert out != NULL, "measured too small"
    write_length(rule, units_of(rule, value), out)
    write_value(rule, value, out + rule.length_bytes)
    return 0

cdef int copy_field(const Rule* rule, int de, Message source, Sink* sink) except -1:
    cdef Slot* slot = &source.index.slots[de]
    cdef Py_ssize_t count = rule.length_bytes + bytes_of(rule, slot.units)
    cdef uint8_t* out = reserve(sink, count)
    assert out != NULL, "measured too small"
    memcpy(out, source.data() + slot.start, count)
    return 0

cdef Message assemble(Dialect dialect, bytes header, dict parts, Message source):
    """A message of these fields, its MTI still open.  A None is taken over from `source`."""
    cdef Layout* layout = &dialect.layout
    cdef uint64_t[BITMAP_WORDS] present = [0, 0, 0]
    cdef Sink sink
    cdef bytes frame
    cdef int de
    size = measure(dialect, parts, source, present)
    size += layout.header_bytes + layout.mti_bytes + bitmaps_needed(present) * layout.bitmap_bytes
    if size > FRAME_BYTES_MAX:
        raise BuildError(f"expected at most {FRAME_BYTES_MAX} bytes, found {size}")
    frame = PyBytes_FromStringAndSize(NULL, size)
    sink = Sink(<uint8_t*>PyBytes_AS_STRING(frame), 0, size)
    memcpy(reserve(&sink, layout.header_bytes), PyBytes_AS_STRING(header), layout.header_bytes)
    write_mti(layout, "0000", reserve(&sink, layout.mti_bytes))
    write_bitmaps(layout, present,
                  reserve(&sink, bitmaps_needed(present) * layout.bitmap_bytes))
    for key in sorted(parts):
        de = key
        if parts[key] is None:
            copy_field(&layout.rules[de], de, source, &sink)
        else:
            write_field(&layout.rules[de], parts[key], &sink)
    message = Message(frame, dialect)
    (<Message>message).owned = True
    return message


def build(Dialect dialect not None, str mti not None, fields, bytes header=b""):
    """A message from values; without `header` it gets the dialect's own.

    BuildError names the field whose value does not fit.
    """
    cdef Message message
    header = header or dialect.header
    check_header(dialect, header)
    parts = dict(fields)
    for de, value in parts.items():
        if type(de) is not int or not isinstance(value, str):
            raise TypeError("fields must map int to str")
    message = assemble(dialect, header, parts, None)
    message.set_mti(mti)
    return message


def scan(frame, Dialect dialect not None):
    """What can be read of a frame: a message of the fields before the fault, and the fault.

    There is no message where the fault lies before the bitmap.
    """
    faults = []
    message = Message(frame, dialect, faults)
    if not faults:
        return message, None
    readable = faults[0].field not in ("header", "MTI") and len(message) <= FRAME_BYTES_MAX
    return message if readable else None, faults[0]
