"""The audit log's table: each line's hash covers the line and the hash before it.

Whoever changes, takes out or puts in a line would have to make every later hash anew; the last one
(`Verified.head`), written down elsewhere, shows even that, and lines cut off the end.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import apsw
import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from routing.effects import Audited

BEGINNING: Final = bytes(32)
"""What stands for the hash before the first line."""
_LAST: Final = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
_INSERT: Final = "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_SELECT: Final = "SELECT seq, at, epoch, kind, subject, who, said, hash FROM audit"

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class Line(NamedTuple):
    """A line of the log as it stands there."""

    seq: int
    at: float
    epoch: int
    kind: str
    subject: str
    who: str
    said: dict[str, Any]


class Verified(NamedTuple):
    """What going through the whole log showed."""

    lines: int
    """How many hold, from the first on."""
    head: str
    """The hash of the last of them, in hex."""
    broken: str = ""
    """Where the chain is broken and how; '' if it is not."""


def append(db: apsw.Connection, records: Sequence[Audited]) -> None:
    """Write lines at the end, within the caller's transaction."""
    if not records:
        return
    seq, before = next(db.execute(_LAST), (0, BEGINNING))
    for each in records:
        seq += 1
        said = _encode(each.said).decode()
        values = (seq, float(each.at), each.epoch, str(each.kind), each.subject, each.who, said)
        before = _hash(before, values)
        db.execute(_INSERT, (*values, before))


def verify(db: apsw.Connection) -> Verified:
    """Make every hash anew and hold it against the one that stands there."""
    lines, before = 0, BEGINNING
    try:
        for *values, stands in db.execute(f"{_SELECT} ORDER BY seq"):
            if values[0] != lines + 1:
                return Verified(lines, before.hex(), f"line {lines + 1} is missing")
            if _hash(before, values) != stands:
                why = f"line {values[0]} is not what was written"
                return Verified(lines, before.hex(), why)
            lines, before = values[0], stands
    except (apsw.Error, UnicodeDecodeError) as error:
        why = f"after line {lines}: {type(error).__name__}"
        return Verified(lines, before.hex(), why)
    return Verified(lines, before.hex())


def lines(db: apsw.Connection, *, after: int = 0, count_max: int = -1) -> Iterator[Line]:
    """The lines after one, oldest first; no more than `count_max` (-1: all)."""
    rows = db.execute(f"{_SELECT} WHERE seq > ? ORDER BY seq LIMIT ?", (after, count_max))
    for seq, at, epoch, kind, subject, who, said, _ in rows:
        yield Line(seq, at, epoch, kind, subject, who, _decode(said))


def of_subject(db: apsw.Connection, subject: str) -> Iterator[Line]:
    """The lines about one subject, oldest first."""
    rows = db.execute(f"{_SELECT} WHERE subject = ? ORDER BY seq", (subject,))
    for seq, at, epoch, kind, about, who, said, _ in rows:
        yield Line(seq, at, epoch, kind, about, who, _decode(said))


def _hash(before: bytes, values: Iterable[Any]) -> bytes:
    """SHA-256 over the hash before and the line as a JSON array, `said` as the text it is."""
    return hashlib.sha256(before + _encode(list(values))).digest()
