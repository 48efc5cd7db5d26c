"""Fields of a message that are kept: packed, and read one at a time.

What is kept of a message is asked for seldom, and each value would cost an object of its own: so
it stays bytes, a MessagePack map from field numbers to values.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libc.string cimport memcpy, memset

import json

from codec._index cimport (
    BITMAP_WORDS, FIELD_LIMIT, OFTEN, PIECES_MAX, RECIPES_MAX, Index, Piece, Recipe, Slot, bit_of,
)
from codec._text cimport bits_set, leading_zeros, same_bytes
from codec._wire cimport (
    FieldSet, Message, chosen_bits, numbers_of, plain_text, shared_bits, wanted_bits,
)

cdef enum:
    PACKED_MAX = 1024           # bytes of what is packed in one go; more is packed by and by
    SHORT_MAX = 31              # characters of a value whose length needs no byte of its own
    FIELDS_MAX = 15             # fields whose number needs none


cdef bytes NOTHING = b"\x80"


cdef inline int next_of(const uint8_t* raw, Py_ssize_t end, Py_ssize_t* at, Py_ssize_t* begin,
                        Py_ssize_t* size) noexcept:
    """The field that is packed at `at`, and where its value stands; 0 at the end."""
    cdef Py_ssize_t here = at[0]
    cdef int de
    if here >= end:
        return 0
    de = raw[here]
    here += 1
    if de == 0xCC:
        de = raw[here]
        here += 1
    if raw[here] == 0xD9:
        size[0] = raw[here + 1]
        here += 2
    elif raw[here] == 0xDA:
        size[0] = raw[here + 1] << 8 | raw[here + 2]
        here += 3
    else:
        size[0] = raw[here] & SHORT_MAX
        here += 1
    begin[0] = here
    at[0] = here + size[0]
    return de


@cython.final
@cython.no_gc
@cython.freelist(1024)
cdef class Fields:
    """The fields that were kept of one message; immutable, and read like a dict."""

    def __cinit__(self, dict fields=None):
        self.packed = NOTHING if fields is None else packed(fields)

    cdef Py_ssize_t first(self) noexcept:
        """Where the first field stands."""
        return 1 if (<const uint8_t*>PyBytes_AS_STRING(self.packed))[0] != 0xDE else 3

    cdef int next(self, Py_ssize_t* at, Py_ssize_t* begin, Py_ssize_t* size) noexcept:
        """The field at `at`, and where its value stands; 0 after the last one."""
        return next_of(<const uint8_t*>PyBytes_AS_STRING(self.packed),
                       PyBytes_GET_SIZE(self.packed), at, begin, size)

    cdef bint find(self, int de, Py_ssize_t* begin, Py_ssize_t* size) noexcept:
        cdef Py_ssize_t at = self.first()
        cdef int each
        while True:
            each = self.next(&at, begin, size)
            if each == de:
                return True
            if each == 0 or each > de:
                return False

    cdef str value(self, Py_ssize_t begin, Py_ssize_t size):
        cdef const uint8_t* raw = <const uint8_t*>PyBytes_AS_STRING(self.packed) + begin
        return (<const char*>raw)[:size].decode("utf-8")

    cpdef object get(self, int de, object default=None):
        """The value of a field, `default` where it was not kept."""
        cdef Py_ssize_t begin = 0, size = 0
        if de <= 0 or not self.find(de, &begin, &size):
            return default
        return self.value(begin, size)

    cpdef bint agrees(self, object numbers, Message message) except -1:
        """Whether those of the fields `numbers` that were kept, and that `message` has, have the
        same values in it.
        """
        cdef uint64_t[BITMAP_WORDS] asked
        cdef const uint8_t* mine = <const uint8_t*>PyBytes_AS_STRING(self.packed)
        cdef const uint8_t* theirs
        cdef Py_ssize_t end = PyBytes_GET_SIZE(self.packed)
        cdef Py_ssize_t at = self.first(), begin = 0, size = 0
        cdef const Slot* slot
        cdef int de, word
        if message is None:
            raise TypeError("a message must be given")
        theirs = message.data()
        if self.recipe is not None and type(numbers) is FieldSet and message.index.met:
            return self.agrees_by(numbers, message)
        wanted_bits(numbers, asked)
        for word in range(BITMAP_WORDS):
            asked[word] &= message.index.present[word]
        while True:
            de = next_of(mine, end, &at, &begin, &size)
            if de == 0:
                return True
            if not (asked[(de - 1) >> 6] >> (63 - ((de - 1) & 63))) & 1:
                continue
            slot = &message.index.slots[de]
            if slot.plain:
                if slot.units != size or not same_bytes(theirs + slot.value, mine + begin, size):
                    return False
            elif not message.holds(de, self.value(begin, size)):
                return False

    cdef bint agrees_by(self, FieldSet numbers, Message message) except -1:
        """The same of fields that were kept by a recipe, and a message that has a known index."""
        cdef Recipe recipe = self.recipe
        cdef const uint8_t* mine = <const uint8_t*>PyBytes_AS_STRING(self.packed)
        cdef const uint8_t* theirs = message.data()
        cdef const Piece* piece = recipe.alike
        cdef int i
        if recipe.met != message.index.number or recipe.met_for is not numbers:
            meet(recipe, numbers, message.index)
        for i in range(recipe.alike_count):
            if piece.size:
                if not same_bytes(mine + piece.to, theirs + piece.at, piece.size):
                    return False
            elif not message.holds(piece.de, self.get(piece.de)):
                return False
            piece += 1
        return True

    cpdef bytes as_json(self):
        """A JSON object by number, as it is written to disk."""
        cdef const uint8_t* raw = <const uint8_t*>PyBytes_AS_STRING(self.packed)
        cdef uint8_t[PACKED_MAX] out
        cdef Py_ssize_t at = self.first(), begin = 0, size = 0, end = 1, i
        cdef int de
        cdef uint8_t byte
        out[0] = 0x7B                               # '{'
        while True:
            de = self.next(&at, &begin, &size)
            if de == 0:
                break
            if end + size + 8 > PACKED_MAX:
                return json_of(self)
            if end > 1:
                out[end] = 0x2C                     # ','
                end += 1
            out[end] = 0x22                         # '"'
            end += 1
            if de >= 100:
                out[end] = 0x30 + de // 100
                end += 1
            if de >= 10:
                out[end] = 0x30 + de // 10 % 10
                end += 1
            out[end] = 0x30 + de % 10
            out[end + 1] = 0x22
            out[end + 2] = 0x3A                     # ':'
            out[end + 3] = 0x22
            end += 4
            for i in range(begin, begin + size):
                byte = raw[i]
                if byte < 0x20 or byte == 0x22 or byte == 0x5C:
                    return json_of(self)
                out[end] = byte
                end += 1
            out[end] = 0x22
            end += 1
        out[end] = 0x7D                             # '}'
        return PyBytes_FromStringAndSize(<const char*>out, end + 1)

    def __getitem__(self, int de):
        cdef object found = self.get(de)
        if found is None:
            raise KeyError(de)
        return found

    def __contains__(self, int de):
        return self.get(de) is not None

    def keys(self):
        """The numbers, ascending."""
        cdef Py_ssize_t at = self.first(), begin = 0, size = 0
        cdef int de
        cdef dict found = {}
        while True:
            de = self.next(&at, &begin, &size)
            if de == 0:
                return found.keys()
            found[de] = None

    def items(self):
        """Numbers and values."""
        return [(de, self[de]) for de in self.keys()]

    def __iter__(self):
        return iter(self.keys())

    def __len__(self):
        return len(self.keys())

    def __or__(self, other):
        return dict(self.items()) | dict(other)

    def __eq__(self, other):
        if isinstance(other, Fields):
            return self.packed == (<Fields>other).packed
        return dict(self.items()) == other if isinstance(other, dict) else NotImplemented

    __hash__ = None

    def __repr__(self):
        return f"<Fields {', '.join(map(str, self.keys()))}>"


cdef bytes json_of(Fields fields):
    """The same of values that JSON must write otherwise, or that are long."""
    said = {str(de): value for de, value in fields.items()}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


cpdef Fields keep(Message message, object numbers, tuple but=()):
    """Those of the fields `numbers` of a message that are there; without `but`."""
    cdef uint64_t[BITMAP_WORDS] wanted
    chosen_bits(numbers, but, wanted)
    return kept_of(message, wanted)


cpdef tuple keep_apart(Message message, object numbers, Message other):
    """Those of the fields `numbers` that `other` does not have with the same value; and the numbers
    of all fields that it has so.
    """
    cdef uint64_t[BITMAP_WORDS] wanted
    cdef uint64_t[BITMAP_WORDS] shared
    cdef int word
    wanted_bits(numbers, wanted)
    shared_bits(message, other, shared)
    for word in range(BITMAP_WORDS):
        wanted[word] &= ~shared[word]
    return kept_of(message, wanted), numbers_of(shared)


cdef int meet(Recipe recipe, FieldSet numbers, Index index) except -1:
    """Note which pieces of what is kept are to be the same as fields of frames with this index."""
    cdef const Piece* piece
    cdef const Slot* slot
    cdef Piece* alike = recipe.alike
    cdef int i
    recipe.alike_count = 0
    for i in range(recipe.count):
        piece = &recipe.pieces[i]
        slot = &index.slots[piece.de]
        if slot.start and numbers.bits[(piece.de - 1) >> 6] & bit_of(piece.de):
            # Without a size: it is compared as a text.
            alike[0] = Piece(slot.value, slot.size if slot.plain and slot.size == piece.size else 0,
                             piece.to, piece.de)
            alike += 1
            recipe.alike_count += 1
    recipe.met, recipe.met_for = index.number, numbers
    return 0


cdef Recipe recipe_of(Message message, const uint64_t* wanted):
    """How these fields are kept of frames like this one; None if that was seldom asked so far, or is
    too much to remember.
    """
    cdef Recipe recipe = message.index.packs
    cdef int known = 0
    while recipe is not None:
        if recipe.wanted[0] == wanted[0] and recipe.wanted[1] == wanted[1]:
            return recipe
        recipe = recipe.next
        known += 1
    if known == RECIPES_MAX or message.index.met < OFTEN:
        return None
    recipe = Recipe.__new__(Recipe)
    memcpy(recipe.wanted, wanted, BITMAP_WORDS * sizeof(uint64_t))
    recipe.form = form_of(message.index, recipe)
    recipe.next = message.index.packs
    message.index.packs = recipe
    return recipe


cdef bytes form_of(Index index, Recipe recipe):
    """What is packed beside the values, and in `recipe` the values; None if they aren't ASCII."""
    cdef uint8_t[PACKED_MAX] form
    cdef Py_ssize_t at = 1
    cdef uint64_t bits
    cdef const Slot* slot
    cdef int word, de
    memset(form, 0, PACKED_MAX)
    for word in range(BITMAP_WORDS):
        bits = recipe.wanted[word]
        while bits:
            de = word * 64 + leading_zeros(bits) + 1
            bits ^= bit_of(de)
            slot = &index.slots[de]
            if not slot.plain or recipe.count == PIECES_MAX or not has_room(de, slot.units, at):
                return None
            at += write_head(form + at, de, slot.units)
            recipe.pieces[recipe.count] = Piece(slot.value, slot.size, <uint16_t>at, <uint16_t>de)
            recipe.count += 1
            at += slot.size
    form[0] = 0x80 | recipe.count
    return PyBytes_FromStringAndSize(<const char*>form, at)


cdef inline bint has_room(int de, Py_ssize_t units, Py_ssize_t at) noexcept nogil:
    """Whether a field is packed in one go."""
    return units <= 255 and at + units + 4 <= PACKED_MAX and de <= 127


cdef inline Py_ssize_t write_head(uint8_t* out, int de, Py_ssize_t units) noexcept nogil:
    """What stands before a value; how many bytes that is."""
    out[0] = <uint8_t>de
    if units <= SHORT_MAX:
        out[1] = 0xA0 | <uint8_t>units
        return 2
    out[1] = 0xD9
    out[2] = <uint8_t>units
    return 3


cdef Fields kept_of(Message message, uint64_t* wanted):
    """The fields of a message whose bits are set, as far as it has them."""
    cdef uint8_t[PACKED_MAX] out
    cdef uint64_t bits
    cdef Py_ssize_t at = 1, units
    cdef int word, lead, de, count = 0
    cdef const Slot* slot
    cdef Recipe recipe = None
    cdef bytes made
    for word in range(BITMAP_WORDS):
        wanted[word] &= message.index.present[word]
    if not wanted[BITMAP_WORDS - 1]:
        recipe = recipe_of(message, wanted)
    if recipe is not None and recipe.form is not None:
        made = PyBytes_FromStringAndSize(PyBytes_AS_STRING(recipe.form), PyBytes_GET_SIZE(recipe.form))
        recipe.fill(message.data(), <uint8_t*>PyBytes_AS_STRING(made))
        return fields_of(made, recipe)
    for word in range(BITMAP_WORDS):
        count += bits_set(wanted[word])
    if count > FIELDS_MAX or wanted[BITMAP_WORDS - 1]:
        return picked(message, wanted)
    for word in range(BITMAP_WORDS - 1):
        bits = wanted[word]
        while bits:
            lead = leading_zeros(bits)
            de = word * 64 + lead + 1
            bits ^= bit_of(de)
            slot = &message.index.slots[de]
            units = slot.units
            if not has_room(de, units, at):
                return picked(message, wanted)
            at += write_head(out + at, de, units)
            if not plain_text(message, de, slot, out + at):
                return picked(message, wanted)
            at += units
    out[0] = 0x80 | count
    return fields_of(PyBytes_FromStringAndSize(<const char*>out, at), None)


cdef inline Fields fields_of(bytes made, Recipe recipe):
    cdef Fields kept = Fields.__new__(Fields)
    kept.packed, kept.recipe = made, recipe
    return kept


cdef Fields picked(Message message, uint64_t* wanted):
    """The same of fields that are long, or no plain text."""
    return Fields(message.pick(numbers_of(wanted)))


cpdef bytes packed(dict fields):
    """The same of a dict, whatever its values."""
    cdef list parts = []
    cdef bytes value
    cdef Py_ssize_t size = len(fields)
    parts.append(bytes((0x80 | size,)) if size <= FIELDS_MAX else b"\xde" + size.to_bytes(2, "big"))
    for de in sorted(fields):
        if not 0 < de < FIELD_LIMIT:
            raise ValueError("no such field")
        value = (<str>fields[de]).encode("utf-8")
        size = len(value)
        parts.append(bytes((de,)) if de < 0x80 else bytes((0xCC, de)))
        if size <= SHORT_MAX:
            parts.append(bytes((0xA0 | size,)))
        elif size <= 255:
            parts.append(bytes((0xD9, size)))
        else:
            parts.append(b"\xda" + size.to_bytes(2, "big"))
        parts.append(value)
    return b"".join(parts)
