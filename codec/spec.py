"""How a dialect is written down: one `Field` per field number.  Data only.

A field is a composition: what its content is, how its length is told, what that length counts.
`codec.Dialect` checks a table of these and compiles it into C structs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Content = Literal["text", "binary", "digits", "track"]
"""text: characters; binary: bytes, upper-case hex as values; digits: BCD; track: BCD, D is =."""
Charset = Literal["ascii", "latin-1", "cp500", "cp037"]
LengthForm = Literal["fixed", "ascii", "ebcdic", "bcd", "binary"]
Counts = Literal["units", "bytes"]
Pad = Literal["left", "right"]

FIELD_MAX: Final = 192
"""The last field number that a tertiary bitmap can name."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a dialect.

    `length` is exact when `length_form` is fixed and the maximum otherwise; it counts characters of
    a text, bytes of a binary, digits of BCD.  `length_bytes` is the width of the length on the
    wire.  `counts` says what the length on the wire counts: the same units, or bytes even for BCD.
    `pad` is where the spare half byte of an odd number of digits lies.
    """

    name: str
    content: Content
    length: int
    length_form: LengthForm = "fixed"
    length_bytes: int = 0
    charset: Charset = "ascii"
    counts: Counts = "units"
    pad: Pad = "right"


@dataclass(frozen=True, slots=True)
class SubField:
    """A named stretch of a field's value: `length` characters from `start`, or all of them if 0.

    With `whole` it is a part of values of so many characters only.
    """

    name: str
    start: int
    length: int
    whole: int = 0

    def of(self, value: str) -> str | None:
        """This stretch of `value`; None where the value ends before it does."""
        end = self.start + self.length if self.length else max(len(value), self.start + 1)
        return value[self.start : end] if end <= len(value) else None


@dataclass(frozen=True, slots=True)
class Elements:
    """That a field is made of elements, each a tag, a length and a value.

    BER-TLV where `tag` is 0.  Otherwise tags are `tag` characters and lengths `length` decimal
    digits that count characters; the first element begins after `skip` characters.  Values of
    `constructed` tags are elements of the same form (BER-TLV's tags say so themselves), those of
    `hidden` tags are never shown, nor is then the field as a whole.
    """

    tag: int = 0
    length: int = 0
    skip: int = 0
    constructed: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()


BER_TLV: Final = Elements()


def subfields(*parts: tuple[str, int], whole: int = 0) -> tuple[SubField, ...]:
    """Adjoining sub-fields given as (name, length); the last one's may be 0, for all that is left.

    >>> [s.start for s in subfields(("type", 2), ("batch", 6), ("code", 3))]
    [0, 2, 8]
    """
    starts = [sum(length for _, length in parts[:i]) for i in range(len(parts))]
    return tuple(SubField(name, at, n, whole) for at, (name, n) in zip(starts, parts, strict=True))


def parts_of(parts: tuple[SubField, ...], value: str) -> tuple[SubField, ...]:
    """Those of the sub-fields that a value of this length has."""
    return tuple(part for part in parts if part.whole in (0, len(value)))
