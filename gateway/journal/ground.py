"""What a journal stands on: files, chance, and how much gathers before it is dealt with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from gateway.journal.identities import RUN
from gateway.journal.redo import FILE_BYTES, SystemFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.journal.redo import File


class Ground(NamedTuple):
    """What a journal stands on and how much it gathers; the simulator's and tests' is another."""

    vfs: str = ""
    """SQLite's file layer, which need not share memory with readers; '': the system's."""
    open_file: Callable[[Path], File] = SystemFile
    """For the redo log."""
    file_bytes: int = FILE_BYTES
    entropy: Callable[[int], bytes] = os.urandom
    """Makes salts."""
    run: int = RUN
    """Identities that are gathered."""
    apply_each: int = 1
    """Commits that wait for the tables, where no thread is beside."""
