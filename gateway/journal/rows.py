"""What is known of a charge, as a row of the embedded journal and back.

A charge is written three times when all goes well: when it is sent, when it is approved, when it is
served.  The last time only its state is new, and only that is written (`Written`).
"""

from __future__ import annotations

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
_COLUMNS: Final = (
    "id", "identity", "host", "terminal", "batch", "pan_sealed", "epoch", "state", "updated_at",
    "opened", "moved",
)  # fmt: skip

INSERT: Final = (
    "INSERT OR IGNORE INTO charge_record"
    " (id, identity, host, terminal, batch, pan_sealed, epoch, opened) VALUES"
    " (?1, iif(EXISTS (SELECT 1 FROM charge_identity WHERE identity = ?2), NULL, ?2),"
    " ?3, ?4, ?5, ?6, ?7, ?8)"
)
"""Changes nothing where the table of identities has this one: a charge can't be without.  So put,
as `INSERT … SELECT … WHERE NOT EXISTS` takes SQLite twice as long."""
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
SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM charge_record"  # noqa: S608 - names of ours only
WHERE_NAMED: Final = f"{SELECT} WHERE id IN (SELECT id FROM charge WHERE %s)"  # noqa: S608 - the same
"""Whole charges, by a condition in the names of the view `charge`."""
LISTED: Final = OPEN_STATES | {State.CASE}
"""The states in which a new life must know a charge: `open` is 1."""

_STATE: Final = MOVED.index("state")
_UPDATED_AT: Final = MOVED.index("updated_at")
_REASON: Final = MOVED.index("reason")
_CODE: Final = MOVED.index("code")
_REMARK: Final = MOVED.index("remark")
_OTHERS: Final = 2
"""What comes after state and time."""
_EPOCH: Final = OPENED.index("epoch")

_values: Final = msgspec.json.Decoder(list[Any]).decode


def charge_from_row(row: Sequence[Any], vault: Vault) -> Charge:
    """A charge from a row that SELECT found."""
    values = dict(zip(_COLUMNS, row, strict=True))
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
    """For INSERT."""
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
        for record in records:
            if isinstance(record, Moved):
                self.moved.append(record)
            elif isinstance(record, Opened):
                self.opened.append(record)
            elif isinstance(record, Noted):
                self.noted.append(record)
            elif isinstance(record, Kept):
                self.kept.append(record)
            else:
                self.audited.append(record)

    def leave_out(self, charges: Collection[int]) -> None:
        """Nothing is written of these charges."""
        self.opened = [each for each in self.opened if each.id not in charges]
        self.moved = [each for each in self.moved if each.id not in charges]
        self.noted = [each for each in self.noted if each.id not in charges]


class Written:
    """The last row of each open charge, as the journal holds it."""

    def __init__(self) -> None:
        self._values: dict[int, tuple[Any, ...]] = {}

    def rows(self, moved: Sequence[Moved]) -> list[list[tuple[Any, ...]]]:
        """For each of UPDATES: one row for each charge, all its steps in it."""
        last: dict[int, Moved] = {}
        earlier: dict[int, tuple[State, str]] = {}
        for record in moved:
            one = last.get(record.id)
            if one is not None:
                before, steps = earlier.get(record.id, (one.before, ""))
                earlier[record.id] = before, steps + step_of(one)
            last[record.id] = record
        rows: list[list[tuple[Any, ...]]] = [[] for _ in UPDATES]
        for record in last.values():
            before, steps = earlier.get(record.id, (record.before, ""))
            self._row(record, before, steps + step_of(record), rows)
        return rows

    def _row(
        self, record: Moved, before: State, steps: str, rows: list[list[tuple[Any, ...]]]
    ) -> None:
        """The row of a charge that was in `before`, to those of its statement."""
        values = record.values
        state = values[_STATE]
        is_open = state in LISTED
        row: tuple[Any, ...] = (record.epoch, state, values[_UPDATED_AT], steps, record.id)
        which, known = 0, self._values.get(record.id)
        if known is None or known[_OTHERS:] != values[_OTHERS:]:
            which, row = 2, row + (_json.array_of(values, _OTHERS, False),)  # noqa: RUF005
        if is_open != (before in LISTED):
            which, row = which + 1, row + (int(is_open),)  # noqa: RUF005 - joined at once
        rows[which].append(row)

    def hold(self, moved: Sequence[Moved]) -> None:
        """These are durable."""
        for record in moved:
            if record.values[_STATE] not in OPEN_STATES:
                self._values.pop(record.id, None)
            elif record.id in self._values or len(self._values) < WRITTEN_MAX:
                self._values[record.id] = record.values
