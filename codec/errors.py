"""What can go wrong between bytes and messages.

    CodecError(ValueError)
    ├── FrameError    bytes that came from outside do not follow the dialect
    └── BuildError    values that we were given cannot be put into a frame

Texts name the field, the offset and what was expected and found *by kind* (a digit, a length, a
number of bytes).  No error holds or shows a value, so that any of them may be logged.
"""

from __future__ import annotations


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
