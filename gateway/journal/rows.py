"""What is known of a charge, as a row of the embedded journal and back.

A charge is recorded three times when all goes well: when it is sent, when it is approved, when it
is served.  The last time only its state is new, and only that is recorded (`Written`).  These rows
are what the redo log holds; `gateway.journal.unapplied` makes of them those of the tables.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.journal import _json
from routing.charge import OPEN_STATES, Charge, State
from routing.effects import MOVED, OPENED, Kept, Moved, Noted, Opened
from routing.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gateway.journal.vault import Vault
    from routing.effects import Audited, Record

WRITTEN_MAX: Final = 100_000
"""Open charges whose last row is remembered; others are written whole each time."""

IN_OPENED: Final = OPENED[OPENED.index("pan") + 1 :]
"""What a charge's first record holds besides what has a column: one JSON array, written once."""
IN_MOVED: Final = MOVED[MOVED.index("updated_at") + 1 :]
"""What its later records hold besides: one JSON array, written where anything in it changed."""
COLUMNS: Final = (
    "id", "identity", "host", "terminal", "batch", "pan_sealed", "epoch", "state", "updated_at",
    "opened", "moved",
)  # fmt: skip
"""Which SELECT finds."""

INSERTED: Final = (
    "id", "epoch", "state", "updated_at", "open", "identity", "host", "terminal", "batch",
    "pan_sealed", "opened", "moved", "steps",
)  # fmt: skip
INSERT: Final = (
    f"INSERT INTO charge_record ({', '.join(INSERTED)}) VALUES ({', '.join('?' * len(INSERTED))})"  # noqa: S608 - names of ours only
)
UNMOVED: Final = """["","","","",null,[],0,false,0,"","","",0.0,0,0,"",0,0,""]"""
"""IN_MOVED of a charge that took no step yet."""
_UPDATE: Final = (
    "UPDATE charge_record SET epoch = ?1, state = ?2, updated_at = ?3, steps = steps || ?4%s"
    " WHERE id = ?5 AND epoch <= ?1"
)
UPDATES: Final = (
    _UPDATE % "",
    _UPDATE % ", open = ?6",
    _UPDATE % ", moved = ?6",
    _UPDATE % ", moved = ?6, open = ?7",
)
"""By what else is new: 1, whether it is open, which costs two changes of an index; 2, anything in
IN_MOVED."""
SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM charge_record"  # noqa: S608 - names of ours only
WHERE_NAMED: Final = f"{SELECT} WHERE id IN (SELECT id FROM charge WHERE %s)"  # noqa: S608 - the same
"""Whole charges, by a condition in the names of the view `charge`."""
LISTED: Final = OPEN_STATES | {State.CASE}
"""The states in which a new life must know a charge: `open` is 1."""

_STATE: Final = MOVED.index("state")
_UPDATED_AT: Final = MOVED.index("updated_at")
_REASON: Final = MOVED.index("reason")
_CODE: Final = MOVED.index("code")
_REMARK: Final = MOVED.index("remark")
EPOCH_OF_OPENED: Final = 6
"""Where it stands in `opened_row`; and in those of `Written.rows`."""
EPOCH_OF_MOVED: Final = 1
_OTHERS: Final = 2
"""What comes after state and time."""
_EPOCH: Final = OPENED.index("epoch")

_values: Final = msgspec.json.Decoder(list[Any]).decode


def charge_from_row(row: Sequence[Any], vault: Vault) -> Charge:
    """A charge from a row that SELECT found."""
    values = dict(zip(COLUMNS, row, strict=True))
    sealed, epoch = values.pop("pan_sealed"), values.pop("epoch")
    values |= zip(IN_OPENED, _values(values.pop("opened")), strict=True)
    values |= zip(IN_MOVED, _values(values.pop("moved")), strict=True)
    values["pan"] = vault.unseal(values["epoch"], values["id"], sealed)
    values["epoch"] = epoch
    values["sent"] = _fields(values["sent"])
    if values["answer"] is not None:
        values["answer"] = _fields(values["answer"])
    values["echoed"] = tuple(values["echoed"])
    values["state"] = State(values["state"])
    values["kind"] = Transaction(values["kind"])
    return Charge(**values)


def _fields(read: dict[str, str]) -> dict[int, str]:
    """JSON has no numbers as keys."""
    return {int(number): value for number, value in read.items()}


def opened_row(record: Opened, vault: Vault) -> tuple[Any, ...]:
    """An opening: id, identity, host, terminal, batch, sealed card number, epoch, IN_OPENED."""
    values = record.values
    number, identity, host, terminal, batch, pan, epoch = values[: _EPOCH + 1]
    sealed = vault.seal(epoch, number, pan)
    said = _json.array_of(values, _EPOCH, False)
    return number, identity, host, terminal, batch, sealed, epoch, said


def step_of(record: Moved) -> str:
    """A step as it is appended to `charge.steps`; the view `step` takes it apart."""
    values = record.values
    reason, remark = values[_REASON], values[_REMARK]
    why = f"{reason}: {remark}" if reason and remark else reason or remark
    step = (
        record.epoch,
        values[_UPDATED_AT],
        record.event,
        record.before,
        values[_STATE],
        why,
        values[_CODE],
    )
    return _json.array_of(step, 0, True)


class Sorted:
    """The records of a batch, by what they are."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.opened: list[Opened] = []
        self.moved: list[Moved] = []
        self.noted: list[Noted] = []
        self.kept: list[Kept] = []
        self.audited: list[Audited] = []
        self.first = sys.maxsize
        """The least id of a charge that is opened."""
        self.last = self.last_moved = 0
        """The greatest, and that of a charge that takes a step."""
        for record in records:
            if isinstance(record, Moved):
                self._move(record)
            elif isinstance(record, Opened):
                self._open(record)
            elif isinstance(record, Noted):
                self.noted.append(record)
            elif isinstance(record, Kept):
                self.kept.append(record)
            else:
                self.audited.append(record)

    def _move(self, record: Moved) -> None:
        self.moved.append(record)
        self.last_moved = max(self.last_moved, record.id)

    def _open(self, record: Opened) -> None:
        self.opened.append(record)
        self.first = min(self.first, record.id)
        self.last = max(self.last, record.id)

    def leave_out(self, charges: Collection[int]) -> None:
        """Nothing is written of these charges."""
        self.opened = [each for each in self.opened if each.id not in charges]
        self.moved = [each for each in self.moved if each.id not in charges]
        self.noted = [each for each in self.noted if each.id not in charges]


class Written:
    """What was last recorded of each open charge."""

    def __init__(self) -> None:
        self._values: dict[int, tuple[Any, ...]] = {}

    def rows(self, moved: Sequence[Moved]) -> list[tuple[Any, ...]]:
        """Steps, each: id, epoch, state, time, the step, IN_MOVED and whether it is open; of the
        last two, None where nothing in it changed.
        """
        rows: list[tuple[Any, ...]] = []
        newest: dict[int, tuple[Any, ...]] = {}
        for record in moved:
            known = newest.get(record.id)
            if known is None:
                known = self._values.get(record.id)
            newest[record.id] = record.values
            rows.append(_row(record, known))
        return rows

    def hold(self, moved: Sequence[Moved]) -> None:
        """These are durable."""
        for record in moved:
            if record.values[_STATE] not in OPEN_STATES:
                self._values.pop(record.id, None)
            elif record.id in self._values or len(self._values) < WRITTEN_MAX:
                self._values[record.id] = record.values


def _row(record: Moved, known: tuple[Any, ...] | None) -> tuple[Any, ...]:
    values = record.values
    state = values[_STATE]
    is_open = state in LISTED
    changed = known is None or known[_OTHERS:] != values[_OTHERS:]
    moved = _json.array_of(values, _OTHERS, False) if changed else None
    turned = int(is_open) if is_open != (record.before in LISTED) else None
    return record.id, record.epoch, state, values[_UPDATED_AT], step_of(record), moved, turned
