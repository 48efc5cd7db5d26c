"""What can go wrong between bytes and messages.

    CodecError(ValueError)
    ├── FrameError        bytes that came from outside do not follow the dialect
    ├── BuildError        values that we were given cannot be put into a frame
    ├── KeyMaterialError  what is given as a key cannot be one
    ├── KeyBlockError     working keys or a key block that cannot be read or does not verify
    ├── PinBlockError     a PIN block that is not of its format
    └── DialectError      a specification file that makes no sense

    DecodeError(ValueError), EncodeError(ValueError)    what `decode` and `encode` raise

Texts name the field, the offset and what was expected and found *by kind* (a digit, a length, a
number of bytes).  No error shows a value, so that any of them may be logged.  The last two carry
what was decoded so far, because pyiso8583's do: they are for users of these two functions, and
nothing in this project catches or raises them elsewhere.
"""

from __future__ import annotations

from typing import TypeAlias

Decoded: TypeAlias = dict[str, str]
Encoded: TypeAlias = dict[str, dict[str, bytes]]


def field_text(field: int | str | None, name: str) -> str:
    """How an error text calls a field: `field 35 (Track 2 Data)`, `MTI`, `header`."""
    if isinstance(field, int):
        return f"field {field} ({name})" if name else f"field {field}"
    return field or "frame"


class CodecError(ValueError):
    """Bytes or values that are not ISO 8583 as the dialect has it."""


class FrameError(CodecError):
    """Bytes do not follow the dialect.

    `field` is a field number, or `"header"`, `"MTI"`, `"bitmap"`, or None for the frame as a whole;
    `offset` counts bytes from the start of the frame; `reason` says what was expected and found.
    """

    def __init__(
        self, reason: str, field: int | str | None = None, offset: int | None = None, name: str = ""
    ) -> None:
        where = "" if offset is None else f", offset {offset}"
        super().__init__(f"{field_text(field, name)}{where}: {reason}")
        self.reason = reason
        self.field = field
        self.offset = offset
        self.name = name

    def __reduce__(self) -> tuple[type[FrameError], tuple[str, int | str | None, int | None, str]]:
        return type(self), (self.reason, self.field, self.offset, self.name)


class BuildError(CodecError):
    """A value does not fit its field; `field` as in `FrameError`, `reason` without the value."""

    def __init__(self, reason: str, field: int | str | None = None, name: str = "") -> None:
        super().__init__(f"{field_text(field, name)}: {reason}")
        self.reason = reason
        self.field = field
        self.name = name

    def __reduce__(self) -> tuple[type[BuildError], tuple[str, int | str | None, str]]:
        return type(self), (self.reason, self.field, self.name)


class KeyMaterialError(CodecError):
    """Not hexadecimal digits, or not as many bytes as the algorithm takes; nothing of it shows."""


class KeyBlockError(CodecError):
    """Working keys that cannot be used.  The text names the key by its role alone."""


class PinBlockError(CodecError):
    """A PIN block, or what one is to be made of, that is not of its format; nothing of it shows."""


class DialectError(CodecError):
    """A specification file that makes no sense; the text begins with the place in the file."""


class DecodeError(ValueError):
    """pyiso8583's DecodeError without `s`, the whole message.

    `doc_dec` and `doc_enc` hold what was decoded until then; no text shows them.
    """

    def __init__(self, msg: str, doc_dec: Decoded, doc_enc: Encoded, pos: int, field: str) -> None:
        super().__init__(f"{msg}: field {field} pos {pos}")
        self.msg = msg
        self.doc_dec = doc_dec
        self.doc_enc = doc_enc
        self.pos = pos
        self.field = field

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str, Decoded, Encoded, int, str]]:
        return type(self), (self.msg, self.doc_dec, self.doc_enc, self.pos, self.field)


class EncodeError(ValueError):
    """pyiso8583's EncodeError; `doc_dec` is what was to be encoded, and no text shows it."""

    def __init__(self, msg: str, doc_dec: Decoded, doc_enc: Encoded, field: str) -> None:
        super().__init__(f"{msg}: field {field}")
        self.msg = msg
        self.doc_dec = doc_dec
        self.doc_enc = doc_enc
        self.field = field

    def __reduce__(self) -> tuple[type[EncodeError], tuple[str, Decoded, Encoded, str]]:
        return type(self), (self.msg, self.doc_dec, self.doc_enc, self.field)
