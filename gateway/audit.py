"""The audit: reads a journal, beside a running gateway or after it, and holds it to the promise.

For every charge how it ended, the totals in charges and in money, and whatever breaks an
invariant.  Reads only; what it needs of the card numbers' key is that it fits.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import apsw
import msgspec

from codec import mask
from gateway.journal.port import JournalError
from gateway.journal.sqlite import JournalReader
from gateway.journal.vault import Vault, read_key
from routing.charge import END_OF, OPEN_STATES, TABLE, Charge, Event, State
from routing.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from gateway.config import Config

_SLACK_S: Final = 5.0
"""Time that a turn, a commit and a busy machine may add to a stated time."""
_VIOLATIONS_MAX: Final = 1_000
_CASE: Final = "case"
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
    money: dict[str, int] = {}
    violations: list[str] = []
    each: list[dict[str, Any]] = []


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
                for charge in self._reader.charges():
                    stands[charge.id] = charge.state
                    self._count(report, charge, identities)
                    if each and charge.state is not State.NEVER_LEFT:
                        report.each.append(_line(charge))
                _note(report, self._broken_chains(stands))
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
        end = _end(charge)
        report.charges += 1
        setattr(report, end, getattr(report, end) + 1)
        report.money[end] += charge.money
        report.money["charges"] += charge.money
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

    def cases(self) -> list[Charge]:
        """Every open case."""
        return list(self._reader.charges(State.CASE))

    def story(self, charge_id: int) -> list[dict[str, Any]]:
        """One charge as a timeline; empty if there is none with this id."""
        charge = next(self._reader.charges(charge_id=charge_id), None)
        if charge is None:
            return []
        opened = {
            "at": _utc(charge.opened_at),
            "event": "OPENED",
            "state": State.SENT,
            "code": "",
            "remark": _opening(charge),
        }
        steps = [
            {
                "at": _utc(at),
                "event": event,
                "state": after,
                "code": code,
                "remark": reason.replace("_", " "),
            }
            for at, event, after, reason, code in self._reader.steps_of(charge_id)
        ]
        return [opened, *steps]


_ENDS: Final = ("declined", "served", "reversed", "refunded", "cases", "open")


def _end(charge: Charge) -> str:
    end = END_OF.get(charge.state, "open")
    return "cases" if end == _CASE else end


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


def _utc(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")


def _opening(charge: Charge) -> str:
    card = mask.pan(charge.pan) if charge.pan else "no card number"
    return (
        f"{charge.mti} of {charge.money} {charge.currency}, card {card}, terminal"
        f" {charge.terminal} STAN {charge.stan}, to {charge.host} as STAN {charge.host_stan}"
    )
