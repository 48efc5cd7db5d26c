"""The docket: what persons and programs say about charges, beside the steps that charges take.

Rule 1.  Every entry is a record: durable before anything rests on it, never changed, with the name
         of who said it and when.
Rule 2.  A case is closed by one person; a large, disputed or held one by two: the first proposes,
         another confirms.  Nobody confirms what they proposed themselves.
Rule 3.  A proposal ends when it is confirmed, withdrawn, or when its case ends some other way.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from routing.charge import END_OF, OPEN_STATES, TABLE, Charge, Event, State
from routing.conduct import DELIVERED
from routing.effects import Noted
from routing.reason import Reason
from routing.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from routing.clock import Now
    from routing.lifecycle import Lifecycle

REFUND: Final = "refund"
"""Not a closing at once: the host is asked to give the money back, and the case waits for that."""
CLOSINGS: Final = {
    "served": Event.CLOSED_SERVED,
    "refunded": Event.CLOSED_REFUNDED,
    "reversed": Event.CLOSED_REVERSED,
    "retry": Event.CASE_RETRIED,
}
_ALWAYS_TWO: Final = frozenset({Reason.DISPUTED, Reason.HELD_FOR_REVIEW})
_MONEY_BACK: Final = frozenset({"reversed", "refunded"})
ANYBODY: Final = ""


class Entry(StrEnum):
    """The kinds of entries."""

    PROPOSED = "proposed"
    WITHDRAWN = "withdrawn"
    DECIDED = "decided"
    DISPUTED = "disputed"
    REPORTED = "reported"
    COMPLAINT = "complaint"
    DIFFERENCE = "difference"
    DIFFERENCE_SETTLED = "difference settled"
    TAKEN_BACK = "taken back"
    LIMITS_PROPOSED = "limits proposed"
    LIMITS_CHANGED = "limits changed"
    NOTICE = "notice"
    NOTICE_DONE = "notice done"
    CANARY = "canary"


class Answer(StrEnum):
    """What became of a person's word on a case."""

    DECIDED = "decided"
    PROPOSED = "proposed: a second person must confirm it"
    WITHDRAWN = "withdrawn"
    NO_CASE = "no such open case"
    NO_NAME = "say who you are: this case needs two persons"
    OWN = "you proposed it: another person must confirm it"
    OTHERWISE = "something else is proposed: confirm or withdraw that first"
    NOT_PROPOSED = "nothing is proposed"
    NOT_NOW = "the host can't be asked for a refund of this now"
    IMPOSSIBLE = "a refund can't be reversed, and what was never charged can't be either"


class Proposal(NamedTuple):
    """How the first person wants a case closed."""

    how: str
    who: str
    at: float


class Docket:
    """What is pending, in memory; everything else stands in the journal."""

    def __init__(self, life: Lifecycle) -> None:
        self._life = life
        self.proposals: dict[int, Proposal] = {}
        """By charge; no more than there are open cases."""
        self.complaints: dict[int, float] = {}
        """When the first complaint about a charge came that is still open or a case."""
        self.canaries: dict[str, tuple[float, bool]] = {}
        """By host: when its last test charge was made, and whether it went well."""
        self.counts: Counter[tuple[str, str]] = Counter()
        """Entries of this life, by kind and what they say (closed sets of words)."""
        self.money_back_s = Tally()
        """From the first complaint about a charge to money back."""
        life.watchers.add(self._taken_back, before=DELIVERED)
        life.watchers.add(self._decided, before=(State.CASE,))
        self._watching = life.watchers.add(self._ended, after=END_OF, looks=False)

    def note(
        self,
        kind: Entry,
        now: Now,
        *,
        charge: int = 0,
        key: str = "",
        who: str = ANYBODY,
        said: Mapping[str, str | int | float] | None = None,
    ) -> None:
        """Write an entry; durable with the next batch."""
        self._life.outbox.records.append(
            Noted(charge, self._life.epoch, now.wall, kind, key, who, dict(said or {}))
        )

    def restore(self, entries: Iterable[Noted]) -> None:
        """What an earlier life left pending, oldest first."""
        for entry in entries:
            match entry.kind:  # limits are for `limit_changes`, notices for who delivers them
                case Entry.PROPOSED:
                    how = str(entry.said["how"])
                    self.proposals[entry.id] = Proposal(how, entry.who, entry.at)
                case Entry.WITHDRAWN | Entry.DECIDED:
                    self.proposals.pop(entry.id, None)
                case Entry.TAKEN_BACK:
                    till, card = str(entry.said["till"]), str(entry.said["card"])
                    self._life.conduct.took_back(till, card, entry.at)
                case Entry.CANARY:
                    self.canaries[str(entry.said["host"])] = (entry.at, bool(entry.said["ok"]))
                case Entry.COMPLAINT if self._is_pending(entry.id):
                    self._complained(entry.id, entry.at)
        for charge_id in list(self.proposals):
            charge = self._life.book.get(charge_id)
            if charge is not None and charge.state is not State.CASE:
                del self.proposals[charge_id]

    def _is_pending(self, charge_id: int) -> bool:
        charge = self._life.book.get(charge_id)
        return charge is not None and (charge.state in OPEN_STATES or charge.state is State.CASE)

    # Cases

    def needs_two(self, charge: Charge) -> bool:
        """Whether a case needs a second person."""
        if charge.reason in _ALWAYS_TWO:
            return True
        above = self._life.settings.cases.two_persons_above.get(charge.currency)
        return above is not None and charge.money > above

    def close(self, charge: Charge | None, how: str, who: str, now: Now) -> Answer:
        """A person decides a case as `how` (a key of CLOSINGS, or REFUND), or proposes to."""
        if charge is None or charge.state is not State.CASE:
            return Answer.NO_CASE
        if how == "retry" and not _may_be_reversed(charge):
            return Answer.IMPOSSIBLE
        if not self.needs_two(charge):
            return self._decide(charge, how, who, now)
        if not who:
            return Answer.NO_NAME
        known = self.proposals.get(charge.id)
        if known is not None:
            return Answer.PROPOSED if known[:2] == (how, who) else Answer.OTHERWISE
        self.proposals[charge.id] = Proposal(how, who, now.wall)
        self.note(Entry.PROPOSED, now, charge=charge.id, who=who, said={"how": how})
        return Answer.PROPOSED

    def confirm(self, charge: Charge | None, who: str, now: Now) -> Answer:
        """A second person agrees to what the first proposed."""
        if charge is None or charge.state is not State.CASE:
            return Answer.NO_CASE
        known = self.proposals.get(charge.id)
        if known is None:
            return Answer.NOT_PROPOSED
        if not who:
            return Answer.NO_NAME
        if who == known.who:
            return Answer.OWN
        return self._decide(charge, known.how, who, now, known.who)

    def withdraw(self, charge: Charge | None, who: str, now: Now) -> Answer:
        """Somebody takes a proposal back, or refuses it."""
        if charge is None or self.proposals.pop(charge.id, None) is None:
            return Answer.NOT_PROPOSED
        self.note(Entry.WITHDRAWN, now, charge=charge.id, who=who)
        return Answer.WITHDRAWN

    def _decide(
        self, charge: Charge, how: str, who: str, now: Now, proposed_by: str = ""
    ) -> Answer:
        if how == REFUND:
            if charge.kind.undoes or not self._life.originals.refund(charge, now):
                return Answer.NOT_NOW
            self.proposals.pop(charge.id, None)
        said = {"how": how, "proposed_by": proposed_by}
        self.note(Entry.DECIDED, now, charge=charge.id, who=who, said=said)
        if how != REFUND:
            self._life.apply(charge, CLOSINGS[how], now, reason=Reason.BY_A_PERSON)
        return Answer.DECIDED

    def question(self, charge: Charge, reason: Reason, now: Now) -> bool:
        """Make a case of a charge that has ended; False if its state has none made of it."""
        if Event.QUESTIONED not in TABLE[charge.state] or charge.kind.undoes:
            return False
        self._life.apply(charge, Event.QUESTIONED, now, reason=reason)
        return True

    def complained(
        self, charge: Charge, who: str, now: Now, said: Mapping[str, str | int | float]
    ) -> None:
        """A customer complained about a charge; from the first time on it is timed."""
        if self._is_pending(charge.id):
            self._complained(charge.id, now.wall)
        self.note(Entry.COMPLAINT, now, charge=charge.id, who=who, said=said)

    # What follows from charges that move

    def _taken_back(self, charge: Charge, before: State, event: Event, now: Now) -> None:
        if self._life.conduct.counts(charge, before, event):
            said = {"till": charge.till, "card": self._life.conduct.card_of(charge)}
            self.note(Entry.TAKEN_BACK, now, charge=charge.id, said=said)

    def _decided(self, charge: Charge, before: State, event: Event, now: Now) -> None:
        del before, event, now
        self.proposals.pop(charge.id, None)

    def _complained(self, charge: int, at: float) -> None:
        self.complaints.setdefault(charge, at)
        self._life.watchers.look(self._watching, looks=True)

    def _ended(self, charge: Charge, before: State, event: Event, now: Now) -> None:
        del before, event
        end = END_OF.get(charge.state)
        if charge.id in self.complaints and end is not None and end != "case":
            since = self.complaints.pop(charge.id)
            if end in _MONEY_BACK:
                self.money_back_s.add(max(now.wall - since, 0.0))
            self._life.watchers.look(self._watching, looks=bool(self.complaints))


def _may_be_reversed(charge: Charge) -> bool:
    return charge.kind.reversible and bool(
        charge.approval_held or charge.reversal_stan or not charge.code
    )
