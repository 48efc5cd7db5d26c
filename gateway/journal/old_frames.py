"""What an older version of the gateway left in the redo log, as this one's commits.

Its frames hold one MessagePack array: rows of charges that were opened, of their steps, and three
lists of what was written beside.  The values are the same, and so is the JSON in them.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.journal._payload import Payload

_Rows = list[list[Any]]
_read: Final = msgspec.msgpack.Decoder(tuple[_Rows, _Rows, _Rows, _Rows, _Rows]).decode
_pack: Final = msgspec.msgpack.Encoder().encode


def renewed(payload: memoryview) -> memoryview:
    """The payload of an old frame as it would be written now.  Raises what comes of one that no
    gateway wrote.
    """
    opened, moved, *others = _read(payload)
    to = Payload(0, len(opened) + len(moved) + 1)
    for number, identity, host, terminal, batch, sealed, epoch, said in opened:
        to.open_row(number, epoch, identity, host, terminal, batch, sealed)
        to.add_part(said)
        to.end_row()
    for number, epoch, state, at, step, said, is_open in moved:
        to.move_row(number, epoch, at, -1 if is_open is None else is_open, state)
        to.add_part(step)
        to.add_part(said or "")
        to.end_row()
    if any(others):
        to.add_others(_pack(others))
    return memoryview(to.frame())
