# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=True
"""Frames and the messages seen in them.

`_index` says where each field of a frame lies.  `Message` is a view that rests on this: it decodes a
field when asked for it and patches values in place.  What a dialect is stands in `_layout`; what may
be shown stands in `codec.mask`.

A message keeps the very `bytes` object it was given and copies it before the first change.  Once
`raw` has handed the changed bytes out, they too are copied before they are changed again.
"""

from dataclasses import replace as _replace
from sys import intern

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.long cimport PyLong_AsLongAndOverflow
from cpython.unicode cimport PyUnicode_DecodeLatin1
from libc.stdint cimport uint16_t
from libc.string cimport memcmp, memcpy, memset

from codec import mask as _mask
from codec import elements as _elements
from codec.errors import BuildError, FrameError
from codec.spec import parts_of as _parts_of

from codec._digits cimport number_from
from codec._index cimport (
    NOWHERE, PIECES_MAX, RECIPES_MAX, WORD, Pair, Piece, Recipe, bit_of, bytes_of, digit_of, index_of, pair_of,
    slot_at, type_at, with_field, without_field,
)
from codec._layout cimport (
    AS_ASCII, AS_BYTES, BINARY, DIGITS, FIXED, FRAME_BYTES_MAX, IN_HEADER, IN_MTI, LENGTH_ASCII,
    LENGTH_BCD, LENGTH_BINARY, NO_FAULT, TEXT, TRACK, UNDEFINED, Layout,
)
from codec._text cimport (
    PyUnicode_New, ascii_from, bits_set, copy_bytes, hex_digit, hex_from, hex_value, high_byte,
    latin1_chars, latin1_text, leading_zeros, same_bytes, text_length,
)

cdef extern from "Python.h":
    dict _PyDict_NewPresized(Py_ssize_t count)      # Cython's own code rests on it as well

# ---- Values to text -----------------------------------------------------------------------------

cdef str text_of(const Rule* rule, const uint8_t* raw, Py_ssize_t units):
    cdef Py_ssize_t i
    cdef uint8_t* chars
    if rule.charset.seven_bit:
        return plain_value(raw, units)
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


cdef inline str plain_value(const uint8_t* raw, Py_ssize_t units):
    """The text of ASCII bytes."""
    return code_of(raw, units) if 0 < units <= CODE_DIGITS_MAX else ascii_from(raw, units)


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
    out += ((de - 1) >> 6) * layout.bitmap_bytes
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
        return number in numbers_of(self.bits)

    def __len__(self):
        return len(numbers_of(self.bits))

    def __repr__(self):
        return f"<FieldSet {', '.join(map(str, self))}>"


cdef bint BLANK = False         # the next message is filled by whoever makes it


@cython.final
@cython.no_gc
@cython.freelist(1024)
cdef class Message:
    """A view over one frame (without its length header): indexed once, decoded when asked.

    Values are `str`: text as it is, BCD as its digits, bytes as upper-case hex.  FrameError when
    the frame does not follow the dialect.
    """

    def __cinit__(self, frame=None, Dialect dialect=None, list faults=None):
        """`faults` is for `scan`: the fault is put there instead of being raised."""
        global BLANK
        cdef Fault fault
        if BLANK:
            BLANK = False
            return
        self.index = NOWHERE
        if dialect is None:
            raise TypeError("a message needs its dialect")
        if self.enter(frame if type(frame) is bytes else frame_bytes(frame), dialect, &fault):
            return
        if faults is None:
            raise dialect.error(&fault)
        faults.append(dialect.error(&fault))

    cdef bint enter(self, bytes frame, Dialect dialect, Fault* fault) except -1:
        """Take in a frame; False, and the fields before the fault, where there is one."""
        self.frame, self.dialect = frame, dialect
        self.index = index_of(dialect, self.data(), PyBytes_GET_SIZE(frame), fault)
        if fault.kind == NO_FAULT:
            self.mti = self.index.type_text
            return True
        if readable_type(fault, PyBytes_GET_SIZE(frame)):
            self.mti = type_at(self.index, &dialect.layout, self.data())
        return False

    cdef const uint8_t* data(self) noexcept:
        return <const uint8_t*>PyBytes_AS_STRING(self.frame)

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
        cdef Message twin = blank()
        self.owned = False
        twin.frame, twin.dialect, twin.mti = self.frame, self.dialect, self.mti
        twin.index = self.index
        return twin

    def __copy__(self):
        return self.copy()

    # Reading.

    cdef object value_of(self, int de):
        """The value, or None."""
        cdef const Slot* slot = slot_of(self, de)
        if slot == NULL:
            return None
        if slot.plain:
            return plain_value(self.data() + slot.value, slot.units)
        return value_text(&self.dialect.layout.rules[de], self.data() + slot.value, slot.units)

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
        cdef const Slot* slot = slot_of(self, de)
        if slot != NULL and slot.plain:
            return plain_value(self.data() + slot.value, slot.units)
        return "" if slot == NULL else <str>self.value_of(de)

    def elements(self, key):
        """The elements of a field (`55`) or of one of its elements (`"55.70"`), in order.

        They are `codec.elements.Element`, their offsets counted in bytes of the frame; KeyError and
        FrameError as for `[key]`.
        """
        return tuple(elements_of(self, str(key)))

    cpdef bint is_of(self, Py_UCS4 mti_class) noexcept:
        """Whether this is the second digit of its MTI."""
        return self.mti is not None and latin1_chars(self.mti)[1] == mti_class

    cpdef bint has(self, int de) noexcept:
        """Whether the field is there."""
        return slot_of(self, de) != NULL

    cpdef bint has_all(self, object numbers) except -1:
        """Whether all these fields are there."""
        cdef const uint64_t* present = self.index.present
        cdef const uint64_t* asked
        if type(numbers) is FieldSet:
            asked = (<FieldSet>numbers).bits
            return not ((asked[0] & ~present[0]) | (asked[1] & ~present[1]) | (asked[2] & ~present[2]))
        for number in numbers:
            if slot_of(self, number) == NULL:
                return False
        return True

    cpdef bint holds(self, int de, str value) except -1:
        """Whether the field is there and has this value."""
        cdef const Slot* slot = slot_of(self, de)
        if slot == NULL or value is None:
            return False
        if slot.plain:
            return text_length(value) == slot.units and latin1_text(value) and same_bytes(
                latin1_chars(value), self.data() + slot.value, slot.units)
        return <str>self.value_of(de) == value

    cpdef str first_two(self, int de):
        """The first two characters of a field's value, `""` without the field."""
        cdef const Slot* slot = slot_of(self, de)
        if slot == NULL:
            return ""
        if slot.plain and slot.units >= 2:
            return code_of(self.data() + slot.value, 2)
        return (<str>self.value_of(de))[:2]

    cpdef long number(self, int de, int digits, int before=0) except -2:
        """The number that a field's value is behind its first `before` characters; -1 unless these
        are so many decimal digits.
        """
        cdef const Slot* slot = slot_of(self, de)
        cdef const Rule* rule
        if slot == NULL or slot.units != before + digits or before < 0 \
                or not 0 <= digits <= NUMBER_DIGITS_MAX:
            return -1
        if not slot.plain:
            rule = &self.dialect.layout.rules[de]
            if rule.content != TEXT or not rule.charset.identity:
                said = (<str>self.value_of(de))[before:]
                return int(said) if said.isascii() and said.isdigit() else -1
        return number_from(self.data() + slot.value + before, digits)

    cpdef str joined(self, tuple fields, bint escaped=False):
        """The values of fields with a bar between each two, empty for an absent one; field 0 is the
        class of the MTI.  `escaped`: no two different lists of values give the same text.
        """
        cdef uint8_t[JOINED_MAX + WORD] text
        cdef Py_ssize_t count = self.join_into(fields, text, JOINED_MAX, escaped)
        if count < 0:
            return joined_values(self, fields, escaped)
        return ascii_from(text, count - 1) if count else ""

    cdef Py_ssize_t join_into(self, tuple fields, uint8_t* text, Py_ssize_t room,
                              bint escaped) except -2:
        """Write the same with a bar behind each value, and how much that is; -1 if the values are no
        plain text, too long, or hold what is to be escaped.  There is room for a word more.
        """
        cdef Recipe recipe = self.index.texts
        cdef Py_ssize_t count
        while recipe is not None and recipe.fields is not fields:
            recipe = recipe.next
        if recipe is None and self.index.met:
            recipe = recipe_of(self.index, fields)
        if recipe is None or recipe.form is None:
            count = self.join_slowly(fields, text, room)
        else:
            count = PyBytes_GET_SIZE(recipe.form)
            if count > room:
                return -1
            copy_bytes(text, <const uint8_t*>PyBytes_AS_STRING(recipe.form), count)
            recipe.fill(self.data(), text)
            if recipe.class_at >= 0:
                text[recipe.class_at] = latin1_chars(self.mti)[1]
        if escaped and count > 0 and to_escape(text, count) != len(fields):
            return -1                           # there are others than our own bars
        return count

    cdef Py_ssize_t join_slowly(self, tuple fields, uint8_t* text, Py_ssize_t room) except -2:
        cdef Py_ssize_t at = 0, units
        cdef const Slot* slot
        cdef int de
        for number in fields:
            de = number
            slot = slot_of(self, de)
            units = 0 if slot == NULL else slot.units
            if at + units + 2 > room:
                return -1
            if slot != NULL:
                if not plain_text(self, de, slot, text + at):
                    return -1
                at += units
            elif de == 0:
                text[at] = latin1_chars(self.mti)[1]
                at += 1
            text[at] = 0x7C                     # '|'
            at += 1
        return at

    def __contains__(self, key):
        return self.get(key) is not None

    def fields(self):
        """The numbers of all fields, ascending, without bitmaps."""
        cdef int de
        return tuple([de for de in range(2, FIELD_LIMIT) if slot_of(self, de) != NULL])

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
        cdef const Slot* slot = slot_of(self, de)
        if slot == NULL:
            raise KeyError(de)
        return slot.start, slot.value - slot.start + slot.size

    def offset_of(self, int de, Py_ssize_t at=0):
        """Offset in the frame of the byte that holds the character `at` of a field's value."""
        cdef const Slot* slot = slot_of(self, de)
        if slot == NULL:
            raise KeyError(de)
        rule = &self.dialect.layout.rules[de]
        if rule.content != TEXT:
            spare = slot.units & 1 if rule.pad_left and rule.content != BINARY else 0
            at = (at + spare) >> 1
        return slot.value + at

    def to_dict(self):
        """All values by field number."""
        return {de: self.value_of(de) for de in self.fields()}

    # Changing.

    cpdef int patch(self, int de, str value) except -1:
        """Set a field: in place if the encoded length stays, else the frame is rebuilt."""
        cdef const Slot* slot
        cdef uint8_t* out
        if value is None:
            raise TypeError("a value must be a str")
        rule = known_rule(self.dialect, de)
        check_value(self.dialect, rule, de, value)
        slot = slot_of(self, de)
        if slot == NULL or slot.units != units_of(rule, value):
            if slot != NULL or not self.append(de, rule, value):
                self.rebuild(de, value)
            return 0
        out = self.writable()
        write_value(rule, value, out + slot.value)
        return 0

    cpdef int take_over(self, int de, Message other) except -1:
        """Set a field to what it is in another message."""
        cdef const Slot* mine = slot_of(self, de)
        cdef const Slot* theirs
        if other is None:
            raise TypeError("taken over from a message only")
        theirs = slot_of(other, de)
        if (mine == NULL or theirs == NULL or mine.units != theirs.units
                or self.dialect is not other.dialect):
            return self.patch(de, other.text(de))
        if not same_value(self, other, de):
            memcpy(self.writable() + mine.value,
                   other.data() + theirs.value, mine.size)
        return 0

    cpdef int patch_number(self, int de, unsigned long number) except -1:
        """Set a field to a number; zeros before it make it as long as it is, or as it must be."""
        cdef const Slot* slot = slot_of(self, de)
        cdef const Rule* rule = known_rule(self.dialect, de)
        cdef uint8_t[NUMBER_DIGITS_MAX] digits
        cdef unsigned long rest = number
        cdef Py_ssize_t units = 0 if slot == NULL else slot.units, i
        if rule.content == TEXT and rule.charset.identity and 0 < units <= NUMBER_DIGITS_MAX:
            for i in range(units - 1, -1, -1):
                digits[i] = <uint8_t>(0x30 + rest % 10)
                rest //= 10
            if rest == 0:
                memcpy(self.writable() + slot.value, digits, units)
                return 0
        return self.patch(de, str(number).zfill(units or rule.maximum))

    cpdef int remove(self, int de) except -1:
        """Take a field out, if it is there."""
        if slot_of(self, de) != NULL and not self.cut(de):
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
        cdef uint64_t[BITMAP_WORDS] present = self.index.present
        cdef uint8_t* out
        cdef bytes frame
        if self.index.length == 0 or size > FRAME_BYTES_MAX or not is_last(present, de):
            return NULL                         # of a frame with a fault, nobody knows where it ends
        if (de > 64 and not present[1] and not present[2]) or (de > 128 and not present[2]):
            return NULL                         # it would need one more bitmap
        frame = PyBytes_FromStringAndSize(NULL, size)
        out = <uint8_t*>PyBytes_AS_STRING(frame)
        memcpy(out, self.data(), old)
        present[(de - 1) >> 6] |= bit_of(de)
        write_bit(layout, present, de, out + layout.header_bytes + layout.mti_bytes)
        write_length(rule, units, out + old)
        self.index = with_field(self.dialect, self.index, de, slot_at(rule, old, units), out, size)
        self.frame, self.owned, self.coded_by = frame, True, None
        return out + old + rule.length_bytes

    cdef bint cut(self, int de) except -1:
        """Take the last field out without a rebuild; False if that can't be."""
        cdef Layout* layout = &self.dialect.layout
        cdef uint64_t[BITMAP_WORDS] present = self.index.present
        cdef Py_ssize_t size = self.index.slots[de].start
        cdef uint8_t* out
        cdef bytes frame
        present[(de - 1) >> 6] &= ~bit_of(de)
        if self.index.length == 0 or not is_last(present, de):
            return False
        if bitmaps_needed(present) != bitmaps_needed(self.index.present):
            return False
        frame = PyBytes_FromStringAndSize(PyBytes_AS_STRING(self.frame), size)
        out = <uint8_t*>PyBytes_AS_STRING(frame)
        write_bit(layout, present, de, out + layout.header_bytes + layout.mti_bytes)
        self.index = without_field(self.dialect, self.index, de, out, size)
        self.frame, self.owned, self.coded_by = frame, True, None
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
        self.mti = type_at(self.index, layout, self.data())
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


cdef inline Message blank():
    """A message that whoever calls this gives a dialect, a frame and its index."""
    global BLANK
    BLANK = True
    return Message.__new__(Message)


cdef bint is_last(const uint64_t* present, int de) noexcept nogil:
    """Whether no field from `de` on is among `present`."""
    cdef int word = (de - 1) >> 6
    if present[word] & (~<uint64_t>0 >> ((de - 1) & 63)):
        return False
    for word in range(word + 1, BITMAP_WORDS):
        if present[word]:
            return False
    return True


cdef frozenset WANTED_BEFORE = None         # the set that `keep` was asked for last
cdef uint64_t[BITMAP_WORDS] BITS_WANTED = [0, 0, 0]


cdef int wanted_bits(object numbers, uint64_t* bits) except -1:
    """One bit for each field number, as in `Index.present`."""
    global WANTED_BEFORE
    cdef int de
    if type(numbers) is FieldSet:
        memcpy(bits, (<FieldSet>numbers).bits, BITMAP_WORDS * sizeof(uint64_t))
        return 0
    if type(numbers) is frozenset:
        if numbers is WANTED_BEFORE:
            memcpy(bits, BITS_WANTED, BITMAP_WORDS * sizeof(uint64_t))
            return 0
    memset(bits, 0, BITMAP_WORDS * sizeof(uint64_t))
    for number in numbers:
        de = number
        if 0 < de < FIELD_LIMIT:
            bits[(de - 1) >> 6] |= bit_of(de)
    if type(numbers) is frozenset:
        WANTED_BEFORE = numbers
        memcpy(BITS_WANTED, bits, BITMAP_WORDS * sizeof(uint64_t))
    return 0


cdef int chosen_bits(object numbers, tuple but, uint64_t* bits) except -1:
    """The same, without `but`."""
    cdef int de
    wanted_bits(numbers, bits)
    for number in but:
        de = number
        if 0 < de < FIELD_LIMIT:
            bits[(de - 1) >> 6] &= ~bit_of(de)
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


cdef bint plain_text(Message message, int de, const Slot* slot, uint8_t* out) noexcept:
    """Write the text of a field that is plain ASCII; False if it isn't."""
    cdef Py_ssize_t i, spare
    cdef const uint8_t* raw = message.data() + slot.value
    cdef const Rule* rule
    cdef uint8_t byte
    if slot.plain:
        copy_bytes(out, raw, slot.units)
        return True
    rule = &message.dialect.layout.rules[de]
    if rule.content != DIGITS:
        return False
    spare = (slot.units & 1) if rule.pad_left else 0
    for i in range(slot.units):
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


cdef Recipe recipe_of(Index index, tuple fields):
    """How the text of these fields is made of frames with this index; None if that is too much to
    remember.
    """
    cdef Recipe recipe = index.texts
    cdef int known = 0
    while recipe is not None:
        known += 1
        recipe = recipe.next
    if known == RECIPES_MAX or len(fields) > PIECES_MAX:
        return None
    recipe = Recipe.__new__(Recipe)
    recipe.fields = fields
    recipe.form = form_of(index, fields, recipe)
    recipe.next = index.texts
    index.texts = recipe
    return recipe


cdef bytes form_of(Index index, tuple fields, Recipe recipe):
    """The bars of this text, and in `recipe` what comes between them; None if the values are no
    plain text, or too long.
    """
    cdef uint8_t[JOINED_MAX] form
    cdef Py_ssize_t at = 0
    cdef const Slot* slot
    cdef int de
    recipe.class_at = -1
    memset(form, 0, JOINED_MAX)
    for number in fields:
        de = number
        slot = &index.slots[de if 0 < de < FIELD_LIMIT else 0]
        if at + slot.size + 3 > JOINED_MAX:
            return None
        if slot.start:
            if not slot.plain:
                return None
            recipe.pieces[recipe.count] = Piece(slot.value, slot.size, <uint16_t>at, <uint16_t>de)
            recipe.count += 1
            at += slot.size
        elif de == 0:
            if recipe.class_at >= 0:
                return None
            recipe.class_at = <int>at
            at += 1
        form[at] = 0x7C                     # '|'
        at += 1
    return (<const char*>form)[:at]


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
    cdef Pair pair
    if other is None:
        raise TypeError("shared with a message only")
    if one.dialect is other.dialect and one.index.met:
        pair = one.index.pair
        if pair is None or pair.other != other.index.number:
            pair = pair_of(one.index, other.index, &one.dialect.layout)
            one.index.pair = pair
        if pair is not None:
            return shared_by(pair, one, other, shared)
    for word in range(BITMAP_WORDS):
        bits = one.index.present[word] & other.index.present[word]
        shared[word] = bits
        while bits:
            lead = leading_zeros(bits)
            bit = <uint64_t>1 << (63 - lead)
            bits ^= bit
            de = word * 64 + lead + 1
            if not same_value(one, other, de):
                shared[word] ^= bit
    return 0


cdef int shared_by(Pair pair, Message one, Message other, uint64_t* shared) except -1:
    """The same of messages whose indexes have met before: what lies alike is compared at once."""
    cdef const uint8_t* mine = one.data()
    cdef const uint8_t* theirs = other.data()
    cdef const Piece* piece = pair.pieces
    cdef const Piece* run
    cdef uint64_t bits
    cdef int i, j, de
    memcpy(shared, pair.alike, BITMAP_WORDS * sizeof(uint64_t))
    for i in range(pair.run_count):
        run = &pair.runs[i]
        if memcmp(mine + run.at, theirs + run.to, run.size):
            for j in range(run.de):
                if not same_value(one, other, piece[j].de):
                    shared[(piece[j].de - 1) >> 6] ^= bit_of(piece[j].de)
        piece += run.de
    for i in range(BITMAP_WORDS):
        bits = pair.loose[i]
        while bits:
            de = i * 64 + leading_zeros(bits) + 1
            bits ^= bit_of(de)
            if same_value(one, other, de):
                shared[i] |= bit_of(de)
    return 0


cdef inline bint same_value(Message one, Message other, int de) except -1:
    """Whether a field that both have holds the same value in both."""
    cdef const Slot* mine = &one.index.slots[de]
    cdef const Slot* theirs = &other.index.slots[de]
    if one.dialect is other.dialect:
        # Nearly all that both have is the same byte by byte.
        if mine.units == theirs.units and same_bytes(
                one.data() + mine.value, other.data() + theirs.value, mine.size):
            return True
        if mine.plain or one.dialect.layout.rules[de].content == BINARY:
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
            total += source.index.slots[de].size
        else:
            check_value(dialect, rule, de, value)
            total += value_bytes(rule, value)
        total += rule.length_bytes
        present[(de - 1) >> 6] |= bit_of(de)
    return total

cdef int write_field(const Rule* rule, str value, Sink* sink) except -1:
    cdef uint8_t* out = reserve(sink, rule.length_bytes + value_bytes(rule, value))
    assert out != NULL, "measured too small"
    write_length(rule, units_of(rule, value), out)
    write_value(rule, value, out + rule.length_bytes)
    return 0

cdef int copy_field(const Rule* rule, int de, Message source, Sink* sink) except -1:
    cdef const Slot* slot = &source.index.slots[de]
    cdef Py_ssize_t count = slot.value - slot.start + slot.size
    cdef uint8_t* out = reserve(sink, count)
    assert out != NULL, "measured too small"
    memcpy(out, source.data() + slot.start, count)
    return 0

cdef Message assemble(Dialect dialect, bytes header, dict parts, Message source):
    """A message of these fields, its MTI still open.  A None is taken over from `source`."""
    cdef Layout* layout = &dialect.layout
    cdef uint64_t[BITMAP_WORDS] present = [0, 0, 0]
    cdef Message message
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
    message = read(frame, dialect)
    message.owned = True
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


cpdef Message read(object frame, Dialect dialect):
    """As `Message`, without a constructor's detours."""
    cdef Message message
    cdef Fault fault
    if dialect is None:
        raise TypeError("a message needs its dialect")
    message = blank()
    if not message.enter(frame if type(frame) is bytes else frame_bytes(frame), dialect, &fault):
        raise dialect.error(&fault)
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
