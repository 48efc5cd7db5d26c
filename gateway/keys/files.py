"""Keys in files: hexadecimal digits, read without leaving a copy behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codec.keys import Secret, wipe

if TYPE_CHECKING:
    from pathlib import Path

KEY_FILE_BYTES_MAX: Final = 256


def read_secret(path: Path, *, as_text: bool = False) -> Secret:
    """The key in `path`; OSError, or KeyMaterialError where it holds no key.

    `as_text` takes the text of its one line as it is, where it would be hexadecimal digits
    otherwise.
    """
    digits = bytearray(KEY_FILE_BYTES_MAX)
    try:
        with path.open("rb", buffering=0) as file:
            read = memoryview(digits)[: file.readinto(digits)]
            if not as_text:
                return Secret.from_hex(read)
            return Secret(read[: _end_of_line(digits, len(read))])
    finally:
        wipe(digits)


def _end_of_line(text: bytearray, size: int) -> int:
    return next((at for at in range(size) if text[at] in b"\r\n"), size)
