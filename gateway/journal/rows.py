"""What is known of a charge, as a row of the embedded journal and back.

A charge is recorded three times when all goes well: when it is sent, when it is approved, when it
is served.  The last time only its state is new, and only that is recorded (`Written`).  These rows
are what the redo log holds (`_payload`); `gateway.journal.unapplied` makes of them those of the
tables.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import msgspec

from routing.charge import OPEN_STATES, Charge, State
from routing.effects import Kept, Noted
from routing.records import MOVED, OPENED, Moved, Opened
from routing.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gateway.journal._payload import Payload
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

_OPEN: Final = dict.fromkeys(OPEN_STATES)
_LISTED: Final = dict.fromkeys(LISTED)
"""The same two: C finds something soonest in a dict."""
_SAME: Final = -1
"""Whether a charge is open did not change."""

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


def put_opened(to: Payload, record: Opened, vault: Vault) -> None:
    """The row of an opening; its JSON is IN_OPENED."""
    each = record.charge
    sealed = vault.seal(each.epoch, each.id, each.pan)
    to.open_row(each.id, each.epoch, each.identity, each.host, each.terminal, each.batch, sealed)
    to.begin()
    to.whole(each.epoch)
    to.real(each.opened_at)
    to.text(each.dialect)
    to.text(each.listener)
    to.text(each.mti)
    to.text(each.merchant)
    to.text(each.stan)
    to.text(each.de7)
    to.text(each.processing_code)
    to.whole(each.amount)
    to.text(each.currency)
    to.text(each.proof)
    to.real(each.window_s)
    to.text(each.host_stan)
    to.text(each.host_de7)
    to.value(each.sent)
    to.text(each.kind)
    to.whole(each.original_id)
    to.text(each.operator)
    to.text(each.sent_header)
    to.text(each.sent_on)
    to.text(each.account)
    to.text(each.channel)
    to.end(False)
    to.end_part()
    to.end_row()


def put_moved(to: Payload, record: Moved, known: Moved | None) -> None:
    """The row of a step; its JSON are the step, and IN_MOVED where anything in it is not as it was
    `known`.
    """
    is_open, was_open = record.state in _LISTED, record.before in _LISTED
    turned = _SAME if is_open == was_open else int(is_open)
    to.move_row(record.id, record.epoch, record.updated_at, turned, record.state)
    _put_step(to, record)
    to.end_part()
    if known is None or not _same(record, known):
        _put_in_moved(to, record)
    to.end_part()
    to.end_row()


def _put_step(to: Payload, record: Moved) -> None:
    """A step as it is appended to `charge.steps`; the view `step` takes it apart."""
    reason, remark = record.reason, record.remark
    to.begin()
    to.whole(record.epoch)
    to.real(record.updated_at)
    to.text(record.event)
    to.text(record.before)
    to.text(record.state)
    to.text(f"{reason}: {remark}" if reason and remark else reason or remark)
    to.text(record.code)
    to.end(True)


def _put_in_moved(to: Payload, record: Moved) -> None:
    to.begin()
    to.text(record.reason)
    to.text(record.code)
    to.text(record.rrn)
    to.text(record.approval_code)
    to.value(record.answer)
    to.value(record.echoed)
    to.whole(record.approved_amount)
    to.truth(record.approval_held)
    to.whole(record.proof_restarts)
    to.text(record.remark)
    to.text(record.reversal_stan)
    to.text(record.reversal_de7)
    to.real(record.reversal_since)
    to.whole(record.attempts)
    to.whole(record.repeats_answered)
    to.text(record.stood)
    to.whole(record.given_back)
    to.whole(record.keeps)
    to.text(record.settled_on)
    to.end(False)


def _same(one: Moved, other: Moved) -> bool:
    """Whether nothing in IN_MOVED differs."""
    return (
        one.answer is other.answer
        and (one.echoed is other.echoed or one.echoed == other.echoed)
        and one.approved_amount == other.approved_amount
        and one.approval_held == other.approval_held
        and one.proof_restarts == other.proof_restarts
        and one.reversal_since == other.reversal_since
        and one.attempts == other.attempts
        and one.repeats_answered == other.repeats_answered
        and one.given_back == other.given_back
        and one.keeps == other.keeps
        and one.rrn == other.rrn
        and one.approval_code == other.approval_code
        and one.reversal_stan == other.reversal_stan
        and one.reversal_de7 == other.reversal_de7
        and one.settled_on == other.settled_on
        and (one.reason is other.reason or one.reason == other.reason)
        and (one.code is other.code or one.code == other.code)
        and (one.remark is other.remark or one.remark == other.remark)
        and (one.stood is other.stood or one.stood == other.stood)
    )


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
        number = record.id
        self.moved.append(record)
        self.last_moved = max(self.last_moved, number)

    def _open(self, record: Opened) -> None:
        number = record.id
        self.opened.append(record)
        self.first, self.last = min(self.first, number), max(self.last, number)

    def others(self) -> tuple[list[Noted], list[Kept], list[Audited]]:
        """What is written beside charges."""
        return self.noted, self.kept, self.audited

    def leave_out(self, charges: Collection[int]) -> None:
        """Nothing is written of these charges."""
        self.opened = [each for each in self.opened if each.id not in charges]
        self.moved = [each for each in self.moved if each.id not in charges]
        self.noted = [each for each in self.noted if each.id not in charges]


class Written:
    """What was last recorded of each open charge."""

    def __init__(self) -> None:
        self._values: dict[int, Moved] = {}
        self._before: list[Moved | None] = []
        """What was held of the charge of each step that was put and is not yet durable."""

    def put(self, to: Payload, moved: Sequence[Moved]) -> None:
        """The rows of these steps, which are held from now on."""
        before = self._before
        for record in moved:
            known = self._values.get(record.id)
            before.append(known)
            put_moved(to, record, known)
            if record.state not in _OPEN:
                if known is not None:
                    del self._values[record.id]
            elif known is not None or len(self._values) < WRITTEN_MAX:
                self._values[record.id] = record

    def keep(self) -> None:
        """What was put last is durable."""
        self._before = []

    def take_back(self, moved: Sequence[Moved]) -> None:
        """It did not become durable: these, as far as they were put."""
        for record, known in reversed(list(zip(moved, self._before, strict=False))):
            if known is None:
                self._values.pop(record.id, None)
            else:
                self._values[record.id] = known
        self._before = []
