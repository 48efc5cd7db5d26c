"""A commit's rows as the payload of a frame of the redo log, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.journal.redo import HEAD_BYTES, DamagedError
from gateway.journal.rows import EPOCH_OF_MOVED, EPOCH_OF_OPENED
from gateway.journal.unapplied import Unapplied
from routing.effects import Audited, Kept, Noted
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Others = tuple["Sequence[Noted]", "Sequence[Kept]", "Sequence[Audited]"]
"""What is written beside charges."""

_json: Final = msgspec.json.Encoder().encode
"""What is said may hold whatever JSON can, and that is what the tables hold of it."""
_read: Final = msgspec.json.Decoder().decode
_pack: Final = msgspec.msgpack.Encoder().encode_into
_unpack: Final = msgspec.msgpack.Decoder(
    tuple[list[Any], list[Any], list[Any], list[Any], list[Any]]
)


def packed(
    opened: Sequence[tuple[Any, ...]], moved: Sequence[tuple[Any, ...]], others: Others
) -> bytearray:
    """A frame for `RedoLog.append`."""
    frame = bytearray(HEAD_BYTES)
    noted, kept, audited = others
    said = (
        [(*each[:-1], _json(each.said)) for each in noted],
        [(*each[:-1], _json(each.data)) for each in kept],
        [(*each[:-1], _json(each.said)) for each in audited],
    )
    _pack((opened, moved, *said), frame, HEAD_BYTES)
    return frame


def unpacked(
    payload: memoryview,
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], Others]:
    """What `packed` was given."""
    opened, moved, noted, kept, audited = _unpack.decode(payload)
    others = (
        [Noted(*(*each[:-1], _read(each[-1]))) for each in noted],
        [_kept(*each[:-1], _read(each[-1])) for each in kept],
        [Audited(*(*each[:-1], _read(each[-1]))) for each in audited],
    )
    return [tuple(each) for each in opened], [tuple(each) for each in moved], others


def _kept(epoch: int, at: float, kind: str, *others: Any) -> Kept:
    return Kept(epoch, at, KeptKind(kind), *others)


def merged(frames: Iterable[memoryview], number: int, lives: set[int]) -> Unapplied:
    """What the frames past commit `number` hold, all of them commits of these `lives`.

    Raises DamagedError.
    """
    left = Unapplied()
    for at, payload in enumerate(frames, number + 1):
        opened, moved, others = unpacked(payload)
        epochs = {row[EPOCH_OF_OPENED] for row in opened} | {row[EPOCH_OF_MOVED] for row in moved}
        if not epochs <= lives:
            message = f"commit {at} is of a life that the tables lack: are they an older copy?"
            raise DamagedError(message)
        left.add(at, opened, moved, others)
    return left
