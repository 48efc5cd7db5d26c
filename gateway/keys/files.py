"""Keys in files: hexadecimal digits, read without leaving a copy behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codec.keys import Secret, wipe

if TYPE_CHECKING:
    from pathlib import Path

KEY_FILE_BYTES_MAX: Final = 256


def read_secret(path: Path) -> Secret:
    """The key in `path`; OSError, or KeyMaterialError where it holds no key."""
    digits = bytearray(KEY_FILE_BYTES_MAX)
    try:
        with path.open("rb", buffering=0) as file:
            return Secret.from_hex(memoryview(digits)[: file.readinto(digits)])
    finally:
        wipe(digits)
