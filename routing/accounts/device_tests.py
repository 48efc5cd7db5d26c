"""The tests of a terminal that comes back: sign-in, echo, status, a test charge that is reversed.

The test charge is a sale of the terminal while it is being tested, of no more than
`accounts.test_amount_max`; no other sale is let through, and no second one.  If the terminal does
not reverse it, the gateway does.  One that the host declines proves nothing: it is noted, whoever
tests is told, and another one may be made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing.accounts.machine import Kind
from routing.reason import Reason
from routing.states import Event, State
from routing.watchers import MOVED_ON

if TYPE_CHECKING:
    from routing.accounts.office import Office
    from routing.accounts.request import AccountRequest
    from routing.charge import Charge
    from routing.clock import Now

SIGN_IN: Final = "sign-in"
ECHO: Final = "echo"
STATUS: Final = "status"
CHARGE: Final = "charge"
TESTS: Final = (SIGN_IN, ECHO, STATUS, CHARGE)
_TESTING: Final = "TESTING"
_STANDS: Final = frozenset({State.DELIVERED, State.PRESUMED_SERVED})
_UNDONE: Final = frozenset({State.REVERSED, State.NOTHING_TO_REVERSE})
_CAME_TO_NOTHING: Final = frozenset({State.DECLINED, State.NEVER_LEFT})


class DeviceTests:
    """Who is being tested, and how far they are."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._watching = office.life.watchers.add(self._moved, after=MOVED_ON, looks=False)
        self.passed = 0
        self.made = 0
        self.declined = 0

    def look(self, on: bool) -> None:
        """Charges are looked at while there is any request under way."""
        self._office.life.watchers.look(self._watching, on)

    def begin(self, request: AccountRequest, who: str, now: Now) -> None:
        """Every test is still to be passed."""
        del who
        request.facts["tests"] = dict.fromkeys(TESTS, 0.0)
        request.facts["test_charge"] = 0
        if not self.wants_status(request):
            del request.facts["tests"][STATUS]
        if self._office.registered.lacks_master((request.merchant, request.terminal)):
            self._office.progress.note(request, "", "NEEDS TMK", now)

    def wants_status(self, request: AccountRequest) -> bool:
        """Only some dialects have a status upload."""
        return bool(self._office.signals.health_of(request.subject).status_at)

    def _tested(self, subject: str) -> AccountRequest | None:
        known = self._office.shelf.under_way(Kind.DEACTIVATION, subject)
        return known if known is not None and known.state == _TESTING else None

    def heard(self, subject: str, what: str, now: Now) -> None:
        """A terminal signed in, echoed, or told its state."""
        request = self._tested(subject)
        if request is None or what not in (SIGN_IN, ECHO, STATUS):
            return
        broken = self._office.signals.health_of(subject).broken
        if what != STATUS or not broken:
            self._pass(request, what, now)

    def _pass(self, request: AccountRequest, what: str, now: Now) -> None:
        tests = request.facts["tests"]
        if tests.get(what):
            return
        tests[what] = now.wall
        self.passed += 1
        self._office.progress.note(request, "", "TEST", now, remark=what)

    def lets(self, subject: str, amount: int) -> bool:
        """Whether a sale is the test charge of a terminal that is being tested."""
        request = self._tested(subject)
        if request is None or not 0 < amount <= self._office.settings.test_amount_max:
            return False
        book = self._office.life.book
        known = book.get(int(request.facts["test_charge"]))
        under_way = known is not None and known.state not in _CAME_TO_NOTHING | _UNDONE
        under_way = under_way or any(each.till == subject for each in book.open())
        return not under_way and not request.facts["tests"].get(CHARGE)

    def _moved(self, charge: Charge, before: State, event: object, now: Now) -> None:
        del before, event
        request = self._tested(charge.till)
        if request is None or charge.opened_at < request.since or charge.kind.undoes:
            return
        if request.facts["test_charge"] != charge.id:
            request.facts["test_charge"] = charge.id
            self.made += 1
            self._office.progress.note(request, "", "TEST CHARGE", now, remark=str(charge.id))
        if charge.state in _UNDONE and charge.approval_held:
            self._pass(request, CHARGE, now)
        elif charge.state is State.DECLINED:
            self.declined += 1
            self._office.progress.note(request, "", "TEST DECLINED", now, remark=charge.code)
            self._office.progress.tell(request, "test_declined", now)

    def missing(self, request: AccountRequest, now: Now) -> list[str]:
        """Tests that were not passed yet; a test charge that stands is reversed."""
        charge = self._office.life.book.get(int(request.facts["test_charge"]))
        if charge is not None and charge.state in _STANDS:
            self._office.life.apply(charge, Event.NOT_SERVED, now, reason=Reason.NOT_SERVED)
        return [name for name, at in request.facts["tests"].items() if not at]
