"""BER-TLV: the elements of chip data (DE 55) and of other fields that are made alike.

Tags are named by upper-case hex, values are bytes; an element whose tag says so (bit 6 of the first
byte) is made of elements itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from codec.errors import BuildError, FrameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CONSTRUCTED: Final = 0x20
_LONG_TAG: Final = 0x1F
_MORE: Final = 0x80
_TAG_BYTES_MAX: Final = 4
_LENGTH_BYTES_MAX: Final = 3
_FILLERS: Final = (0x00, 0xFF)
_SHORT_LENGTH_MAX: Final = 0x7F


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag begins at `offset`, its value at `begin`; a `repr` does not show it."""

    tag: str
    value: bytes
    offset: int
    begin: int

    def __repr__(self) -> str:
        return f"Element({self.tag}, {len(self.value)} bytes at {self.offset})"

    @property
    def constructed(self) -> bool:
        """Whether the value is made of elements."""
        return bool(int(self.tag[:2], 16) & _CONSTRUCTED)


def parse(data: bytes) -> Iterator[Element]:
    """The elements of `data`, in order; FrameError where they end in the middle.

    >>> [element.tag for element in parse(bytes.fromhex("9F2701808202 3900"))]
    ['9F27', '82']
    """
    at = 0
    while at < len(data):
        if data[at] in _FILLERS:
            at += 1
            continue
        start = at
        at = _tag_end(data, at)
        tag = data[start:at].hex().upper()
        length, at = _length(data, at, tag)
        if length > len(data) - at:
            reason = f"expected {length} bytes in element {tag}, found {len(data) - at}"
            raise FrameError(reason, offset=at)
        yield Element(tag, data[at : at + length], start, at)
        at += length


def find(data: bytes, path: str) -> bytes | None:
    """The value at a dotted path of tags, or None; damage behind it does not matter.

    >>> find(bytes.fromhex("70059F36020001"), "70.9F36").hex()
    '0001'
    """
    tag, _, rest = path.partition(".")
    try:
        for element in parse(data):
            if element.tag == tag.upper():
                if not rest:
                    return element.value
                return find(element.value, rest) if element.constructed else None
    except FrameError:
        pass
    return None


def build(elements: Iterable[tuple[str, bytes]]) -> bytes:
    """The bytes of these elements, lengths in their shortest form.

    >>> build([("9F36", b"\\0\\1")]).hex()
    '9f36020001'
    """
    return b"".join(_tag(tag) + _length_of(value) + value for tag, value in elements)


def _tag_end(data: bytes, at: int) -> int:
    start = at
    more = data[at] & _LONG_TAG == _LONG_TAG
    at += 1
    while more:
        if at == len(data) or at - start == _TAG_BYTES_MAX:
            raise FrameError(f"expected a tag of at most {_TAG_BYTES_MAX} bytes", offset=start)
        more = bool(data[at] & _MORE)
        at += 1
    return at


def _length(data: bytes, at: int, tag: str) -> tuple[int, int]:
    """The length that stands at `at`, and where the value begins."""
    if at == len(data):
        raise FrameError(f"expected a length of element {tag}, found the end", offset=at)
    first = data[at]
    if first <= _SHORT_LENGTH_MAX:
        return first, at + 1
    width = first & _SHORT_LENGTH_MAX
    if not 1 <= width <= _LENGTH_BYTES_MAX or width > len(data) - at - 1:
        raise FrameError(f"expected a length of element {tag}, found another byte", offset=at)
    return int.from_bytes(data[at + 1 : at + 1 + width], "big"), at + 1 + width


def _tag(tag: str) -> bytes:
    try:
        raw = bytes.fromhex(tag)
    except ValueError:
        raise BuildError("expected a tag in hex digits") from None
    try:
        whole = bool(raw) and raw[0] not in _FILLERS and _tag_end(raw, 0) == len(raw)
    except FrameError:
        whole = False
    if not whole:
        raise BuildError("expected one whole tag")
    return raw


def _length_of(value: bytes) -> bytes:
    if len(value) <= _SHORT_LENGTH_MAX:
        return bytes([len(value)])
    width = (len(value).bit_length() + 7) // 8
    if width > _LENGTH_BYTES_MAX:
        raise BuildError(f"expected a value of less than 16777216 bytes, found {len(value)}")
    return bytes([_MORE | width]) + len(value).to_bytes(width, "big")
