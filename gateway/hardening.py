"""A process that holds keys leaves no core dump, and other processes of its user can't read it."""

from __future__ import annotations

import ctypes
import os
import resource
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def keep_memory_private() -> None:
    """No core dump of this process from now on, no debugger that isn't root's.

    Both ways: the limit stops dumps to files, `PR_SET_DUMPABLE` those that a program of the system
    collects, which don't heed the limit.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
