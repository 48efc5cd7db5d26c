"""The promise as checks, while the world runs and after it: numbers are those of the invariants.

What is durable is what the disk really has synced; what was told and booked is what terminals and
hosts wrote into their own books.  The gateway's own word is only compared, never believed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from codec import Message, dialect
from gateway.simulators.terminal_rules import Kind
from routing.charge import State
from routing.effects import MOVED, OPENED, Moved, Opened
from routing.response_codes import APPROVALS
from tests.simulation.street import ANSWER_TIMEOUT_S, DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.audit import Report
    from gateway.simulators.bank import Charge, Reversed
    from routing.charge import Charge as Open
    from routing.clock import Now
    from routing.effects import Record
    from tests.simulation.terminals import BookLine, Terminal

VIOLATIONS_MAX: Final = 50
SLACK_S: Final = 1.0
"""What a turn may add to a stated time."""
_AT = {name: index for index, name in enumerate(OPENED)}
_MOVED_AT = {name: index for index, name in enumerate(MOVED)}
_KEPT: Final = frozenset({State.APPROVED, State.DELIVERED, State.PRESUMED_SERVED, State.SERVED})
_HOSTS: Final = frozenset({"bank", "clearing"})

Name = tuple[str, str, int]
"""Merchant, terminal, amount: a terminal never has an amount twice."""


class Violation(NamedTuple):
    """A broken promise."""

    invariant: int
    at_s: float
    what: str


class _Opened(NamedTuple):
    host: str
    merchant: str
    terminal: str
    stan: str
    host_stan: str


@dataclass(slots=True)
class Durable:
    """What the journal has synced, over all lives."""

    charges: dict[int, _Opened] = field(default_factory=dict)
    left: set[tuple[str, str, str]] = field(default_factory=set)
    """Host, STAN as sent, terminal of every charge."""
    reversals: set[tuple[str, str, str]] = field(default_factory=set)
    approved: set[tuple[str, str, str]] = field(default_factory=set)
    """Merchant, terminal, STAN of the terminal."""


class Checkers:
    """Holds a run against the nine invariants."""

    def __init__(self, now: Callable[[], float], note: Callable[..., None]) -> None:
        self._now = now
        self.note = note
        self.violations: list[Violation] = []
        self._durable = Durable()
        self.decisions: dict[Name, Charge] = {}
        self.reversals = 0

    def violated(self, invariant: int, what: str) -> None:
        """A promise is broken."""
        self.note("VIOLATION", invariant, what)
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(Violation(invariant, self._now(), what))

    # The journal

    def appended(
        self, records: Sequence[Record], known: Mapping[int, object], *, durable: bool
    ) -> None:
        """The journal says that it has these records."""
        if not durable:
            self.violated(5, "the journal returned before its records were synced")
        for record in records:
            if record.id in known:
                continue
            if isinstance(record, Opened):
                charge = self._durable.charges[record.id]
                self.note("opened", record.id, charge.terminal, charge.stan)
                self._durable.left.add((charge.host, charge.host_stan, charge.terminal))
            elif isinstance(record, Moved):
                self._moved(record.id, record.values)

    def appending(self, records: Sequence[Record]) -> None:
        """The journal is given these records; a killed process may leave them on the disk."""
        for record in records:
            if isinstance(record, Opened):
                named = (record.values[_AT[name]] for name in _Opened._fields)
                self._durable.charges[record.id] = _Opened(*named)

    def _moved(self, charge_id: int, values: tuple[object, ...]) -> None:
        charge = self._durable.charges[charge_id]
        state = values[_MOVED_AT["state"]]
        self.note("moved", charge_id, charge.terminal, charge.stan, state)
        if state in _KEPT:
            self._durable.approved.add((charge.merchant, charge.terminal, charge.stan))
        stan = values[_MOVED_AT["reversal_stan"]]
        if state is State.REVERSAL_DUE and values[_MOVED_AT["attempts"]]:
            self._durable.reversals.add((charge.host, str(stan), charge.terminal))

    # Frames that leave the gateway

    def leaves(self, peer: str, data: bytes) -> None:
        """The gateway hands a frame to a socket: invariant 5."""
        message = Message(data, dialect(DIALECTS[peer]))
        mti, get = message.mti, message.get
        self.note("leaves", peer, mti, get(41, ""), get(11, ""), get(39, ""))
        if peer in _HOSTS:
            key = (peer, get(11, ""), get(41, ""))
            if mti[1] in "12" and key not in self._durable.left:
                self.violated(5, f"a charge left before it was durable: {key}")
            if mti[1] == "4" and key not in self._durable.reversals:
                self.violated(5, f"a reversal left before it was durable: {key}")
        elif mti[1] in "12" and mti[2] == "1" and get(39) in APPROVALS:
            approved = (get(42, ""), get(41, ""), get(11, ""))
            if approved not in self._durable.approved:
                self.violated(5, f"an approval left before it was durable: {approved}")

    # Time

    def look(self, charges: Sequence[Open], now: Now) -> None:
        """No charge waits for its host for longer than is stated: invariant 9."""
        for charge in charges:
            waited_s = now.monotonic - charge.known_since
            if charge.state is State.SENT and waited_s > ANSWER_TIMEOUT_S + SLACK_S:
                self.violated(9, f"charge {charge.id} waits for its host since {waited_s:.0f} s")

    # Hosts

    def decided(self, host: str, charge: Charge) -> None:
        """A host decided a charge."""
        name = (charge.request.merchant, charge.request.terminal, charge.request.amount)
        self.note("decided", host, *name, charge.code)
        if name in self.decisions:
            self.violated(4, f"{name} was charged twice")
        self.decisions[name] = charge

    def gave_back(self, host: str, message: Message, outcome: Reversed) -> None:
        """A host answered a reversal: invariant 4."""
        self.note("reversal", host, message.get(41), message.get(11), outcome.code)
        self.reversals += 1
        charge = outcome.charge
        if charge is not None and charge.given_back > charge.request.amount:
            name = (charge.request.merchant, charge.request.terminal, charge.request.amount)
            self.violated(4, f"{name} was given back twice")

    # Terminals

    def unasked(self, terminal: Terminal, answer: Message) -> None:
        """A terminal got an answer to nothing that it had asked on this connection."""
        what = f"{answer.mti} {answer.get(39, '')} for {answer.get(41, '')} {answer.get(11, '')}"
        self.violated(6, f"{terminal.name} got {what}, which it had not asked for")

    def told(self, terminal: Terminal, line: BookLine, kind: Kind, answer: Message) -> None:
        """A terminal got the answer that it waited for: invariants 3 and 6."""
        facts = line.facts
        code = answer[39]
        self.note("told", terminal.name, facts.stan, kind, code)
        if kind is not Kind.SALE or code not in APPROVALS:
            return
        name = (facts.merchant, facts.terminal, facts.amount)
        charge = self.decisions.get(name)
        if charge is None or charge.code not in APPROVALS:
            self.violated(6, f"{name} was told an approval that no host gave")
        elif charge.rrn != answer.get(37):
            self.violated(6, f"{name} was told another charge's approval")
        elif int(answer.get(4, "0")) != facts.amount:
            self.violated(6, f"{name} was told an approval of another amount")
        elif charge.given_back:
            self.violated(3, f"{name} was told an approval whose money was given back before")

    # Afterwards

    def card_data(self, terminals: Sequence[Terminal], written: bytes) -> None:
        """No card number in clear in what was written to disk and log: invariant 8."""
        for terminal in terminals:
            if terminal.pan.encode() in written or bytes.fromhex(terminal.pan) in written:
                self.violated(8, f"the card number of {terminal.name} was written in clear")

    def settle(self, terminals: Sequence[Terminal], report: Report) -> None:
        """Hold the three books against each other: invariants 1, 2, 3, 4 and 9."""
        for text in report.violations:
            self.violated(1, f"audit: {text}")
        if report.open:
            self.violated(9, f"{report.open} charges are still open")
        ends = {(x["merchant"], x["terminal"], x["amount"]): x for x in report.each}
        lines = {
            (line.facts.merchant, line.facts.terminal, line.facts.amount): line
            for terminal in terminals
            for line in terminal.book
        }
        self._same_charges(ends, report)
        for name, charge in self.decisions.items():
            line = lines.get(name)
            if line is None:
                self.violated(6, f"{name} was charged, and no terminal had asked for it")
                continue
            self._money(name, charge, line, ends.get(name))
        for name, line in lines.items():
            if line.sale.served and name not in self.decisions:
                self.violated(3, f"{name} was served, and no host ever charged it")
        for terminal in terminals:
            if not terminal.settled:
                self.violated(9, f"{terminal.name} could not settle its last sale")

    def _same_charges(self, ends: Mapping[Name, object], report: Report) -> None:
        if len(ends) != len(report.each):
            twice = Counter((x["merchant"], x["terminal"], x["amount"]) for x in report.each)
            for name, count in twice.items():
                if count > 1:
                    self.violated(4, f"{name} stands in the journal {count} times")

    def _money(
        self, name: Name, charge: Charge, line: BookLine, end: dict[str, object] | None
    ) -> None:
        if end is None:
            if charge.code in APPROVALS:
                self.violated(2, f"{name} was charged, and the journal knows of no charge")
            return
        how, served = end["end"], line.sale.served
        kept = charge.code in APPROVALS and not charge.given_back
        if how == "case":
            self.violated(1, f"{name} became a case for no good reason: {end['reason']}")
        elif kept and not served:
            self.violated(2, f"{name} stays charged without service: journal {how}")
        elif served and not kept:
            self.violated(3, f"{name} was served without a charge: journal {how} {end['reason']}")
        elif (how == "served") != kept:
            self.violated(1, f"{name}: the journal says {how}, the host kept the money: {kept}")
