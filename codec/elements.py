"""Fields that are made of elements: chip data (DE 55), private data (DE 48), as a dialect has them.

Here values are what `Message` gives: text, or hex where the field holds bytes.  BER-TLV itself is
read in `codec.tlv`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from codec import tlv
from codec.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codec.spec import Elements

_HEX: Final = frozenset("0123456789ABCDEFabcdef")


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a field; a `repr` does not show its value.

    `offset` counts from the start of what it was read from: characters of `value`, its tag first.
    `begin` is where the value begins.
    """

    tag: str
    value: str
    offset: int
    begin: int
    constructed: bool

    def __repr__(self) -> str:
        return f"Element({self.tag}, {len(self.value)} characters at {self.offset})"

    def named(self, tag: str) -> bool:
        """Whether this is its tag, hex digits in either case."""
        return self.tag == tag or self.tag == tag.upper()


def parse(value: str, form: Elements, *, nested: bool = False) -> Iterator[Element]:
    """The elements of a field's value, in order; FrameError, its offset in characters of `value`.

    >>> from codec.spec import Elements
    >>> [e.tag for e in parse("T0102AB420301X", Elements(tag=2, length=2, skip=1))]
    ['01', '42']
    """
    if form.tag:
        yield from _tagged(value, form, 0 if nested else form.skip)
    else:
        yield from _ber(value)


def find(value: str, form: Elements, path: str) -> Element | None:
    """The element at a dotted path of tags, its offsets in the whole `value`; None if it lacks.

    FrameError where damage lies before it; damage behind it does not matter.
    """
    base = 0
    found: Element | None = None
    for tag in path.split("."):
        if found is not None and not found.constructed:
            return None
        inner, nested = (value, False) if found is None else (found.value, True)
        base = base if found is None else base + found.begin
        try:
            found = next((e for e in parse(inner, form, nested=nested) if e.named(tag)), None)
        except FrameError as error:
            raise FrameError(error.reason, offset=base + (error.offset or 0)) from None
        if found is None:
            return None
    return found and replace(found, offset=base + found.offset, begin=base + found.begin)


def _tagged(value: str, form: Elements, at: int) -> Iterator[Element]:
    head = form.tag + form.length
    while at < len(value):
        if len(value) - at < head:
            reason = f"expected a tag and length of {head} characters, found {len(value) - at}"
            raise FrameError(reason, offset=at)
        tag, digits = value[at : at + form.tag], value[at + form.tag : at + head]
        if not (digits.isascii() and digits.isdecimal()):
            reason = "expected the decimal length of an element, found another character"
            raise FrameError(reason, offset=at + form.tag)
        length, begin = int(digits), at + head
        if length > len(value) - begin:
            reason = f"expected {length} characters of an element, found {len(value) - begin}"
            raise FrameError(reason, offset=begin)
        yield Element(tag, value[begin : begin + length], at, begin, tag in form.constructed)
        at = begin + length


def _ber(value: str) -> Iterator[Element]:
    data = _bytes_of(value)
    try:
        for element in tlv.parse(data):
            yield Element(
                element.tag,
                element.value.hex().upper(),
                2 * element.offset,
                2 * element.begin,
                element.constructed,
            )
    except FrameError as error:
        raise FrameError(error.reason, offset=2 * (error.offset or 0)) from None


def _bytes_of(digits: str) -> bytes:
    wrong = next((at for at, digit in enumerate(digits) if digit not in _HEX), None)
    if wrong is not None:
        raise FrameError("expected hex digits, found another character", offset=wrong)
    if len(digits) % 2:
        raise FrameError("expected whole bytes, found half of one", offset=len(digits) - 1)
    return bytes.fromhex(digits)
