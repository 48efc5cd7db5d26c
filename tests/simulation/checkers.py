"""The promise as checks, while the world runs and after it: numbers are those of the invariants.

What is durable is what the disk really has synced; what was told and booked is what terminals and
hosts wrote into their own books.  The gateway's own word is only compared, never believed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from codec import Message, dialect
from gateway.simulators.terminal_rules import Kind
from routing.charge import State
from routing.effects import Audited, Kept
from routing.keeper import AuditKind, KeptKind
from routing.reason import Reason
from routing.records import MOVED, OPENED, Moved, Opened
from routing.response_codes import APPROVALS
from tests.simulation.street import ANSWER_TIMEOUT_S, DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gateway.audit import Report
    from gateway.simulators.bank import Charge, Reversed
    from routing.charge import Charge as Open
    from routing.clock import Now
    from routing.effects import Record
    from tests.simulation.bounds import Fill
    from tests.simulation.terminals import BookLine, Terminal

VIOLATIONS_MAX: Final = 50
SLACK_S: Final = 1.0
"""What a turn may add to a stated time."""
_AT = {name: index for index, name in enumerate(OPENED)}
_MOVED_AT = {name: index for index, name in enumerate(MOVED)}
_KEPT: Final = frozenset({State.APPROVED, State.DELIVERED, State.PRESUMED_SERVED, State.SERVED})
_PROVEN: Final = frozenset({State.PRESUMED_SERVED, State.SERVED})
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
    proven: set[tuple[str, str, str]] = field(default_factory=set)
    """The same of those whose service was proven."""


class Checkers:
    """Holds a run against the nine invariants."""

    def __init__(self, now: Callable[[], float], note: Callable[..., None]) -> None:
        self._now = now
        self.note = note
        self.violations: list[Violation] = []
        self._durable = Durable()
        self.decisions: dict[Name, Charge] = {}
        self.reversals = 0
        self._settled: set[Name] = set()
        """Charges of a settlement day that is over."""
        self._undated: set[tuple[str, str, str]] = set()
        """Merchant, terminal, STAN of cases whose day the gateway could not know: no answer of that
        host had told it yet."""
        self.revoked: set[str] = set()
        """Terminals whose keys were revoked, perhaps: merchant|terminal."""
        self._accounts: dict[str, tuple[str, str]] = {}
        """Durable account requests: whom each is about, and its state."""
        self.reached: Counter[str] = Counter()
        """Looks at which a bound was reached, by its name."""

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
                host, stan = charge.host, charge.host_stan
                self.note("opened", record.id, charge.terminal, charge.stan, host, stan)
                self._durable.left.add((charge.host, charge.host_stan, charge.terminal))
            elif isinstance(record, Moved):
                self._moved(record.id, record.values)
            elif isinstance(record, Kept) and record.kind is KeptKind.ACCOUNT_REQUEST:
                said = record.data or {}
                about = f"{said.get('merchant', '')}|{said.get('terminal', '')}"
                self._accounts[record.key] = about, said.get("state", "")

    def is_out(self, till: str, states: frozenset[str]) -> bool:
        """Whether a durable request has a terminal (merchant|terminal) in one of these states."""
        return any(about == till and state in states for about, state in self._accounts.values())

    def appending(self, records: Sequence[Record]) -> None:
        """The journal is given these records; a killed process may leave them on the disk."""
        for record in records:
            if isinstance(record, Opened):
                named = (record.values[_AT[name]] for name in _Opened._fields)
                self._durable.charges[record.id] = _Opened(*named)
            elif isinstance(record, Audited) and record.kind is AuditKind.KEYS_REVOKED:
                self.revoked.add(record.subject)

    def _moved(self, charge_id: int, values: tuple[object, ...]) -> None:
        charge = self._durable.charges[charge_id]
        state = values[_MOVED_AT["state"]]
        stan = values[_MOVED_AT["reversal_stan"]]
        self.note("moved", charge_id, charge.terminal, charge.stan, state, stan)
        if state in _KEPT:
            self._durable.approved.add((charge.merchant, charge.terminal, charge.stan))
        if state is State.CASE and not values[_MOVED_AT["settled_on"]]:
            self._undated.add((charge.merchant, charge.terminal, charge.stan))
        if state in _PROVEN:
            self._durable.proven.add((charge.merchant, charge.terminal, charge.stan))
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
            # One that is too late waits for the disk: it will not leave any more.
            waits = charge.state is State.SENT and not charge.trouble.too_late
            if waits and waited_s > ANSWER_TIMEOUT_S + SLACK_S:
                self.violated(9, f"charge {charge.id} waits for its host since {waited_s:.0f} s")

    def bounds(self, fills: Iterable[Fill]) -> None:
        """Nothing in the gateway grows past its bound: invariant 7."""
        for name, used, bound in fills:
            if used >= bound:
                self.reached[name] += 1
            if used > bound:
                self.violated(7, f"{name} is {bound}, and {used} are there")

    # Hosts

    def decided(self, host: str, charge: Charge) -> None:
        """A host decided a charge."""
        name = (charge.request.merchant, charge.request.terminal, charge.request.amount)
        self.note("decided", host, *name, charge.code)
        if name in self.decisions:
            self.violated(4, f"{name} was charged twice")
        self.decisions[name] = charge

    def day_over(self, charges: Iterable[Name]) -> None:
        """A host closed the day of these charges: what can't be reversed any more may be a case."""
        self._settled.update(charges)

    def gave_back(self, host: str, message: Message, outcome: Reversed) -> None:
        """A host answered a reversal: invariant 4."""
        self.note("reversal", host, message.get(41), message.get(11), outcome.code)
        self.reversals += 1
        charge = outcome.charge
        if charge is not None and charge.given_back > charge.taken:
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
        name = (facts.merchant, facts.terminal, facts.amount)
        charge = self.decisions.get(name)
        if code not in APPROVALS:
            return
        if kind is Kind.VOID and (charge is None or not charge.given_back):
            self.violated(2, f"{name} was told that it is voided, and its host kept the money")
        if kind is not Kind.SALE:
            return
        if charge is None or charge.code not in APPROVALS:
            self.violated(6, f"{name} was told an approval that no host gave")
        elif charge.rrn != answer.get(37):
            self.violated(6, f"{name} was told another charge's approval")
        elif int(answer.get(4, "0")) != charge.taken:
            self.violated(6, f"{name} was told an approval of another amount")
        elif charge.given_back and not terminal.confirms:
            # One that confirms learns by its confirmation's 22 that it must not serve.
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
        ends = {(x["merchant"], x["terminal"], x["stan"]): x for x in report.each}
        lines = {
            (line.facts.merchant, line.facts.terminal, line.facts.amount): line
            for terminal in terminals
            for line in terminal.book
        }
        self._same_charges(ends, report)
        for name, charge in self.decisions.items():
            line = lines.get(name)
            end = None if line is None else ends.get((*name[:2], line.facts.stan))
            if line is None:
                self.violated(6, f"{name} was charged, and no terminal had asked for it")
            elif end is not None:
                self._money(name, charge, line, end)
            elif charge.taken:
                self.violated(2, f"{name} was charged, and the journal knows of no charge")
        self._served_for_nothing(lines)
        self._same_sums(report, lines, ends)
        for terminal in terminals:
            if not terminal.settled:
                self.violated(9, f"{terminal.name} could not settle its last sale")

    def _served_for_nothing(self, lines: Mapping[Name, BookLine]) -> None:
        for name, line in lines.items():
            if line.sale.served and name not in self.decisions:
                self.violated(3, f"{name} was served, and no host ever charged it")

    def _same_charges(self, ends: Mapping[object, object], report: Report) -> None:
        if len(ends) != len(report.each):
            twice = Counter((x["merchant"], x["terminal"], x["stan"]) for x in report.each)
            for name, count in twice.items():
                if count > 1:
                    self.violated(4, f"{name} stands in the journal {count} times")

    def _same_sums(
        self, report: Report, lines: Mapping[Name, BookLine], ends: Mapping[Any, Any]
    ) -> None:
        """What cases are about a person still has to find out."""
        kept = 0
        for name, charge in self.decisions.items():
            line = lines.get(name)
            end = None if line is None else ends.get((*name[:2], line.facts.stan))
            if end is None or end["end"] != "case":
                kept += charge.taken - charge.given_back
        if kept != report.money["served"]:
            served = report.money["served"]
            self.violated(1, f"the hosts kept {kept}, the journal says {served} was served")

    def _money(self, name: Name, charge: Charge, line: BookLine, end: dict[str, object]) -> None:
        how, served = end["end"], line.sale.stands
        kept = charge.taken > charge.given_back
        proven = (name[0], name[1], line.facts.stan) in self._durable.proven
        is_undated = (name[0], name[1], line.facts.stan) in self._undated
        if end["reason"] == Reason.AFTER_CUT_OVER and is_undated:
            return
        if how == "case" and name in self._settled:
            return
        if how == "case":
            self.violated(1, f"{name} became a case for no good reason: {end['reason']}")
        elif kept and not served and not (line.orphaned and _may_be_served(line)):
            self.violated(2, f"{name} stays charged without service: journal {how}")
        elif not kept and ((proven and not line.asked_back) or (served and not line.orphaned)):
            self.violated(3, f"{name} was served without a charge: journal {how} {end['reason']}")
        elif (how == "served") != kept:
            self.violated(1, f"{name}: the journal says {how}, the host kept the money: {kept}")
        elif kept and end["amount"] != charge.taken:
            self.violated(1, f"{name}: the journal says {end['amount']}, not {charge.taken}")


def _may_be_served(line: BookLine) -> bool:
    """Whether a charge may be kept whose terminal was gone for good before it could settle.

    At approval: its machine's TCP had the whole approval, so perhaps it served, as its own duty to
    keep a reversal makes the rest impossible for as long as it lives.  With confirmation: only
    what it said counts.
    """
    return line.said_served if line.sale.confirms else line.reached
