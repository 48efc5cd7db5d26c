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
CACHE_KIB: Final = 16_384
"""Pages of the journal that the connection which writes keeps.  Each charge looks for its identity in
a page of its terminal's, and SQLite's own 2,000 KiB hold those of some hundred terminals only.  Yet
as long as the file is smaller than 1 GiB, SQLite goes over all pages that it keeps at nearly every
commit: 64 MiB cost a charge 7 µs where 32 share a commit, these none that can be measured."""


def prepare() -> None:
    """Have it so; where there is a connection already it stays as it is."""
    if apsw.connections():
        return
    apsw.shutdown()
    apsw.config(apsw.SQLITE_CONFIG_MEMSTATUS, False)
    apsw.config(apsw.SQLITE_CONFIG_LOOKASIDE, _SLOT_BYTES, _SLOTS)
    apsw.initialize()
