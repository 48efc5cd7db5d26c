"""The test of a second account before it opens: one small charge on it, which is reversed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing.accounts.machine import Event, Kind
from routing.accounts.people import GATEWAY
from routing.accounts.plan import Collects
from routing.accounts.second_states import TESTING
from routing.reason import Reason
from routing.states import Event as ChargeEvent
from routing.states import State

if TYPE_CHECKING:
    from routing.accounts.office import Office
    from routing.accounts.request import AccountRequest
    from routing.charge import Charge
    from routing.clock import Now

_STANDS: Final = frozenset({State.DELIVERED, State.PRESUMED_SERVED})
_UNDONE: Final = frozenset({State.REVERSED, State.NOTHING_TO_REVERSE})
_OVER: Final = _UNDONE | {State.DECLINED, State.NEVER_LEFT}


class AccountTests:
    """Whose account is being tested, and how far that is."""

    def __init__(self, office: Office) -> None:
        self._office = office
        office.collecting.lets_test = self.lets
        office.collecting.tested = self.moved

    def begin(self, request: AccountRequest, who: str, now: Now) -> None:
        """The charge is still to be made."""
        del who, now
        request.facts["test_charge"] = 0
        self._office.collecting.watch()

    def _request(self, merchant: str, account: str) -> AccountRequest | None:
        known = self._office.shelf.under_way(Kind.SECOND, f"{merchant}|")
        if known is None or known.state != TESTING or known.facts["account"] != account:
            return None
        return known

    def lets(self, merchant: str, account: str, amount: int) -> Collects | None:
        """The account that this sale tests: a small one, while no other does."""
        request = self._request(merchant, account)
        if request is None or not 0 < amount <= self._office.settings.test_amount_max:
            return None
        under_way = any(
            each.account == account and each.merchant.rstrip() == merchant
            for each in self._office.life.book.open()
        )
        return None if under_way or self._stands(request) else account_of(request, 0.0)

    def _stands(self, request: AccountRequest) -> bool:
        charge = self._office.life.book.get(int(request.facts["test_charge"]))
        return charge is not None and charge.state not in _OVER

    def moved(self, charge: Charge, now: Now) -> None:
        """A charge of a second account moved: it may be a test."""
        request = self._request(charge.merchant.rstrip(), charge.account)
        if request is None or charge.opened_at < request.since:
            return
        progress = self._office.progress
        if request.facts["test_charge"] != charge.id:
            request.facts["test_charge"] = charge.id
            progress.note(request, GATEWAY, "TEST CHARGE", now, remark=str(charge.id))
        if charge.state in _UNDONE and charge.approval_held:
            progress.apply(request, Event.TESTED, GATEWAY, now, remark=str(charge.id))

    def look(self, request: AccountRequest, now: Now) -> None:
        """A test charge that stands is reversed, if its terminal does not do that."""
        self._office.collecting.watch()  # the request may come from an earlier life
        charge = self._office.life.book.get(int(request.facts["test_charge"]))
        if charge is not None and charge.state in _STANDS:
            reason = Reason.NOT_SERVED
            self._office.life.apply(charge, ChargeEvent.NOT_SERVED, now, reason=reason)


def account_of(request: AccountRequest, wall: float) -> Collects:
    """The account that a request asks for."""
    facts = request.facts
    return Collects(
        id=str(facts["account"]),
        number=str(facts.get("number", "")),
        host=str(facts.get("host", "")),
        opened_at=wall,
        request=request.id,
    )
