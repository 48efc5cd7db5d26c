"""The audit: reads a journal, beside a running gateway or after it, and holds it to the promise.

For every charge how it ended, the totals in charges and in money, and whatever breaks an
invariant.  Reads only; what it needs of the card numbers' key is that it fits.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import apsw
import msgspec

from gateway.journal import audit_log, docket, kept
from gateway.journal.port import JournalError
from gateway.journal.reader import JournalReader
from gateway.journal.vault import Vault, read_key
from gateway.story import story
from routing.charge import END_OF, OPEN_STATES, TABLE, Charge, Event, State
from routing.docket import Entry
from routing.reason import Reason
from routing.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from gateway.config import Config
    from gateway.journal.audit_log import Line, Verified
    from routing.effects import Kept
    from routing.keeper import KeptKind

_SLACK_S: Final = 5.0
"""Time that a turn, a commit and a busy machine may add to a stated time."""
_VIOLATIONS_MAX: Final = 1_000
_CASE: Final = "case"
_STANDING: Final = (State.PRESUMED_SERVED, State.SERVED)
_REVERSED: Final = (State.REVERSED, State.NOTHING_TO_REVERSE)


class Report(msgspec.Struct, kw_only=True, omit_defaults=False):
    """What `isogate audit --json` prints; money in minor units, by end."""

    charges: int = 0
    declined: int = 0
    served: int = 0
    reversed: int = 0
    refunded: int = 0
    cases: int = 0
    open: int = 0
    delivery_unknown: int = 0
    late: int = 0
    """Charges open past their stated time."""
    never_left: int = 0
    """Requests that no host ever saw; they are no charges."""
    repeats_answered: int = 0
    frozen: dict[str, int] = {}
    """Disputed charges and their money: cases, and never counted as served."""
    canaries: int = 0
    """Test charges; they are nobody's sales and are not counted above."""
    voids: dict[str, int] = {}
    refunds: dict[str, int] = {}
    """Voids and refunds by their own end (served: it stands); they are no charges."""
    money: dict[str, int] = {}
    violations: list[str] = []
    each: list[dict[str, Any]] = []
    each_undoing: list[dict[str, Any]] = []


class Audit:
    """One reading of a journal; a context manager."""

    def __init__(self, config: Config) -> None:
        if config.journal.kind == "none":
            message = "journal.kind = none: there is no journal to audit"
            raise JournalError(message)
        self._config = config
        vault = Vault(read_key(config.journal.key_path))
        self._reader = JournalReader(Path(config.journal.path), vault)
        self._stated = _stated_times(config)
        self._canary = config.canary.identity

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._reader.close()

    def report(self, *, each: bool = False) -> Report:
        """Go through every charge once."""
        report = Report(money=dict.fromkeys((*_ENDS, "charges"), 0))
        try:
            with self._reader.snapshot():
                identities: Counter[tuple[str, str, str]] = Counter()
                stands: dict[int, State] = {}
                undone = _Undone()
                for charge in self._reader.charges():
                    stands[charge.id] = charge.state
                    undone.take(charge)
                    self._count(report, charge, identities)
                    if (
                        each
                        and charge.state is not State.NEVER_LEFT
                        and not self._is_canary(charge)
                    ):
                        lines = report.each_undoing if charge.kind.undoes else report.each
                        lines.append(_line(charge))
                _note(report, self._broken_chains(stands))
                _note(report, undone.broken())
                _note(report, self._decided_alone())
        except apsw.Error as error:
            message = f"journal.path {self._config.journal.path}: {error}"
            raise JournalError(message) from None
        _note(
            report,
            (
                f"{count} charges or reversals left under one key: host {key[0]} STAN {key[1]}"
                f" DE 7 {key[2]}"
                for key, count in identities.items()
                if count > 1
            ),
        )
        return report

    def _count(
        self, report: Report, charge: Charge, identities: Counter[tuple[str, str, str]]
    ) -> None:
        if charge.state is State.NEVER_LEFT:
            report.never_left += 1
            return
        if self._is_canary(charge):
            report.canaries += 1
        else:
            _add(report, charge, _end(charge))
        report.delivery_unknown += charge.state is State.DELIVERY_UNKNOWN
        report.repeats_answered += charge.repeats_answered
        if charge.host_de7:
            identities[charge.host, charge.host_stan, charge.host_de7] += 1
            if charge.reversal_stan:
                identities[charge.host, charge.reversal_stan, charge.reversal_de7] += 1
        if charge.state in OPEN_STATES:
            since = charge.updated_at or charge.opened_at
            if charge.state is State.REVERSAL_DUE:
                # Each try updates the record; what counts is how long it is due.
                since = charge.reversal_since
            report.late += time.time() - since > self._stated[charge.state] + _SLACK_S
        _note(report, _broken(charge))

    def _is_canary(self, charge: Charge) -> bool:
        return (charge.merchant, charge.terminal) == self._canary

    def _broken_chains(self, stands: dict[int, State]) -> Iterator[str]:
        """Steps that do not follow from the one before, by the table, or do not lead to where
        their charge `stands`.
        """
        now_in: dict[int, State] = {}
        for charge, event, before, after in self._reader.steps():
            state = now_in.get(charge, State.SENT)
            cell = TABLE[State(before)].get(Event(event))
            # Whatever goes wrong, a case may come of it; why stands in the charge's reason.
            fits = after == State.CASE or (cell is not None and cell.next == after)
            if state != before or not fits:
                yield f"charge {charge}: {event}, {before} to {after}: against the table"
            now_in[charge] = State(after)
        for charge, stood in stands.items():
            if now_in.get(charge, State.SENT) is not stood:
                yield f"charge {charge}: {stood}, but its steps lead elsewhere"

    def _decided_alone(self) -> Iterator[str]:
        """Disputed money that one person decided on, or that a proposal's author confirmed."""
        db = self._reader.snapshot()
        disputed = {entry.id for entry in docket.of_kind(db, Entry.DISPUTED)}
        for entry in docket.of_kind(db, Entry.DECIDED):
            first = entry.said.get("proposed_by", "")
            if (first or entry.id in disputed) and first in ("", entry.who):
                yield f"charge {entry.id}: one person decided what needs two"

    def log(self) -> Verified:
        """Whether the audit log is as it was written, and if not, where."""
        return audit_log.verify(self._reader.snapshot())

    def log_lines(self) -> Iterator[Line]:
        """The audit log, oldest line first."""
        return audit_log.lines(self._reader.snapshot())

    def kept(self, kind: KeptKind) -> Iterator[Kept]:
        """What the journal keeps of one kind, by key."""
        yield from kept.of_kind(self._reader.snapshot(), kind)

    def cases(self) -> list[Charge]:
        """Every open case."""
        return list(self._reader.charges(State.CASE))

    def story(self, charge_id: int) -> list[dict[str, Any]]:
        """One charge as a timeline; empty if there is none with this id."""
        return story(self._reader, charge_id)


class _Undone:
    """Which charges were voided and refunded, and by what: the two must agree."""

    def __init__(self) -> None:
        self._charges: dict[int, tuple[State, int]] = {}
        self._voids: Counter[int] = Counter()
        self._refunded: Counter[int] = Counter()
        self._accounts: dict[int, str] = {}
        """Of charges that are not on their merchant's main account."""
        self._elsewhere: list[tuple[int, int, str]] = []
        """What undoes a charge: its number, the charge's, its account."""

    def take(self, charge: Charge) -> None:
        """One line of the journal."""
        if charge.account:
            self._accounts[charge.id] = charge.account
        if charge.original_id and (charge.account or charge.original_id in self._accounts):
            self._elsewhere.append((charge.id, charge.original_id, charge.account))
        if charge.state is State.VOIDED or charge.given_back:
            self._charges[charge.id] = (charge.state, charge.money)
        if charge.state in _STANDING:
            self._voids[charge.original_id] += charge.kind is Transaction.VOID
            self._refunded[charge.original_id] += (
                charge.money if charge.kind is Transaction.REFUND else 0
            )

    def broken(self) -> Iterator[str]:
        """What gives money back twice or on another account, or says so and does not."""
        for undoing, charge, account in self._elsewhere:
            if account != self._accounts.get(charge, ""):
                yield f"charge {undoing}: on another account than charge {charge}, which it undoes"
        for charge, (state, money) in self._charges.items():
            if (state is State.VOIDED) != (self._voids[charge] == 1):
                yield f"charge {charge}: {state}, and {self._voids[charge]} voids of it stand"
            if self._refunded[charge] > money:
                yield f"charge {charge}: more was refunded than was charged"


_ENDS: Final = ("declined", "served", "reversed", "refunded", "cases", "open")


def _end(charge: Charge) -> str:
    end = END_OF.get(charge.state, "open")
    return "cases" if end == _CASE else end


def _add(report: Report, charge: Charge, end: str) -> None:
    """Count a charge, or what undoes one, by its end; what refunds gave back is not served."""
    if charge.kind.undoes:
        counts = report.voids if charge.kind is Transaction.VOID else report.refunds
        counts[end] = counts.get(end, 0) + 1
        return
    report.charges += 1
    setattr(report, end, getattr(report, end) + 1)
    report.money["charges"] += charge.money
    if charge.state is State.CASE and charge.reason == Reason.DISPUTED:
        report.frozen["charges"] = report.frozen.get("charges", 0) + 1
        report.frozen["money"] = report.frozen.get("money", 0) + charge.money
    refunded = min(charge.given_back, charge.money)
    report.money["refunded"] += refunded
    report.money[end] += charge.money - refunded


def _stated_times(config: Config) -> dict[State, float]:
    """How long a charge may stand in each open state, in seconds; README states the same."""
    service = config.service
    windows = [service.window_s, *(merchant.window_s for merchant in config.merchant)]
    return {
        State.SENT: max(host.answer_timeout_s for host in config.host),
        State.APPROVED: config.wire.unacknowledged_s + config.wire.acknowledgement_settles_s,
        State.DELIVERY_UNKNOWN: service.delivery_proof_s,
        State.DELIVERED: max(windows),
        State.REVERSAL_DUE: config.reversal.overdue_s,
        # As long as its void takes to be answered, to be proven or to be reversed.
        State.VOIDING: (
            max(host.answer_timeout_s for host in config.host)
            + service.delivery_proof_s
            + config.reversal.overdue_s
        ),
    }


def _broken(charge: Charge) -> Iterator[str]:
    """What one charge's record says against the promise."""
    if charge.state is State.DECLINED and charge.attempts:
        yield f"charge {charge.id}: declined, and yet a reversal was sent"
    if charge.state is State.PRESUMED_SERVED and charge.attempts:
        yield f"charge {charge.id}: served, and yet a reversal was sent"
    by_itself = charge.reason != Reason.BY_A_PERSON
    if charge.state in _REVERSED and by_itself and not charge.attempts:
        yield f"charge {charge.id}: reversed, but no reversal was sent"
    if charge.reason == Reason.INTERNAL_ERROR:
        yield f"charge {charge.id}: an event came that its state does not allow"


def _note(report: Report, found: Iterator[str]) -> None:
    for violation in found:
        if len(report.violations) < _VIOLATIONS_MAX:
            report.violations.append(violation)


def _line(charge: Charge) -> dict[str, Any]:
    end = END_OF.get(charge.state, "open")
    return {
        "id": charge.id,
        "merchant": charge.merchant,
        "terminal": charge.terminal,
        "stan": charge.stan,
        "batch": charge.batch,
        "de7": charge.de7,
        "kind": charge.kind,
        "original": charge.original_id,
        "host": charge.host,
        "host_stan": charge.host_stan,
        "host_de7": charge.host_de7,
        "rrn": charge.rrn,
        "amount": charge.money,
        "currency": charge.currency,
        "end": end,
        "state": charge.state,
        "reason": charge.reason,
        "reversal_stan": charge.reversal_stan,
        "reversal_de7": charge.reversal_de7,
        "attempts": charge.attempts,
        "repeats_answered": charge.repeats_answered,
    }
