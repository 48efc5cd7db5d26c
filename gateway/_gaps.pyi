from contextlib import AbstractContextManager
from typing import Final

GENTLE_PWRITE: Final[int]
"""Where in memory the function lies that writes like the system's `pwrite`: it pauses, if the
thread works in gaps."""
IN_GAPS: Final[AbstractContextManager[None]]
"""What a thread does within this it does in gaps."""
AT_ONCE: Final[AbstractContextManager[None]]
"""Within this whoever works in gaps goes on without pauses."""

def pauses() -> int:
    """How often a thread that works in gaps paused, in this process."""

def gaps_found() -> int:
    """How many of its pauses ended because the turns waited, or somebody hurried."""

def bytes_sent_on() -> int:
    """What such a thread wrote, and put on its way to the disk itself."""
