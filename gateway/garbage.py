"""Python's collector of cycles, set for a process that holds very many charges and makes no cycles.

What the hot path makes is freed by its reference count; the collector finds nothing there, but by
its defaults it would look through every charge in memory again and again: a sixth of all the time,
and pauses that grow with the memory.  Cycles come from errors and tasks, which are few.
"""

from __future__ import annotations

import gc
from typing import Final

YOUNG_OBJECTS: Final = 20_000
"""New containers before the youngest are looked through: about a millisecond."""
_MIDDLE: Final = 20
_OLD: Final = 50


def look_seldom() -> None:
    """From now on; what there is already is for ever."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, _MIDDLE, _OLD)
