"""Fields of a message that are kept: packed, and read one at a time.

What is kept of a message is asked for seldom, and each value would cost an object of its own: so
it stays bytes, a MessagePack map from field numbers to values.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp

import json

from codec._layout cimport FIELD_LIMIT, TEXT, Rule
from codec._text cimport bits_set, leading_zeros
from codec._wire cimport (
    BITMAP_WORDS, Message, Slot, chosen_bits, numbers_of, plain_text, shared_bits, wanted_bits,
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
        cdef const uint8_t* theirs = message.data()
        cdef Py_ssize_t end = PyBytes_GET_SIZE(self.packed)
        cdef Py_ssize_t at = self.first(), begin = 0, size = 0
        cdef const Slot* slot
        cdef const Rule* rule
        cdef int de, word
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
            rule = &message.dialect.layout.rules[de]
            if rule.content == TEXT and rule.charset.seven_bit:
                if slot.units != size or memcmp(
                        theirs + slot.start + rule.length_bytes, mine + begin, size) != 0:
                    return False
            elif not message.holds(de, self.value(begin, size)):
                return False

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


cdef Fields kept_of(Message message, uint64_t* wanted):
    """The fields of a message whose bits are set, as far as it has them."""
    cdef uint8_t[PACKED_MAX] out
    cdef uint64_t bits
    cdef Py_ssize_t at = 1, units
    cdef int word, lead, de, count = 0
    cdef const uint8_t* raw = message.data()
    cdef const Slot* slot
    cdef const Rule* rule
    cdef Fields kept
    for word in range(BITMAP_WORDS):
        bits = wanted[word] = message.index.present[word] & wanted[word]
        count += bits_set(bits)
    if count > FIELDS_MAX or wanted[BITMAP_WORDS - 1]:
        return picked(message, wanted)
    for word in range(BITMAP_WORDS - 1):
        bits = wanted[word]
        while bits:
            lead = leading_zeros(bits)
            bits ^= <uint64_t>1 << (63 - lead)
            de = word * 64 + lead + 1
            slot = &message.index.slots[de]
            rule = &message.dialect.layout.rules[de]
            units = slot.units
            if units > 255 or at + units + 4 > PACKED_MAX or de > 127:
                return picked(message, wanted)
            out[at] = <uint8_t>de
            at += 1
            if units > SHORT_MAX:
                out[at] = 0xD9
                out[at + 1] = <uint8_t>units
                at += 2
            else:
                out[at] = 0xA0 | <uint8_t>units
                at += 1
            if not plain_text(rule, raw + slot.start + rule.length_bytes, units, out + at, False):
                return picked(message, wanted)
            at += units
    out[0] = 0x80 | count
    kept = Fields.__new__(Fields)
    kept.packed = PyBytes_FromStringAndSize(<const char*>out, at)
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
