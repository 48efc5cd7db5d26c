"""Merchants' settlement cards in the middle of the traffic: people change them, a bank is told.

The people speak to the gateway as the desk does, the bank as the gateway's shell hears it; what it
took it keeps through every kill.  At any time, of each merchant exactly one card counts on a day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from routing.accounts.asked import Action, Asked, File, Record, Reply, Verb
from routing.accounts.bank_sync import BankCard, Told
from routing.accounts.bins import Bin, BinTable, CardKind
from routing.accounts.new_card import NewCard
from tests.simulation.agenda import WALL_AT_START

if TYPE_CHECKING:
    import random

    from routing.accounts.refusals import Code
    from routing.clock import Now
    from routing.switch import Switch
    from tests.simulation.checkers import Checkers

_EVERY_S: Final = (0.2, 2.0)
_MINUTE: Final = int(WALL_AT_START // 60 + 480 + 1) % 1_440
CUT_OVER_AT: Final = f"{_MINUTE // 60:02d}:{_MINUTE % 60:02d}"
"""A day ends in the first or second minute of each world."""
_BINS: Final = (Bin(prefix="622202", lengths=(19,), bank="ICBC", kind=CardKind.DEBIT),)
_CARDS: Final = ("6222021234567890128", "6222029999999999992")


class Settling:
    """Changes cards, answers for the bank, runs settlements: now and then."""

    def __init__(self, rng: random.Random, checkers: Checkers) -> None:
        self._rng, self._checkers = rng, checkers
        self.told: list[Reply] = []
        self._taken: dict[tuple[str, int], str] = {}
        """What the bank has: token by merchant and version."""
        self._life: Switch | None = None
        self._seen: dict[tuple[str, str], str] = {}
        """Which card a run saw that was told, by merchant and day."""
        self._not_told: dict[tuple[str, str], str] = {}
        """The same of runs that may not be durable yet: nobody heard of them."""

    def acts(self, switch: Switch, merchants: list[str], now: Now) -> None:
        """One thing, chosen by chance; nothing is on its way to the disk now."""
        if switch is self._life:
            self._seen |= self._not_told
        else:
            self._begin(switch)
        self._not_told = {}
        self.look(switch)
        begins, decides, banks = self._begins, self._decides, self._banks
        what = self._rng.choice((begins, decides, decides, banks, banks, self._runs))
        what(switch, self._rng.choice(merchants), now)

    def _begin(self, switch: Switch) -> None:
        """A new life: it has a bank to tell."""
        self._life, life = switch, switch.life
        replace = msgspec.structs.replace
        settlement = replace(life.settings.settlement, is_on=True, retry_s=1.0, retry_max_s=4.0)
        life.settings = replace(life.settings, settlement=settlement)
        switch.office.settlement.bins = BinTable(_BINS)

    def _ask(self, switch: Switch, now: Now, **said: Any) -> None:
        switch.office.ask(Asked(**said), lambda reply, _: self.told.append(reply), now)

    def _begins(self, switch: Switch, merchant: str, now: Now) -> None:
        """Enquire, and ask for another card."""
        digits = self._rng.choice(_CARDS)

        def enquired(reply: Reply, now: Now) -> None:
            record = Record(merchant=merchant, token=reply.token, name="Shop")
            card = NewCard(digits, digits, "under the bank's key")
            about: dict[str, Any] = {"file": File.SETTLEACC, "action": Action.CHANGE}
            self._ask(
                switch, now, verb=Verb.REQUEST, who="clara", record=record, card=card, **about
            )

        enquiry = Asked(
            verb=Verb.ENQUIRE,
            file=File.SETTLEACC,
            action=Action.ENQUIRE,
            who="clara",
            record=Record(merchant=merchant),
        )
        switch.office.ask(enquiry, enquired, now)

    def _decides(self, switch: Switch, merchant: str, now: Now) -> None:
        """Approve, now and then withdraw."""
        del merchant
        verb = self._rng.choice((Verb.APPROVE, Verb.APPROVE, Verb.APPROVE, Verb.WITHDRAW))
        who = "clara" if verb is Verb.WITHDRAW else "rita"
        for request in switch.office.shelf.open():
            self._ask(switch, now, verb=verb, who=who, record=Record(request=request.id))

    def _banks(self, switch: Switch, merchant: str, now: Now) -> None:
        """The bank takes what it is told; its answer comes, is lost, or it says nothing."""
        del merchant
        sync = switch.office.settlement.sync
        for sent in sync.wanted(now):
            what = self._rng.choice((Told.TAKEN, Told.TAKEN, Told.FAILED, None))
            if what is not Told.FAILED:
                known = self._taken.setdefault(
                    (sent.merchant, sent.version.number), sent.version.token
                )
                if known != sent.version.token:
                    self._checkers.violated(4, f"{sent.key}: another card under the same number")
            codes: tuple[Code, ...] = ()
            sync.told(sent, what or Told.FAILED, codes, now)
        if self._rng.random() < 0.1:
            self._compares(switch, now)

    def _compares(self, switch: Switch, now: Now) -> None:
        sync = switch.office.settlement.sync
        newest = dict(sorted(self._taken))
        sync.begin_comparison()
        for merchant, number in newest.items():
            account = switch.office.settlement.cards.of(merchant)
            version, token = account.version(number), self._taken[merchant, number]
            masked = version.masked if version is not None else ""
            card = BankCard(merchant=merchant, version=number, token=token, masked=masked)
            sync.compare([card], now)
            if account.mismatch:
                self._checkers.violated(1, f"{merchant}: {account.mismatch}")
        sync.end_comparison(now)

    def _runs(self, switch: Switch, merchant: str, now: Now) -> None:
        """A settlement run of today."""
        settlement = switch.office.settlement
        day = settlement.cards.days.current(now)
        (payout,) = settlement.runs.run(day, {merchant: 1_000}, "clara", now)
        known = self._seen.get((merchant, day), payout.token)
        self._not_told[merchant, day] = payout.token
        if known != payout.token:
            self._checkers.violated(1, f"{merchant}: two settlement cards on {day}")

    # What must hold at any time

    def look(self, switch: Switch) -> None:
        """On each day one card counts, and it is one that the bank has."""
        if switch is not self._life:
            return
        for account in switch.office.settlement.cards.all():
            begun = [(each.begins, each.number) for each in account.versions if each.begins]
            days = [day for day, _ in begun]
            if sorted(set(days)) != days:
                self._checkers.violated(1, f"{account.merchant}: {begun}")
            for each in account.versions:
                if each.begins and self._taken.get((account.merchant, each.number)) != each.token:
                    self._checkers.violated(2, f"{account.merchant}: in force, not at the bank")

    def pause_s(self) -> float:
        """Until somebody acts again."""
        return self._rng.uniform(*_EVERY_S)
