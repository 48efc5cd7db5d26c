"""One process at a time may write to a journal: a lock on `<path>.lock` says who."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING, Final

from gateway.journal.port import JournalError

if TYPE_CHECKING:
    from pathlib import Path

LOOKS_OF_A_GATEWAY: Final = 50
"""It waits a second for a reader that takes in what the last life left."""
_LOOK_AGAIN_S: Final = 0.02


class LockedError(JournalError):
    """Another process writes to this journal."""


def locked(path: Path, looks: int = 1) -> int:
    """The descriptor that holds the lock of the journal at `path`.  Raises LockedError."""
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    for look in range(looks):
        if look:
            Event().wait(_LOOK_AGAIN_S)
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
    os.close(lock)
    message = f"journal.path {path}: another process writes to this journal"
    raise LockedError(message)
