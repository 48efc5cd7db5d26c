# cython: language_level=3
"""`encode` as pyiso8583 has it: the same arguments, results and errors, for who comes from there.

`build` is the encoder of this project; its errors hold no values.
"""

from binascii import a2b_hex

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy

from codec._plan cimport (
    DATA_ASCII, DATA_HEX, HEADER, LENGTH_ASCII, LENGTH_BCD, LENGTH_BINARY, PRIMARY, SECONDARY, TYPE,
    FieldPlan, SpecPlan, key_of, plan_of, sized_dict,
)
from codec._text cimport (
    ascii_text, hex_from, hex_value, latin1_chars, leading_zeros, text_length, uint8_t, uint64_t,
)

from codec.errors import EncodeError

cdef enum:
    FIELDS_USUAL = 20           # room in the result dict before it has to grow

cdef bytes EMPTY = b""
cdef uint64_t FIRST_BIT = <uint64_t>1 << 63


@cython.final
@cython.freelist(8)
cdef class Encoding:
    """One call of `encode`: what it is given, and the pieces it has made."""

    cdef SpecPlan spec
    cdef object doc_dec
    cdef dict doc_enc
    cdef list pieces
    cdef Py_ssize_t size

    cdef int put(self, str key, bytes prefix, bytes data) except -1:
        """The next piece of the message, and what `doc_enc` tells of it."""
        self.doc_enc[key] = {"len": prefix, "data": data}
        if prefix is not EMPTY:
            self.pieces.append(prefix)
        self.pieces.append(data)
        self.size += PyBytes_GET_SIZE(prefix) + PyBytes_GET_SIZE(data)
        return 0

    cdef error(self, str message, str key):
        return EncodeError(message, self.doc_dec, self.doc_enc, key)

    cdef error_at(self, str message, str key, bytes data, bytes prefix=EMPTY):
        """An error in the middle of a field, whose `data` is already known."""
        self.doc_enc[key] = {"len": prefix, "data": data}
        return self.error(message, key)

    cdef bytearray joined(self):
        cdef bytearray whole = PyByteArray_FromStringAndSize(NULL, self.size)
        cdef char* out = PyByteArray_AS_STRING(whole)
        for piece in self.pieces:
            memcpy(out, PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece))
            out += PyBytes_GET_SIZE(piece)
        return whole


def encode(doc_dec, spec):
    """Encode `doc_dec` by a pyiso8583 specification; `(bytearray, doc_enc)`, or EncodeError.

    >>> from codec.specs import default_ascii
    >>> encode({"t": "0210", "3": "111111", "39": "05"}, default_ascii)[0]
    bytearray(b'0210200000000200000011111105')
    """
    cdef uint64_t[3] bits = [0, 0, 0]
    cdef uint64_t word
    cdef Encoding state
    cdef int i, lead
    if not isinstance(doc_dec, dict):
        raise TypeError(f"Decoded ISO8583 data must be dict, not {doc_dec.__class__.__name__}")
    state = Encoding()
    state.spec = plan_of(spec)
    state.doc_dec = doc_dec
    state.doc_enc = sized_dict(FIELDS_USUAL)
    state.pieces = []
    # The bitmaps' own numbers are worked out anew.
    if "1" in doc_dec or "65" in doc_dec:
        doc_dec.pop("1", None)
        doc_dec.pop("65", None)
    if state.spec.field(HEADER).max_len > 0:
        if "h" not in doc_dec:
            raise state.error("Field data is required according to specifications", "h")
        encode_field(state, HEADER)
    encode_type(state)
    collect_bits(state, bits)
    encode_bitmaps(state, bits)
    for i in range(3):
        word = bits[i]
        while word:
            lead = leading_zeros(word)
            word ^= <uint64_t>1 << (63 - lead)
            encode_field(state, 64 * i + lead + 1)
    return state.joined(), state.doc_enc


cdef int encode_type(Encoding state) except -1:
    cdef FieldPlan plan
    cdef Py_ssize_t expected
    cdef bytes data
    if "t" not in state.doc_dec:
        raise state.error("Field data is required", "t")
    plan = state.spec.field(TYPE)
    expected = 2 if plan.data_kind == DATA_HEX else 4
    data = encoded(state, plan, state.doc_dec["t"], "t", False)
    if PyBytes_GET_SIZE(data) != expected:
        raise state.error_at(f"Field data is {len(data)} bytes, expecting {expected}", "t", data)
    return state.put("t", EMPTY, data)


cdef int collect_bits(Encoding state, uint64_t* bits) except -1:
    """A bit for each field that is there."""
    cdef list outside = []
    cdef Py_ssize_t number
    for key in state.doc_dec:
        if not isinstance(key, str):
            names = [k for k in state.doc_dec if not isinstance(k, str)]
            raise state.error(f"Dictionary contains invalid fields {names}", "p")
        number = field_number(key)
        if number < 0:
            continue
        if 1 <= number <= 192:
            bits[(number - 1) >> 6] |= FIRST_BIT >> ((number - 1) & 63)
        else:
            outside.append(int(key))
    if outside:
        numbers = sorted(set(outside))
        raise state.error(f"Dictionary contains fields outside of 1-192 range {numbers}", "p")
    return 0


cdef Py_ssize_t field_number(str key) except? -2:
    """The number that a key is; -1 for no number, a large one for one that is out of range."""
    cdef Py_ssize_t i, number = 0, length = text_length(key)
    cdef const uint8_t* chars
    if not ascii_text(key) or length > 4:
        return min(int(key), 1 << 20) if key.isnumeric() else -1
    chars = latin1_chars(key)
    for i in range(length):
        if not 0x30 <= chars[i] <= 0x39:
            return -1
        number = number * 10 + chars[i] - 0x30
    return number if length else -1


cdef int encode_bitmaps(Encoding state, uint64_t* bits) except -1:
    """As many bitmaps as the fields need; their own bits are not kept in `bits`."""
    cdef bint secondary = bits[0] & FIRST_BIT != 0, tertiary
    # Keys like "01" and "065" name the bitmaps' own bits; they are taken as such.
    secondary = secondary or bits[1] != 0
    tertiary = bits[2] != 0 or bits[1] & FIRST_BIT != 0
    if bits[2]:
        bits[1] |= FIRST_BIT
        secondary = True
    if secondary:
        bits[0] |= FIRST_BIT
    encode_bitmap(state, PRIMARY, bits[0])
    if secondary:
        encode_bitmap(state, SECONDARY, bits[1])
    if tertiary:
        extend_bitmap(state, bits[2])
    bits[0] &= ~FIRST_BIT
    bits[1] &= ~FIRST_BIT
    return 0


cdef bytes bitmap_data(Encoding state, FieldPlan plan, str key, uint64_t bits, str text):
    cdef uint8_t[8] raw
    cdef int i
    if plan.data_kind != DATA_HEX:
        return encoded(state, plan, text, key, False)
    for i in range(8):
        raw[i] = (bits >> (56 - 8 * i)) & 0xFF
    return PyBytes_FromStringAndSize(<char*>raw, 8)


cdef str bitmap_text(uint64_t bits):
    cdef uint8_t[8] raw
    cdef int i
    for i in range(8):
        raw[i] = (bits >> (56 - 8 * i)) & 0xFF
    return hex_from(raw, 8)


cdef int encode_bitmap(Encoding state, int slot, uint64_t bits) except -1:
    cdef FieldPlan plan = state.spec.field(slot)
    cdef str key = key_of(slot)
    cdef str text = bitmap_text(bits)
    state.doc_dec[key] = text
    return state.put(key, EMPTY, bitmap_data(state, plan, key, bits, text))


cdef int extend_bitmap(Encoding state, uint64_t bits) except -1:
    """The tertiary bitmap, which stands in field 1 behind the secondary one."""
    cdef FieldPlan plan = state.spec.field(SECONDARY)
    cdef str text = bitmap_text(bits)
    cdef bytes secondary = state.doc_enc["1"]["data"]
    state.doc_dec["1"] = state.doc_dec["1"] + text
    data = bitmap_data(state, plan, "1", bits, text)
    state.put("1", EMPTY, data)
    state.doc_enc["1"]["data"] = secondary + data
    return 0


cdef int encode_field(Encoding state, int slot) except -1:
    cdef FieldPlan plan = state.spec.field(slot)
    cdef str key = key_of(slot)
    cdef object value = state.doc_dec[key]
    cdef bytes data, prefix
    cdef Py_ssize_t length
    if plan.missing is not None:
        raise KeyError(plan.missing)
    data = encoded(state, plan, value, key, plan.nibbles)
    if not plan.nibbles:
        length = PyBytes_GET_SIZE(data)
    elif plan.data_kind == DATA_HEX:
        length = len(value)
    else:
        length = 2 * PyBytes_GET_SIZE(data)
    if plan.len_type == 0:
        if length != plan.max_len:
            raise state.error_at(
                f"Field data is {length} {plan.len_count}, expecting {plan.max_len}", key, data)
        return state.put(key, EMPTY, data)
    if length > plan.max_len:
        raise state.error_at(
            f"Field data is {length} {plan.len_count}, larger than maximum {plan.max_len}",
            key, data)
    prefix = encoded_length(state, plan, length, key, data)
    return state.put(key, prefix, data)


cdef bytes encoded_length(Encoding state, FieldPlan plan, Py_ssize_t length, str key, bytes data):
    """A length as the specification writes it."""
    cdef Py_ssize_t i, rest = length, base = 10
    cdef bytes prefix
    cdef uint8_t* out
    if plan.length_kind not in (LENGTH_BINARY, LENGTH_BCD, LENGTH_ASCII):
        return slow_length(state, plan, length, key, data)
    prefix = PyBytes_FromStringAndSize(NULL, plan.len_type)
    out = <uint8_t*>PyBytes_AS_STRING(prefix)
    for i in range(plan.len_type - 1, -1, -1):
        if plan.length_kind == LENGTH_BINARY:
            base = 256
            out[i] = rest & 0xFF
        elif plan.length_kind == LENGTH_BCD:
            base = 100
            out[i] = <uint8_t>(rest // 10 % 10 << 4 | rest % 10)
        else:
            out[i] = <uint8_t>(0x30 + rest % 10)
        rest //= base
    if rest:
        # pyiso8583 leaves a length that is too long for its field in `doc_enc` when it is text.
        kept = str(length).encode() if plan.length_kind == LENGTH_ASCII else EMPTY
        raise state.error_at(TOO_LONG_LENGTH, key, data, kept)
    return prefix


cdef str TOO_LONG_LENGTH = (
    "Failed to encode field length, field length does not fit into configured field size")


cdef bytes slow_length(Encoding state, FieldPlan plan, Py_ssize_t length, str key, bytes data):
    try:
        prefix = f"{length:0{plan.len_type}d}".encode(plan.len_enc)
    except LookupError:
        raise state.error_at(
            "Failed to encode field length, unknown encoding specified", key, data) from None
    if len(prefix) > plan.len_type:
        raise state.error_at(TOO_LONG_LENGTH, key, data, prefix)
    return prefix


cdef bytes encoded(Encoding state, FieldPlan plan, value, str key, bint nibbles):
    """A value as the field's bytes, without its length."""
    if plan.data_kind == DATA_HEX:
        return hex_data(state, plan, value, key, nibbles)
    if plan.data_kind == DATA_ASCII and type(value) is str and ascii_text(value):
        return PyBytes_FromStringAndSize(<char*>latin1_chars(value), text_length(value))
    if plan.data_enc is None:
        raise KeyError("data_enc")
    try:
        return value.encode(plan.data_enc)
    except LookupError:
        reason = "unknown encoding specified"
    except Exception:
        reason = "invalid data"
    raise state.error_at(f"Failed to encode field, {reason}", key, EMPTY)


cdef bytes hex_data(Encoding state, FieldPlan plan, value, str key, bint nibbles):
    cdef bint odd = False
    try:
        if nibbles and len(value) & 1:
            value = plan.left_pad + value if plan.left_pad else value + plan.right_pad
        odd = len(value) & 1
        return quick_hex(value) if type(value) is str and ascii_text(value) else a2b_hex(value)
    except Exception:
        pass
    if odd and nibbles:
        reason = "odd-length nibble data, specify pad"
    else:
        reason = "odd-length hex data" if odd else "non-hex data"
    raise state.error_at(f"Failed to encode field, {reason}", key, EMPTY)


cdef bytes quick_hex(str value):
    """The bytes of ASCII text made of hex digits; ValueError when it is not."""
    cdef const uint8_t* chars = latin1_chars(value)
    cdef Py_ssize_t i, count = text_length(value)
    cdef int high, low
    cdef bytes data
    cdef uint8_t* out
    if count & 1:
        raise ValueError
    if count == 0:
        return EMPTY
    data = PyBytes_FromStringAndSize(NULL, count >> 1)
    out = <uint8_t*>PyBytes_AS_STRING(data)
    for i in range(count >> 1):
        high, low = hex_value(chars[2 * i]), hex_value(chars[2 * i + 1])
        if high < 0 or low < 0:
            raise ValueError
        out[i] = <uint8_t>(high << 4 | low)
    return data
