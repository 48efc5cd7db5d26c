"""The table of what is kept beside charges: the newest version of each key.

Written with the batch that it belongs to, within its transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.journal.port import OutOfStepError
from routing.effects import Kept
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import apsw

_INSERT: Final = (
    "INSERT INTO kept (data, at, epoch, version, kind, key) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_UPDATE: Final = (
    "UPDATE kept SET data = ?, at = ?, epoch = ?, version = ?"
    " WHERE kind = ? AND key = ? AND version = ?"
)
_DELETE: Final = "DELETE FROM kept WHERE kind = ? AND key = ? AND version = ?"
_SELECT: Final = "SELECT epoch, at, kind, key, version, data FROM kept"

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class Versions:
    """Of all that is kept, by kind and key: what may come next is known before it is written."""

    def __init__(self, records: Sequence[Kept] = ()) -> None:
        self._of = {(str(each.kind), each.key): each.version for each in records}

    def next(self, records: Sequence[Kept]) -> dict[tuple[str, str], int]:
        """The versions once `records` are written.  Raises OutOfStepError."""
        versions: dict[tuple[str, str], int] = {}
        for each in records:
            which = (str(each.kind), each.key)
            before = versions.get(which, self._of.get(which, 0))
            if each.version != before + 1:
                message = f"{each.kind}: version {each.version - 1} of a key is not what"
                raise OutOfStepError(f"{message} the journal holds")
            versions[which] = 0 if each.data is None else each.version
        return versions

    def took(self, versions: dict[tuple[str, str], int]) -> None:
        """These are durable."""
        self._of |= versions


def write(db: apsw.Connection, records: Sequence[Kept]) -> None:
    """Write each record over the version before it.  Raises OutOfStepError."""
    for each in records:
        before = each.version - 1
        if each.data is None:
            db.execute(_DELETE, (each.kind, each.key, before))
        else:
            values = (_encode(each.data).decode(), each.at, each.epoch, each.version)
            if before:
                db.execute(_UPDATE, (*values, each.kind, each.key, before))
            else:
                db.execute(_INSERT, (*values, each.kind, each.key))
        if db.changes() != 1:
            message = f"{each.kind}: version {before} of a key is not what the journal holds"
            raise OutOfStepError(message)


def everything(db: apsw.Connection) -> Iterator[Kept]:
    """All that is kept, by kind and key."""
    for row in db.execute(f"{_SELECT} ORDER BY kind, key"):
        yield _kept(row)


def of_kind(db: apsw.Connection, kind: KeptKind) -> Iterator[Kept]:
    """What is kept of one kind, by key."""
    for row in db.execute(f"{_SELECT} WHERE kind = ? ORDER BY key", (kind,)):
        yield _kept(row)


def _kept(row: Sequence[Any]) -> Kept:
    epoch, at, kind, key, version, data = row
    return Kept(epoch, at, KeptKind(kind), key, version, _decode(data))
