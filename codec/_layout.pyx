# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=True
"""Dialects as C structs: what `codec.spec` and `codec.dialects` write down, checked and compiled.

A `Dialect` also puts into words what `_wire` finds wrong with a frame, because it knows the names.
"""

from types import MappingProxyType

cimport cython
from libc.string cimport memset

from codec import mask as _mask
from codec.errors import FrameError
from codec._text cimport hex_value


# ---- Character sets ------------------------------------------------------------------------------

cdef Charset ASCII, LATIN1, CP500, CP037

cdef void fill_charset(Charset* charset, str codec_name, bint seven_bit):
    cdef int byte
    cdef bytes decoded = bytes(range(256)).decode(codec_name).encode("latin-1")
    charset.seven_bit = seven_bit
    charset.identity = codec_name == "latin-1"
    for byte in range(256):
        charset.decode[byte] = decoded[byte]
        charset.encode[<uint8_t>decoded[byte]] = byte

cdef void fill_tables():
    fill_charset(&ASCII, "latin-1", True)
    fill_charset(&LATIN1, "latin-1", False)
    fill_charset(&CP500, "cp500", False)
    fill_charset(&CP037, "cp037", False)

fill_tables()


# ---- Dialects: Python data into C structs -------------------------------------------------------

_CONTENT = {"text": TEXT, "binary": BINARY, "digits": DIGITS, "track": TRACK}
_LENGTH_FORM = {
    "fixed": FIXED, "ascii": LENGTH_ASCII, "ebcdic": LENGTH_EBCDIC,
    "bcd": LENGTH_BCD, "binary": LENGTH_BINARY,
}
_MTI_FORM = {"ascii": AS_ASCII, "ebcdic": AS_EBCDIC, "bcd": AS_BYTES}
_BITMAP_FORM = {"hex-ascii": AS_ASCII, "hex-ebcdic": AS_EBCDIC, "binary": AS_BYTES}
_BITMAP_NUMBERS = frozenset({1, 65})

cdef const Charset* charset_named(str name) except NULL:
    if name == "ascii":
        return &ASCII
    if name == "latin-1":
        return &LATIN1
    if name == "cp500":
        return &CP500
    if name == "cp037":
        return &CP037
    raise ValueError(f"unknown charset {name!r}")

cdef int compile_rule(Rule* rule, int de, field) except -1:
    """One `codec.spec.Field` into a rule; ValueError where it contradicts itself."""
    if de in _BITMAP_NUMBERS or not 2 <= de < FIELD_LIMIT:
        raise ValueError(f"field {de}: the number belongs to a bitmap or lies outside 2 to 192")
    largest = {
        LENGTH_ASCII: 10 ** field.length_bytes - 1, LENGTH_EBCDIC: 10 ** field.length_bytes - 1,
        LENGTH_BCD: 100 ** field.length_bytes - 1, LENGTH_BINARY: 256 ** field.length_bytes - 1,
    }
    rule.content = _CONTENT[field.content]
    rule.length_form = _LENGTH_FORM[field.length_form]
    rule.length_bytes = field.length_bytes
    rule.length_counts_bytes = field.counts == "bytes" and rule.content >= DIGITS
    rule.pad_left = field.pad == "left"
    rule.charset = charset_named(field.charset)
    if (rule.length_form == FIXED) != (field.length_bytes == 0):
        raise ValueError(f"field {de}: length_bytes must be 0 exactly when length_form is fixed")
    if not 0 < field.length <= FRAME_BYTES_MAX:
        raise ValueError(f"field {de}: length must be within 1 and {FRAME_BYTES_MAX}")
    if rule.length_counts_bytes and field.length & 1:
        raise ValueError(f"field {de}: length must be even where the wire counts bytes")
    rule.maximum = field.length
    if rule.length_form != FIXED and field.length > largest[rule.length_form]:
        raise ValueError(f"field {de}: a length of {field.length} does not fit its length_bytes")
    return 0


def check_elements(de, form, field):
    """ValueError where a field cannot be made of such elements."""
    if field is None:
        raise ValueError(f"field {de}: it has elements, but the dialect has no such field")
    if form.tag < 0 or form.skip < 0 or (form.length > 0) != (form.tag > 0):
        raise ValueError(f"field {de}: elements need a tag and a length of 1 character or more")
    if form.tag == 0 and (field.content not in ("text", "binary") or form.skip):
        raise ValueError(f"field {de}: BER-TLV needs a field of bytes or of hex text")
    for tag in form.constructed | form.hidden:
        if form.tag and len(tag) != form.tag:
            raise ValueError(f"field {de}: tag {tag!r} does not have {form.tag} characters")


@cython.final
cdef class Dialect:
    """How messages are laid out in bytes.  Immutable.

    `fields` maps numbers to `codec.spec.Field`; `header` is what stands before the MTI, its length
    is fixed; `subfields` names stretches of values, so that `m["60.2"]` works; `sensitive` are
    the fields that are never shown, `codec.mask.SENSITIVE_FIELDS` and what the dialect adds;
    `elements` tells which fields are made of elements, so that `m["55.9F26"]` works.
    """

    def __cinit__(self, str name not None, fields, *, str mti="ascii", str bitmap="hex-ascii",
                 bytes header=b"", subfields=None, sensitive=frozenset(), elements=None):
        memset(&self.layout, 0, sizeof(Layout))
        self.indexes = [None] * INDEXES
        self.name = name
        self.header = header
        self.fields = MappingProxyType(dict(sorted(fields.items())))
        self.subfields = MappingProxyType(dict(subfields or {}))
        self.elements = MappingProxyType(dict(elements or {}))
        hiding = {de for de, form in self.elements.items() if form.hidden}
        self.sensitive = _mask.SENSITIVE_FIELDS | frozenset(sensitive) | hiding
        self.layout.header_bytes = len(header)
        self.layout.mti_form = _MTI_FORM[mti]
        self.layout.bitmap_form = _BITMAP_FORM[bitmap]
        self.layout.mti_bytes = 2 if self.layout.mti_form == AS_BYTES else 4
        self.layout.bitmap_bytes = 8 if self.layout.bitmap_form == AS_BYTES else 16
        self.layout.bitmap_charset = &CP500 if self.layout.bitmap_form == AS_EBCDIC else &ASCII
        for byte in range(256):
            self.layout.bitmap_digits[byte] = hex_value(self.layout.bitmap_charset.decode[byte])
        for de, field in fields.items():
            compile_rule(&self.layout.rules[de] if 0 <= de < FIELD_LIMIT else NULL, de, field)
        for de, form in self.elements.items():
            check_elements(de, form, self.fields.get(de))

    @property
    def header_bytes(self):
        """How many bytes stand before the MTI."""
        return self.layout.header_bytes

    def masked(self, int de, str value not None):
        """`value` of field `de` as a person may see it."""
        if de in self.sensitive:
            return _mask.hidden(value)
        # Card numbers hide in free text, not among digits whose every place is named, always.
        parts = self.subfields.get(de)
        if parts and self.layout.rules[de].content == DIGITS and not parts[0].whole:
            return value
        return _mask.value(de, value)

    def __repr__(self):
        return f"<Dialect {self.name}>"

    cdef str field_name(self, int de):
        field = self.fields.get(de)
        return "" if field is None else field.name

    cdef object error(self, const Fault* fault):
        """The FrameError that tells of `fault`."""
        where = {IN_HEADER: "header", IN_MTI: "MTI", IN_BITMAP: "bitmap", IN_FRAME: None}
        field = where.get(fault.field, fault.field)
        name = self.field_name(fault.field) if fault.field > 0 else ""
        content = self.layout.rules[fault.field].content if fault.field > 0 else UNDEFINED
        return FrameError(fault_text(fault, content), field, fault.offset, name)


cdef str fault_text(const Fault* fault, int content):
    """What was expected and found, by kind and never by value."""
    expected, found = fault.expected, fault.found
    units = {TEXT: "characters", BINARY: "bytes"}.get(content, "digits")
    if fault.kind == TRUNCATED:
        return f"expected {expected} bytes, found {found}"
    if fault.kind == BAD_MTI:
        return "expected 4 decimal digits, found another byte"
    if fault.kind == BAD_BITMAP:
        return "expected 16 hex digits, found another byte"
    if fault.kind == BAD_LENGTH:
        return f"expected a decimal length of {expected} bytes, found another byte"
    if fault.kind == TOO_LONG:
        return f"expected at most {expected} {units}, found a length of {found}"
    if fault.kind == BAD_CONTENT:
        kind = "decimal digits" if content == DIGITS else "ASCII characters"
        return f"expected {kind}, found another byte"
    if fault.kind == NOT_DEFINED:
        return "the bitmap announces it, but the dialect has no such field"
    return f"expected the end of the frame, found {found} more bytes"
