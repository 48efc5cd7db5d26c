"""What is known of a charge, as a row of the embedded journal and back.

A charge is written three times when all goes well: when it is sent, when it is approved, when it is
served.  The last time only its state is new, and only that is written (`Written`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from codec import kept
from routing.charge import OPEN_STATES, Charge, State
from routing.effects import MOVED, OPENED, Kept, Moved, Noted, Opened
from routing.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from codec.kept import Fields
    from gateway.journal.vault import Vault
    from routing.effects import Audited, Record

WRITTEN_MAX: Final = 100_000
"""Open charges whose last row is remembered; others are written whole each time."""

_OPENED_COLUMNS: Final = tuple(name for name in OPENED if name != "pan")
_COLUMNS: Final = (*_OPENED_COLUMNS, "pan_sealed", "pan_epoch", "pan_hash", *MOVED)
# apsw reads each statement's text anew for every row: no blank more than it takes.
INSERT: Final = (
    f"INSERT INTO charge({','.join(_OPENED_COLUMNS)},pan_sealed,pan_epoch,pan_hash)"
    f"VALUES({','.join('?' * (len(_OPENED_COLUMNS) + 3))})ON CONFLICT(identity)DO NOTHING"
)
UPDATE: Final = (
    f"UPDATE charge SET epoch=?,{','.join(f'{name}=?' for name in MOVED)},steps=steps||?"  # noqa: S608 - names of ours only
    "WHERE id=? AND epoch<=?"
)
UPDATE_STATE: Final = (
    "UPDATE charge SET epoch=?,state=?,updated_at=?,steps=steps||?WHERE id=? AND epoch<=?"
)
SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM charge"  # noqa: S608 - the same

_STATE: Final = MOVED.index("state")
_UPDATED_AT: Final = MOVED.index("updated_at")
_REASON: Final = MOVED.index("reason")
_CODE: Final = MOVED.index("code")
_REMARK: Final = MOVED.index("remark")
_ANSWER: Final = MOVED.index("answer")
_ECHOED: Final = MOVED.index("echoed")
_OTHERS: Final = 2
"""What comes after state and time."""
_PAN: Final = OPENED.index("pan")
_EPOCH: Final = OPENED.index("epoch")
_SENT: Final = OPENED.index("sent")

_pack: Final = msgspec.msgpack.Encoder().encode
_unpack_fields: Final = msgspec.msgpack.Decoder(dict[int, str] | None).decode
_unpack_numbers: Final = msgspec.msgpack.Decoder(tuple[int, ...]).decode
_write_json: Final = msgspec.json.Encoder().encode


def charge_from_row(row: Sequence[Any], vault: Vault) -> Charge:
    """A charge from a row that SELECT found."""
    values = dict(zip(_COLUMNS, row, strict=True))
    del values["pan_hash"]
    sealed, epoch = values.pop("pan_sealed"), values.pop("pan_epoch")
    values["pan"] = vault.unseal(epoch, values["id"], sealed)
    values["sent"] = _unpack_fields(values["sent"]) or {}
    values["answer"] = _unpack_fields(values["answer"])
    values["echoed"] = _unpack_numbers(values["echoed"])
    values["approval_held"] = bool(values["approval_held"])
    values["state"] = State(values["state"])
    values["kind"] = Transaction(values["kind"])
    return Charge(**values)


def _packed(fields: Fields | dict[int, str] | None) -> bytes:
    """What is kept of a message: `Fields` are packed already."""
    return fields.packed if isinstance(fields, kept.Fields) else _pack(fields)


def opened_row(record: Opened, vault: Vault) -> tuple[Any, ...]:
    """For INSERT."""
    values = list(record.values)
    values[_SENT] = _packed(values[_SENT])
    pan, epoch = values.pop(_PAN), values[_EPOCH]
    values += (vault.seal(epoch, record.id, pan), epoch, vault.search_hash(pan))
    return tuple(values)


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
    said: bytes = _write_json(step)
    return said.decode() + ","


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
        self.moved = [each for each in self.moved if each.id not in charges]
        self.noted = [each for each in self.noted if each.id not in charges]


class Written:
    """The last row of each open charge, as the journal holds it."""

    def __init__(self) -> None:
        self._values: dict[int, tuple[Any, ...]] = {}

    def rows(self, moved: Sequence[Moved]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """For UPDATE and for UPDATE_STATE: one row for each charge, all its steps in it."""
        last: dict[int, Moved] = {}
        steps: dict[int, str] = {}
        for record in moved:
            known = steps.get(record.id)
            steps[record.id] = step_of(record) if known is None else known + step_of(record)
            last[record.id] = record
        whole, states = [], []
        for record in last.values():
            values, before = record.values, self._values.get(record.id)
            if before is not None and before[_OTHERS:] == values[_OTHERS:]:
                states.append(_state_row(record, steps[record.id]))
            else:
                whole.append(_whole_row(record, steps[record.id]))
        return whole, states

    def hold(self, moved: Sequence[Moved]) -> None:
        """These are durable."""
        for record in moved:
            if record.values[_STATE] not in OPEN_STATES:
                self._values.pop(record.id, None)
            elif record.id in self._values or len(self._values) < WRITTEN_MAX:
                self._values[record.id] = record.values


def _whole_row(record: Moved, steps: str) -> tuple[Any, ...]:
    values = list(record.values)
    values[_ANSWER] = _packed(values[_ANSWER])
    values[_ECHOED] = _pack(values[_ECHOED])
    return (record.epoch, *values, steps, record.id, record.epoch)


def _state_row(record: Moved, steps: str) -> tuple[Any, ...]:
    values, epoch = record.values, record.epoch
    return (epoch, values[_STATE], values[_UPDATED_AT], steps, record.id, epoch)
