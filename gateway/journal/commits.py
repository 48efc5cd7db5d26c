"""A commit's rows as the payload of a frame of the redo log, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.journal.redo import HEAD_BYTES
from routing.effects import Audited, Kept, Noted
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from collections.abc import Sequence

Others = tuple["Sequence[Noted]", "Sequence[Kept]", "Sequence[Audited]"]
"""What is written beside charges."""

_pack: Final = msgspec.msgpack.Encoder().encode_into
_unpack: Final = msgspec.msgpack.Decoder(
    tuple[list[Any], list[Any], list[Any], list[Any], list[Any]]
)


def packed(
    opened: Sequence[tuple[Any, ...]], moved: Sequence[tuple[Any, ...]], others: Others
) -> bytearray:
    """A frame for `RedoLog.append`."""
    frame = bytearray(HEAD_BYTES)
    _pack((opened, moved, *others), frame, HEAD_BYTES)
    return frame


def unpacked(
    payload: memoryview,
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], Others]:
    """What `packed` was given."""
    opened, moved, noted, kept, audited = _unpack.decode(payload)
    others = (
        [Noted(*each) for each in noted],
        [Kept(epoch, at, KeptKind(kind), *rest) for epoch, at, kind, *rest in kept],
        [Audited(*each) for each in audited],
    )
    return [tuple(each) for each in opened], [tuple(each) for each in moved], others
