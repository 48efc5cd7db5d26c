"""Has SQLite write through a function that pauses where its thread works in gaps: see `_gaps`.

A commit or a checkpoint is one call, and writes for milliseconds.
"""

from __future__ import annotations

from typing import Final

import apsw

from gateway._gaps import GENTLE_PWRITE

_NAMES: Final = ("pwrite64", "pwrite")
"""What the function to replace is called: by how SQLite was built there is one of them, or none."""


class _System(apsw.VFS):
    """The system's file layer, by a name of ours."""

    def __init__(self) -> None:
        super().__init__("isogate", base="unix")


def prepare() -> bool:
    """Have it so, for all connections of this process; whether there was such a function."""
    system = _System()
    try:
        used = [name for name in _NAMES if system.xGetSystemCall(name) is not None]
        return any(system.xSetSystemCall(name, GENTLE_PWRITE) for name in used)
    finally:
        system.unregister()
