"""How a person types a component: without echo, and into memory that is wiped."""

from __future__ import annotations

import os
import sys
import termios
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from codec.errors import KeyMaterialError
from codec.keys import Secret, wipe
from gateway.keys.port import CustodyError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHARACTERS_MAX: Final = 256
_LOCAL_FLAGS: Final = 3
_STANDARD_INPUT: Final = 0


def read_component(prompt: str, *, as_text: bool = False) -> Secret:
    """A line typed at a terminal, or of standard input: the key that its hexadecimal digits tell,
    or the line as it is.
    """
    typed = bytearray(_CHARACTERS_MAX)
    try:
        with _without_echo(prompt):
            size = 0
            while size < len(typed):
                count = os.readv(_STANDARD_INPUT, [memoryview(typed)[size:]])
                size += count
                if not count or typed[size - 1] in b"\r\n":
                    break
        digits = _grouped(typed, size)
        return Secret(digits) if as_text else Secret.from_hex(digits)
    except KeyMaterialError as error:
        raise CustodyError(f"the component: {error}") from None
    finally:
        wipe(typed)


def _grouped(typed: bytearray, size: int) -> memoryview:
    """People write components in groups: blanks between digits go out, in place."""
    kept = 0
    for at in range(size):
        if typed[at] not in b" -\r\n":
            typed[kept] = typed[at]
            kept += 1
    return memoryview(typed)[:kept]


@contextmanager
def _without_echo(prompt: str) -> Iterator[None]:
    if not os.isatty(_STANDARD_INPUT):
        yield
        return
    before = termios.tcgetattr(_STANDARD_INPUT)
    silent = termios.tcgetattr(_STANDARD_INPUT)
    silent[_LOCAL_FLAGS] &= ~termios.ECHO
    # Before the prompt: an answer at once is neither seen nor, with what was typed ahead, lost.
    termios.tcsetattr(_STANDARD_INPUT, termios.TCSAFLUSH, silent)
    sys.stderr.write(prompt)
    sys.stderr.flush()
    try:
        yield
    finally:
        termios.tcsetattr(_STANDARD_INPUT, termios.TCSAFLUSH, before)
        sys.stderr.write("\n")
