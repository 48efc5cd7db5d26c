# cython: language_level=3
"""`decode` as pyiso8583 has it: the same arguments, results and errors, for who comes from there.

Everything usual (ASCII, hex, binary and BCD lengths) is done on the bytes themselves; what is left
(other encodings, lengths like "+1" that Python's `int` takes) is asked of Python, as pyiso8583
does.  `Message` is the codec of this project; its errors hold no values.
"""

cimport cython
from cpython.dict cimport PyDict_Copy
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from codec._plan cimport (
    DATA_ASCII, DATA_HEX, HEADER, LENGTH_ASCII, LENGTH_BCD, LENGTH_BINARY, PRIMARY, SECONDARY, TYPE,
    FieldPlan, SpecPlan, key_of, plan_of, sized_dict,
)
from codec._text cimport (
    ascii_from, ascii_text, hex_from, hex_value, high_byte, latin1_chars, leading_zeros,
    text_length, uint8_t, uint64_t,
)

from codec.errors import DecodeError

cdef enum:
    FIELDS_USUAL = 20           # room in the result dicts before they have to grow

cdef bytes EMPTY = b""
cdef dict BLANK = {"len": EMPTY, "data": EMPTY}     # a copy costs less time than a new dict


@cython.final
@cython.freelist(8)
cdef class Decoding:
    """One call of `decode`: where it stands and what it has found."""

    cdef bytes data
    cdef SpecPlan spec
    cdef Py_ssize_t at
    cdef dict doc_dec
    cdef dict doc_enc

    cdef bytes piece(self, Py_ssize_t count):
        """Up to `count` bytes from here, as a slice gives them; the end may come first."""
        cdef Py_ssize_t left = PyBytes_GET_SIZE(self.data) - self.at
        if count < 0:
            return self.data[self.at:self.at + count]
        if count > left:
            count = left
        if count == 0:
            return EMPTY
        return PyBytes_FromStringAndSize(PyBytes_AS_STRING(self.data) + self.at, count)

    cdef error(self, str message, int slot):
        return DecodeError(message, self.doc_dec, self.doc_enc, self.at, key_of(slot))


def decode(s, spec):
    """Decode `s` by a pyiso8583 specification; `(doc_dec, doc_enc)`, or DecodeError.

    >>> from codec.specs import default_ascii
    >>> decode(b"0210200000000200000011111105", default_ascii)[0]
    {'t': '0210', 'p': '2000000002000000', '3': '111111', '39': '05'}
    """
    cdef uint64_t[3] bits = [0, 0, 0]
    cdef uint64_t word
    cdef Decoding state
    cdef int i, lead, slot
    if not isinstance(s, (bytes, bytearray)):
        raise TypeError(
            f"Encoded ISO8583 data must be bytes or bytearray, not {s.__class__.__name__}")
    state = Decoding()
    state.data = s if type(s) is bytes else bytes(s)
    state.spec = plan_of(spec)
    state.doc_dec = sized_dict(FIELDS_USUAL)
    state.doc_enc = sized_dict(FIELDS_USUAL)
    if state.spec.field(HEADER).max_len > 0:
        decode_field(state, HEADER)
    decode_type(state)
    slot = decode_bitmaps(state, bits)
    for i in range(3):
        word = bits[i]
        while word:
            lead = leading_zeros(word)
            word ^= <uint64_t>1 << (63 - lead)
            slot = 64 * i + lead + 1
            decode_field(state, slot)
    if state.at != PyBytes_GET_SIZE(state.data):
        raise state.error("Extra data after last field", slot)
    return state.doc_dec, state.doc_enc


cdef int decode_type(Decoding state) except -1:
    cdef FieldPlan plan = state.spec.field(TYPE)
    cdef int expected = 2 if plan.data_kind == DATA_HEX else 4
    cdef bytes raw = state.piece(expected)
    if PyBytes_GET_SIZE(raw) != expected:
        note(state, TYPE, "", EMPTY, raw)
        raise state.error(f"Field data is {len(raw)} bytes, expecting {expected}", TYPE)
    noted_text(state, plan, raw, TYPE)
    state.at += expected
    return 0


cdef int decode_bitmaps(Decoding state, uint64_t* bits) except -1:
    """Fill in the bits of all bitmaps but those of the bitmaps themselves; the last one's slot."""
    cdef uint64_t continues = <uint64_t>1 << 63
    decode_bitmap(state, PRIMARY, False, &bits[0])
    if not bits[0] & continues:
        return PRIMARY
    bits[0] ^= continues
    decode_bitmap(state, SECONDARY, False, &bits[1])
    if bits[1] & continues:
        # The secondary bitmap is extended: both stand in field 1.
        bits[1] ^= continues
        decode_bitmap(state, SECONDARY, True, &bits[2])
    return SECONDARY


cdef int decode_bitmap(Decoding state, int slot, bint extended, uint64_t* bits) except -1:
    cdef FieldPlan plan = state.spec.field(slot)
    cdef str key = key_of(slot)
    cdef int expected = 8 if plan.data_kind == DATA_HEX else 16
    cdef bytes raw = state.piece(expected)
    cdef bytes whole = state.doc_enc[key]["data"] + raw if extended else raw
    cdef str text, before = state.doc_dec[key] if extended else ""
    if PyBytes_GET_SIZE(raw) != expected:
        note(state, slot, before, EMPTY, whole)
        wanted = 2 * expected if extended else expected
        raise state.error(f"Field data is {len(whole)} bytes, expecting {wanted}", slot)
    if extended:
        note(state, slot, before, EMPTY, whole)
        text = data_text(state, plan, raw, slot)
        state.doc_dec[key] = before + text
    else:
        text = noted_text(state, plan, raw, slot)
    bits[0] = bitmap_bits(state, raw if plan.data_kind == DATA_HEX else None, text, slot)
    state.at += expected
    return 0


cdef uint64_t bitmap_bits(Decoding state, bytes raw, str text, int slot) except? 0:
    """The bits of a bitmap given as bytes, or else as hex text."""
    cdef uint64_t bits = 0
    cdef int i, nibble = 0
    if raw is None and ascii_text(text) and text_length(text) == 16:
        for i in range(16):
            nibble = hex_value(latin1_chars(text)[i])
            if nibble < 0:
                break
            bits = bits << 4 | <uint8_t>nibble
        if nibble >= 0:
            return bits
        bits = 0
    if raw is None:
        try:
            raw = bytes.fromhex(text)
        except ValueError:
            raise state.error("Failed to decode field, non-hex data", slot) from None
    for i in range(<int>PyBytes_GET_SIZE(raw)):
        bits |= <uint64_t><uint8_t>raw[i] << (56 - 8 * i)
    return bits


cdef int decode_field(Decoding state, int slot) except -1:
    cdef FieldPlan plan = state.spec.field(slot)
    cdef bytes prefix, raw
    cdef Py_ssize_t length, byte_length
    if plan.usual and decode_usual(state, plan, slot):
        return 0
    prefix = state.piece(plan.len_type) if plan.len_type else EMPTY
    if plan.missing is not None:
        raise KeyError(plan.missing)
    if PyBytes_GET_SIZE(prefix) != plan.len_type:
        note(state, slot, "", prefix, EMPTY)
        raise state.error(
            f"Field length is {len(prefix)} bytes wide, expecting {plan.len_type}", slot)
    length = plan.max_len if plan.len_type == 0 else field_length(state, plan, prefix, slot)
    state.at += plan.len_type
    if length == 0:
        note(state, slot, "", prefix, EMPTY)
        return 0
    byte_length = (length + (length & 1)) // 2 if plan.nibbles else length
    raw = state.piece(byte_length)
    if PyBytes_GET_SIZE(raw) != byte_length:
        note(state, slot, "", prefix, raw)
        found = len(raw) * 2 if plan.nibbles else len(raw)
        raise state.error(f"Field data is {found} {plan.len_count}, expecting {length}", slot)
    note(state, slot, "", prefix, raw)
    text = data_text(state, plan, raw, slot)
    if plan.data_kind == DATA_HEX and plan.nibbles and length & 1:
        text = without_pad(state, plan, text, length, slot)
    note(state, slot, text, prefix, raw)
    state.at += byte_length
    return 0


cdef bint decode_usual(Decoding state, FieldPlan plan, int slot) except -1:
    """Decode a field of ASCII text that is as it should be; False, with nothing done, if it isn't."""
    cdef const uint8_t* prefix = <uint8_t*>PyBytes_AS_STRING(state.data) + state.at
    cdef Py_ssize_t left = PyBytes_GET_SIZE(state.data) - state.at - plan.len_type
    cdef Py_ssize_t length = plan.max_len
    if left < 0:
        return False
    if plan.len_type:
        length = quick_length(plan, prefix)
    if length <= 0 or length > plan.max_len or length > left:
        return False
    if high_byte(prefix + plan.len_type, length) >= 0:
        return False
    note(
        state, slot, ascii_from(prefix + plan.len_type, length),
        PyBytes_FromStringAndSize(<const char*>prefix, plan.len_type) if plan.len_type else EMPTY,
        PyBytes_FromStringAndSize(<const char*>prefix + plan.len_type, length))
    state.at += plan.len_type + length
    return True


cdef str noted_text(Decoding state, FieldPlan plan, bytes raw, int slot):
    """Note what bytes without a length say, and return it; where they say nothing, note that."""
    cdef const uint8_t* start = <const uint8_t*>PyBytes_AS_STRING(raw)
    cdef str text
    if plan.data_kind == DATA_ASCII and high_byte(start, PyBytes_GET_SIZE(raw)) < 0:
        text = ascii_from(start, PyBytes_GET_SIZE(raw))
    else:
        note(state, slot, "", EMPTY, raw)
        text = data_text(state, plan, raw, slot)
    note(state, slot, text, EMPTY, raw)
    return text


cdef inline int note(Decoding state, int slot, str text, bytes prefix, bytes raw) except -1:
    cdef str key = key_of(slot)
    state.doc_dec[key] = text
    state.doc_enc[key] = encoded(prefix, raw)
    return 0


cdef inline dict encoded(bytes prefix, bytes raw):
    """A field's bytes as `doc_enc` has them."""
    cdef dict field = PyDict_Copy(BLANK)
    if prefix is not EMPTY:
        field["len"] = prefix
    field["data"] = raw
    return field


cdef Py_ssize_t field_length(Decoding state, FieldPlan plan, bytes prefix, int slot) except? -1:
    """The length that `prefix` tells; it may be negative where Python's `int` says so."""
    cdef Py_ssize_t length = quick_length(plan, <uint8_t*>PyBytes_AS_STRING(prefix))
    if length < 0:
        length = slow_length(state, plan, prefix, slot)
    if length > plan.max_len:
        note(state, slot, "", prefix, EMPTY)
        raise state.error(
            f"Field data is {length} {plan.len_count}, larger than maximum {plan.max_len}", slot)
    return length


cdef Py_ssize_t quick_length(FieldPlan plan, const uint8_t* raw) noexcept:
    """The length, or -1 when it is not made of plain digits."""
    cdef Py_ssize_t i, length = 0
    if plan.len_type > 4:
        return -1
    for i in range(plan.len_type):
        if plan.length_kind == LENGTH_BINARY:
            length = length << 8 | raw[i]
        elif plan.length_kind == LENGTH_BCD and (raw[i] & 15) <= 9 and (raw[i] >> 4) <= 9:
            length = length * 100 + (raw[i] >> 4) * 10 + (raw[i] & 15)
        elif plan.length_kind == LENGTH_ASCII and 0x30 <= raw[i] <= 0x39:
            length = length * 10 + raw[i] - 0x30
        else:
            return -1
    return length


cdef Py_ssize_t slow_length(Decoding state, FieldPlan plan, bytes prefix, int slot) except? -1:
    """The length as Python's own conversions see it."""
    try:
        if plan.length_kind == LENGTH_BINARY:
            return int.from_bytes(prefix, "big")
        if plan.length_kind == LENGTH_BCD:
            reason = "invalid BCD data"
            return int(prefix.hex(), 10)
        reason = "invalid data"
        text = prefix.decode(plan.len_enc)
        reason = "non-numeric data"
        return int(text)
    except LookupError:
        reason = "unknown encoding specified"
    except Exception:
        pass
    note(state, slot, "", prefix, EMPTY)
    raise state.error(f"Failed to decode field length, {reason}", slot) from None


cdef str data_text(Decoding state, FieldPlan plan, bytes raw, int slot):
    """What a field's bytes say."""
    cdef const uint8_t* start = <const uint8_t*>PyBytes_AS_STRING(raw)
    if plan.data_kind == DATA_HEX:
        return hex_from(start, PyBytes_GET_SIZE(raw))
    if plan.data_kind == DATA_ASCII and high_byte(start, PyBytes_GET_SIZE(raw)) < 0:
        return ascii_from(start, PyBytes_GET_SIZE(raw))
    if plan.data_enc is None:
        raise KeyError("data_enc")
    try:
        return raw.decode(plan.data_enc)
    except LookupError:
        reason = "unknown encoding specified"
    except Exception:
        reason = "invalid data"
    raise state.error(f"Failed to decode field, {reason}", slot)


cdef str without_pad(Decoding state, FieldPlan plan, str text, Py_ssize_t length, int slot):
    """Hex of an odd number of half bytes without the pad that the specification names."""
    if plan.left_pad and text[:1] == plan.left_pad:
        return text[1:]
    if plan.right_pad and text[-1:] == plan.right_pad:
        return text[:-1]
    state.doc_dec[key_of(slot)] = text
    raise state.error(f"Field data is {len(text)} nibbles, expecting {length}", slot)
