"""How SQLite gets memory, for all connections of this process; set before there is the first.

By its defaults SQLite counts every byte under a lock, for statistics that nobody reads here, and
has so little set aside for each connection that three statements kept ready use it up: then each
value that is bound is one more call of `malloc`.
"""

from __future__ import annotations

from typing import Final

import apsw

_SLOT_BYTES: Final = 1_200
_SLOTS: Final = 400
"""Half a megabyte for each connection; SQLite makes smaller slots of some of them."""
CACHE_KIB: Final = 4_096
"""Pages that the connection which writes keeps: those of some hundred terminals, as each charge
looks for its identity in a page of its terminal's.  No more, as SQLite goes over all that it keeps
at nearly every commit: 16 MiB cost a charge 3 µs where 32 charges share a commit, 64 MiB 7."""
LARGE_PAGES: Final = 262_145
"""1 GiB: the number that SQLite gives to a page meanwhile when it sorts others.  Only while that is
past the end of the file does it go over all; of a longer file more can be kept for nothing."""
CACHE_OF_LARGE_KIB: Final = 65_536
"""Of those: the pages of many thousand terminals."""


def cache_kib(pages: int) -> int:
    """How much to keep of a file with so many pages."""
    return CACHE_OF_LARGE_KIB if pages > LARGE_PAGES else CACHE_KIB


def prepare() -> None:
    """Have it so; where there is a connection already it stays as it is."""
    if apsw.connections():
        return
    apsw.shutdown()
    apsw.config(apsw.SQLITE_CONFIG_MEMSTATUS, False)
    apsw.config(apsw.SQLITE_CONFIG_LOOKASIDE, _SLOT_BYTES, _SLOTS)
    apsw.initialize()
