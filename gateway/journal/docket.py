"""The docket's table: entries beside the charges, written with the batch that they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from routing.docket import Entry
from routing.effects import Noted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import apsw

_INSERT: Final = (
    "INSERT INTO entry (charge, epoch, at, kind, key, who, said) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (kind, key) WHERE key <> '' DO NOTHING"
)
_SELECT: Final = "SELECT charge, epoch, at, kind, key, who, said FROM entry"
_MEMORY_S: Final = 31 * 86_400.0
"""How far back entries are read that count within a window."""
_MEMORY_MAX: Final = 100_000
_ON_OPEN_CASES: Final = (
    f"{_SELECT} WHERE kind IN ('{Entry.PROPOSED}', '{Entry.WITHDRAWN}',"  # noqa: S608 - names of ours only
    f" '{Entry.DECIDED}', '{Entry.COMPLAINT}') AND EXISTS"
    " (SELECT 1 FROM charge WHERE charge.id = entry.charge"
    " AND state NOT IN ('SERVED', 'REVERSED', 'REFUNDED')) ORDER BY id"
)
_ON_LIMITS: Final = (
    f"{_SELECT} WHERE kind IN ('{Entry.LIMITS_PROPOSED}', '{Entry.LIMITS_CHANGED}') ORDER BY id"
)
_RECENT: Final = (
    f"SELECT * FROM ({_SELECT} WHERE kind = ? AND at > ? ORDER BY at DESC LIMIT ?) ORDER BY at"  # noqa: S608 - the same
)
_UNDELIVERED: Final = (
    "SELECT id, charge, epoch, at, kind, key, who, said FROM entry"  # noqa: S608 - the same
    f" WHERE kind = '{Entry.NOTICE}' AND id > ?"
    " AND NOT EXISTS (SELECT 1 FROM entry AS done"
    f" WHERE done.kind = '{Entry.NOTICE_DONE}' AND done.key = entry.key) ORDER BY id LIMIT ?"
)

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


def insert(db: apsw.Connection, noted: Sequence[Noted]) -> None:
    """Write entries, within the caller's transaction."""
    if noted:
        db.executemany(_INSERT, ((*each[:-1], _encode(each.said).decode()) for each in noted))


def pending(db: apsw.Connection, wall: float) -> Iterator[Noted]:
    """What a new life must know: words on open cases and charges, the limits that persons set, what
    counts within a window, when canaries flew last.
    """
    since = wall - _MEMORY_S
    yield from _entries(db, _ON_OPEN_CASES)
    yield from _entries(db, _ON_LIMITS)
    yield from _entries(db, _RECENT, (Entry.TAKEN_BACK, since, _MEMORY_MAX))
    yield from _entries(db, f"{_SELECT} WHERE kind = ? AND at > ?", (Entry.CANARY, since))


def of_charge(db: apsw.Connection, charge_id: int) -> Iterator[Noted]:
    """Everything that was said about one charge, in its order."""
    yield from _entries(db, f"{_SELECT} WHERE charge = ? ORDER BY id", (charge_id,))


def of_kind(db: apsw.Connection, kind: Entry, since: float = 0.0) -> Iterator[Noted]:
    """Entries of one kind, oldest first."""
    yield from _entries(db, f"{_SELECT} WHERE kind = ? AND at >= ? ORDER BY at", (kind, since))


def has(db: apsw.Connection, kind: Entry, key: str) -> bool:
    """Whether an entry with this key is known."""
    found = db.execute("SELECT 1 FROM entry WHERE kind = ? AND key = ?", (kind, key))
    return next(found, None) is not None


def undelivered(db: apsw.Connection, after: int, count_max: int) -> tuple[list[Noted], int]:
    """The oldest notices past entry `after` that nobody took yet, no more than `count_max`; and
    the entry past which the next look may begin.
    """
    with db:
        (last,) = next(db.execute("SELECT coalesce(max(id), 0) FROM entry"))
        rows = list(db.execute(_UNDELIVERED, (after, count_max)))
    found = [
        Noted(charge, epoch, at, kind, key, who, _decode(said))
        for _, charge, epoch, at, kind, key, who, said in rows
    ]
    return found, (rows[0][0] - 1 if rows else last)


def _entries(db: apsw.Connection, query: str, values: Sequence[Any] = ()) -> Iterator[Noted]:
    for charge, epoch, at, kind, key, who, said in db.execute(query, values):
        yield Noted(charge, epoch, at, kind, key, who, _decode(said))
