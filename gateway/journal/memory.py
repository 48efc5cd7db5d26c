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
CACHE_KIB: Final = 65_536
"""Pages of the journal that the connection which writes keeps: SQLite's own 2,000 KiB hold those of
some hundred terminals, and each charge looks for its identity in one."""


def prepare() -> None:
    """Have it so; where there is a connection already it stays as it is."""
    if apsw.connections():
        return
    apsw.shutdown()
    apsw.config(apsw.SQLITE_CONFIG_MEMSTATUS, False)
    apsw.config(apsw.SQLITE_CONFIG_LOOKASIDE, _SLOT_BYTES, _SLOTS)
    apsw.initialize()
