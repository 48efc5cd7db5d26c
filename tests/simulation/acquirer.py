"""The acquirer's people: in the middle of the traffic they cancel accounts, take terminals out of
service, and bring some of them all the way back.

They speak to the gateway as the desk does.  What they were told may die with the process; what is
durable is for the checker: nobody's new business begins once it is barred, and whoever is done with
money has none open.  A terminal is brought back in the workshop: there it sells nothing, and all
that it is tested with is taken back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing.accounts.asked import Action, Asked, File, Record, Reply, Verb
from routing.accounts.backup import Evidence, Sums
from routing.accounts.people import Person, Role
from routing.accounts.settings import AccountSettings
from routing.states import State

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from routing.accounts.request import AccountRequest
    from routing.clock import Now
    from routing.switch import Switch
    from tests.simulation.checkers import Checkers
    from tests.simulation.terminals import Terminal

SETTINGS: Final = AccountSettings(
    people=(
        Person(name="clara", roles=(Role.CLERK,)),
        Person(name="rita", roles=(Role.REVIEWER,)),
        Person(name="tech", roles=(Role.TECHNICIAN,)),
    ),
    mac_failures_max=0,
    replays_max=0,
    malformed_max=0,
    test_amount_max=10**9,
)
_EVERY_S: Final = (0.2, 1.0)
_DONE_WITH_MONEY: Final = frozenset({"BACKUP", "DEACTIVATED", "CANCELLED", "RETIRED"})
_BARS: Final = frozenset({"DRAINING", "CLOSING"}) | _DONE_WITH_MONEY
_OUT: Final = frozenset({"DEACTIVATED", "TESTING"})
_MAY_COME_BACK: Final = frozenset({State.CASE, State.REVERSAL_DUE})
"""Whatever the account: a case may be made of an ended charge, and decided as a reversal."""


class Acquirer:
    """Asks for something, now and then."""

    def __init__(
        self,
        rng: random.Random,
        checkers: Checkers,
        standing: Callable[[str], list[Terminal]],
    ) -> None:
        """`standing` says what stands there under merchant|terminal."""
        self._rng, self._checkers, self._standing = rng, checkers, standing
        self._in_workshop: set[str] = set()
        self._states: dict[str, str] = {}
        self.told: list[Reply] = []
        self._before: dict[str, int] = {}
        """The newest charge when a request was first seen to bar its subject."""

    def acts(self, switch: Switch, tills: list[tuple[str, str]], now: Now) -> None:
        """One thing, chosen by chance."""
        self.look(switch)
        decides, begins = self._decides, self._begins
        reports = self._reports
        what = self._rng.choice((begins, decides, decides, self._backs_up, reports, reports))
        what(switch, tills, now)
        self._work(switch)

    def _ask(self, switch: Switch, asked: Asked, now: Now) -> None:
        switch.office.ask(asked, lambda reply, _: self.told.append(reply), now)

    def _begins(self, switch: Switch, tills: list[tuple[str, str]], now: Now) -> None:
        """Enquire and ask: a terminal out of service, or its account cancelled."""
        merchant, terminal = self._rng.choice(tills)
        cancels = self._rng.random() < 0.3
        said = {"merchant": merchant, "terminal": terminal, "reason": "as agreed"}
        said |= {"contact": "010 555 000", "kind": "STRATEGY"}
        said["state"] = "CANCELLED" if cancels else "DEACTIVATED"
        action = Action.DELETE if cancels else Action.CHANGE

        def enquired(reply: Reply, now: Now) -> None:
            record = Record(**said, token=reply.token)  # type: ignore[arg-type]
            wanted = Asked(verb=Verb.REQUEST, file=File.TERMINAL, action=action, record=record)
            self._ask(switch, _by("clara", wanted), now)

        record = Record(**said)  # type: ignore[arg-type]
        enquiry = Asked(
            verb=Verb.ENQUIRE, file=File.TERMINAL, action=Action.ENQUIRE, who="clara", record=record
        )
        switch.office.ask(enquiry, enquired, now)

    def _decides(self, switch: Switch, tills: list[tuple[str, str]], now: Now) -> None:
        """Approve, reject, withdraw, hand over again: in turn or not."""
        del tills
        verb = self._rng.choice((Verb.APPROVE, Verb.APPROVE, Verb.REJECT, Verb.RESUME))
        who = "clara" if verb is Verb.RESUME else self._rng.choice(("rita", "rita", "clara"))
        for request in self._some(switch):
            said = Record(request=request.id, what="P21")
            self._ask(switch, Asked(verb=verb, who=who, record=said), now)

    def _reports(self, switch: Switch, tills: list[tuple[str, str]], now: Now) -> None:
        """A cause is gone, or the device is.  To be brought back it must be in the workshop."""
        del tills
        what = self._rng.choice((*["lifted"] * 9, "retired"))
        for request in self._some(switch):
            if what == "lifted" and not self._is_in_workshop(request):
                continue
            said = Record(request=request.id, what=what, evidence="paper 7")
            self._ask(switch, Asked(verb=Verb.REPORT, who="tech", record=said), now)

    def _backs_up(self, switch: Switch, tills: list[tuple[str, str]], now: Now) -> None:
        """The shell's work, which sometimes does not match."""
        del tills
        good, bad = Sums(1, 1, "a"), Sums(0, 0, "b")
        for wanted in switch.office.devices.backups_wanted():
            found = good if self._rng.random() < 0.7 else bad
            switch.office.devices.backed_up(wanted, Evidence(good, found, "f"), now)

    # The workshop

    def _is_in_workshop(self, request: AccountRequest) -> bool:
        """Whether it is there, and done with what it was about; if not, it is sent for."""
        if request.state in _OUT and request.subject not in self._in_workshop:
            self._in_workshop.add(request.subject)
            for each in self._standing(request.subject):
                each.in_workshop = True
        there = self._standing(request.subject)
        return request.subject in self._in_workshop and all(each.settled for each in there)

    def _work(self, switch: Switch) -> None:
        """Have what is being tested make its tests; what is tested, or will never be, leaves."""
        out = {x.subject: x for x in switch.office.shelf.open() if x.state in _OUT}
        for subject in sorted(self._in_workshop):
            request = out.get(subject)
            if request is None and self._checkers.is_out(subject, _OUT):
                continue  # what brought it back is not durable yet
            if request is None:
                self._in_workshop.discard(subject)
                for each in self._standing(subject):
                    each.leave_workshop()
            elif request.state == "TESTING" and self._is_in_workshop(request):
                for each in self._standing(subject):
                    each.make_tests()

    def _some(self, switch: Switch) -> list[AccountRequest]:
        known = switch.office.shelf.open()
        return [self._rng.choice(known)] if known else []

    # What must hold at any time

    def look(self, switch: Switch) -> None:
        """Nobody's business begins once it is barred; who is done with money has none open."""
        # Not the last one in memory: the journal may just have given back an older one.
        newest = max((each.id for each in switch.life.book.newest()), default=0)
        for request in switch.office.shelf.all():
            if self._states.get(request.id) != request.state:
                self._states[request.id] = request.state
                self._checkers.note("account", request.subject.partition("|")[2], request.state)
            if request.state not in _BARS:
                self._before.pop(request.id, None)
                continue
            before = self._before.setdefault(request.id, newest)
            for charge in switch.life.book.open():
                if charge.till != request.subject or charge.state in _MAY_COME_BACK:
                    continue
                if request.state in _DONE_WITH_MONEY:
                    self._checkers.violated(2, f"{request.id}: {request.state} over open money")
                elif charge.id > before:
                    self._checkers.violated(2, f"{request.id}: business began while barred")

    def pause_s(self) -> float:
        """Until somebody asks again."""
        return self._rng.uniform(*_EVERY_S)


def _by(who: str, asked: Asked) -> Asked:
    return Asked(
        verb=asked.verb, file=asked.file, action=asked.action, who=who, record=asked.record
    )
