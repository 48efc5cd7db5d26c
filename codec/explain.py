"""A frame told field by field, for people: names, offsets, masked values, and what went wrong.

Reads on until the first fault and then guesses what lied.  Not for the hot path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from codec import mask
from codec._wire import scan
from codec.elements import parse
from codec.errors import FrameError
from codec.spec import parts_of

if TYPE_CHECKING:
    from codec._layout import Dialect
    from codec._wire import Message
    from codec.elements import Element
    from codec.spec import Elements, SubField

_FRAME_BYTES_MIN: Final = 10
_TPDU_BYTES: Final = 5
_TPDU_ID: Final = 0x60
_MTI_FIRST_BYTES: Final = (0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x08)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an explanation; `offset` and `length` count bytes, `text` is masked."""

    field: str
    name: str
    offset: int
    length: int
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A frame as far as it could be read; `error` says where that ended, `hint` why perhaps."""

    mti: str
    header: bytes
    lines: tuple[Line, ...]
    error: FrameError | None
    hint: str | None


def explain(frame: bytes, dialect: Dialect) -> Explanation:
    """Tell `frame` (without its length header) field by field, by `dialect`.

    >>> from codec.dialects import dialect
    >>> told = explain(b"0800" + b"8220000000000000" + b"0400000000000000", dialect("iso87-ascii"))
    >>> told.error.field, told.error.offset
    (7, 36)
    """
    message, error = scan(frame, dialect)
    fields = message.fields() if message else ()
    return Explanation(
        mti=message.mti if message else "",
        header=frame[: dialect.header_bytes],
        lines=tuple(line for de in fields for line in _lines(message, de)) if message else (),
        error=error,
        hint=None if error is None else _hint(frame, dialect, fields, error),
    )


def _lines(message: Message, de: int) -> list[Line]:
    offset, length = message.span(de)
    dialect, value = message.dialect, message[de]
    lines = [Line(str(de), dialect.fields[de].name, offset, length, dialect.masked(de, value))]
    for number, part in enumerate(parts_of(dialect.subfields.get(de, ()), value), 1):
        text = part.of(value)
        if text and de not in dialect.sensitive:
            lines.append(_part(message, de, number, part, text))
    if de in dialect.elements:
        lines += _elements(message, de, value)
    return lines


def _part(message: Message, de: int, number: int, part: SubField, text: str) -> Line:
    begin = message.offset_of(de, part.start)
    end = message.offset_of(de, part.start + len(text) - 1) + 1
    shown = mask.text(text) if part.length == 0 else mask.printable(text)
    return Line(f"{de}.{number}", part.name, begin, end - begin, shown)


def _elements(message: Message, de: int, value: str) -> list[Line]:
    """The elements of a field that is made of them, as far as it is."""
    form = message.dialect.elements[de]
    lines = []
    try:
        for element in parse(value, form):
            shown = _shown(element, form)
            begin = message.offset_of(de, element.offset)
            end = message.offset_of(de, element.begin + len(element.value))
            lines.append(Line(f"{de}.{element.tag}", "", begin, end - begin, shown))
    except FrameError as error:
        begin = message.offset_of(de, error.offset or 0)
        lines.append(Line(f"{de}.?", "", begin, 0, error.reason))
    return lines


def _shown(element: Element, form: Elements) -> str:
    if element.tag in form.hidden:
        return mask.hidden(element.value)
    if element.constructed:
        units = "characters" if form.tag else "hex digits"
        return f"<{len(element.value)} {units} of elements>"
    return mask.text(element.value) if form.tag else mask.tag(element.tag, element.value)


# ---- Who lied -----------------------------------------------------------------------------------


def _hint(frame: bytes, dialect: Dialect, fields: tuple[int, ...], error: FrameError) -> str | None:
    """The likeliest cause of `error`: the framing first, then the field that misled the reader."""
    return _framing_hint(frame, dialect, error) or _field_hint(dialect, fields, error)


def _framing_hint(frame: bytes, dialect: Dialect, error: FrameError) -> str | None:
    if len(frame) < _FRAME_BYTES_MIN:
        return "the frame is too short for any message: it was probably cut"
    if int.from_bytes(frame[:2], "big") == len(frame) - 2:
        return "the first two bytes are a length header: give the frame without it"
    if frame[:4].isdigit() and int(frame[:4]) in (len(frame), len(frame) - 4):
        return "the first four bytes are a length header in ASCII digits"
    hint = _header_hint(frame) if dialect.header_bytes else _plain_hint(frame, error)
    if hint is None and error.field in ("MTI", "bitmap", "header"):
        return "the frame does not begin as this dialect does: another dialect, or an extra header"
    return hint


def _header_hint(frame: bytes) -> str | None:
    """What is wrong before the MTI, where the dialect has a TPDU and a header."""
    if frame[0] in _MTI_FIRST_BYTES:
        return "the frame begins with a message type: TPDU and header are missing"
    if frame[:4].isdigit():
        return "the frame is ASCII text: this is another dialect"
    if frame[0] == _TPDU_ID and frame[_TPDU_BYTES] in _MTI_FIRST_BYTES:
        return "a message type follows the TPDU: the header after it is missing"
    return None


def _plain_hint(frame: bytes, error: FrameError) -> str | None:
    """The same where the MTI comes first."""
    if frame[0] == _TPDU_ID:
        return "the frame begins with a TPDU, which this dialect does not have"
    if error.field == "bitmap" and frame[:4].isdigit():
        return "the bitmap is binary where the dialect has hex characters"
    return None


def _is_variable(dialect: Dialect, de: int) -> bool:
    return de in dialect.fields and dialect.fields[de].length_form != "fixed"


def _field_hint(dialect: Dialect, fields: tuple[int, ...], error: FrameError) -> str | None:
    """The last variable field up to the fault: its length moves everything after it."""
    variable = [de for de in fields if _is_variable(dialect, de)]
    before = f"field {variable[-1]}, the last of variable length before it" if variable else ""
    if isinstance(error.field, int) and _is_variable(dialect, error.field):
        others = f", or the length of {before}" if before else ""
        return f"the frame was cut, or the length of field {error.field} lies{others}"
    if before:
        return f"the length of {before}, may lie"
    if isinstance(error.field, int):
        return "no variable field precedes it: the bitmap probably announces a field that is absent"
    return "all fields were read: the bitmap probably lacks a field"
