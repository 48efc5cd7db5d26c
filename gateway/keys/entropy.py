"""Random bytes, written into memory that can be wiped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

Fill: TypeAlias = Callable[[bytearray], object]
"""Fills all of the memory that it is given with random bytes."""

_SOURCE: Final = Path("/dev/urandom")


def from_system(memory: bytearray) -> None:
    """Random bytes of the system's."""
    with _SOURCE.open("rb", buffering=0) as source:
        at = 0
        while at < len(memory):
            at += source.readinto(memoryview(memory)[at:]) or 0


def drawn(fill: Fill, size: int) -> bytes:
    """So many random bytes of which none is secret."""
    memory = bytearray(size)
    fill(memory)
    return bytes(memory)
