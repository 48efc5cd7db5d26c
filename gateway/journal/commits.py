"""A commit's records as the payload of a frame of the redo log, and what comes of it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.journal._merged import lives_and_others
from gateway.journal._payload import Payload
from gateway.journal.identities import identified
from gateway.journal.redo import HEAD_BYTES, DamagedError
from gateway.journal.rows import put_opened
from gateway.journal.unapplied import Unapplied
from routing.effects import Audited, Kept, Noted
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.journal.redo import RedoLog
    from gateway.journal.rows import Sorted, Written
    from gateway.journal.tables import Tables
    from gateway.journal.vault import Vault

Others = tuple["Sequence[Noted]", "Sequence[Kept]", "Sequence[Audited]"]
"""What is written beside charges."""

_json: Final = msgspec.json.Encoder().encode
"""What is said may hold whatever JSON can, and that is what the tables hold of it."""
_read: Final = msgspec.json.Decoder().decode
_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(tuple[list[Any], list[Any], list[Any]]).decode


def packed(batch: Sorted, vault: Vault, written: Written) -> bytearray:
    """A frame for `RedoLog.append`."""
    to = Payload(HEAD_BYTES, len(batch.opened) + len(batch.moved))
    for record in batch.opened:
        put_opened(to, record, vault)
    written.put(to, batch.moved)
    others = batch.others()
    if any(others):
        to.add_others(_packed_others(*others))
    return to.frame()


def _packed_others(
    noted: Sequence[Noted], kept: Sequence[Kept], audited: Sequence[Audited]
) -> bytes:
    said = (
        [(*each[:-1], _json(each.said)) for each in noted],
        [(*each[:-1], _json(each.data)) for each in kept],
        [(*each[:-1], _json(each.said)) for each in audited],
    )
    return _pack(said)


def _unpacked(said: bytes) -> Others:
    """What `_packed_others` was given."""
    noted, kept, audited = _unpack(said)
    return (
        [Noted(*(*each[:-1], _read(each[-1]))) for each in noted],
        [_kept(*each[:-1], _read(each[-1])) for each in kept],
        [Audited(*(*each[:-1], _read(each[-1]))) for each in audited],
    )


def _kept(epoch: int, at: float, kind: str, *others: Any) -> Kept:
    return Kept(epoch, at, KeptKind(kind), *others)


def merged(frames: Iterable[memoryview], number: int, lives: set[int]) -> Unapplied:
    """What the frames past commit `number` hold, all of them commits of these `lives`.

    Raises DamagedError.
    """
    left = Unapplied()
    for at, payload in enumerate(frames, number + 1):
        epochs, said = lives_and_others(payload)
        if not epochs <= lives:
            message = f"commit {at} is of a life that the tables lack: are they an older copy?"
            raise DamagedError(message)
        left.add(at, payload, _unpacked(said) if said else ((), (), ()))
    return left


def take_in_what_was_left(redo: RedoLog, tables: Tables) -> None:
    """A new life begins: what is in the log and not yet in the tables.  Raises as they do."""
    done, lives = tables.number, {epoch for epoch, _ in tables.salts()}
    left = merged(redo.frames_after(done), done, lives)
    if left.number:
        tables.apply(left, left.late_for(identified(tables.db)), [])
    redo.in_tables(redo.number)
