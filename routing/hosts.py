"""One host as routing sees it: its links, its keys in flight, its dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing.breaker import Breaker
from routing.conventions import CONVENTIONS
from routing.matching import PendingKeys
from routing.network import HostLinks
from routing.tally import REPLY_S, Tally

if TYPE_CHECKING:
    from codec import Message
    from routing.charge import Charge
    from routing.host_settings import HostSettings


class Host:
    """A bank host.  `keys` ties answers to charges, reversals and enquiries in flight."""

    def __init__(self, settings: HostSettings, first_stan: int, shut: set[int]) -> None:
        """`shut`: the links, over all hosts, that carry nothing now."""
        self.name = settings.name
        self._take(settings)
        self.convention = CONVENTIONS[settings.dialect]
        self.links = HostLinks(settings, self.convention, shut)
        self.keys = PendingKeys(
            first_stan=first_stan,
            pending_max=settings.pending_max,
            quarantine_s=settings.late_answer_quarantine_s,
            stan_digits=self.convention.stan_digits,
        )
        self.leaving = False
        """The configuration no longer names it: it gets nothing new, see `departures`."""
        self.reply_s = Tally(REPLY_S)
        """From a charge's leaving to its answer's coming: the host's own part of its time."""
        self.breaker = Breaker(
            silences_max=settings.silences_max,
            pause_s=settings.silence_pause_s,
            answer_timeout_s=settings.answer_timeout_s,
        )

    def _take(self, settings: HostSettings) -> None:
        self.settings = settings
        self.answer_timeout_s = settings.answer_timeout_s
        self._in_flight_max = settings.in_flight_max

    def change(self, settings: HostSettings) -> None:
        """Other rules from now on, in the same dialect; what is in flight stays."""
        self._take(settings)
        self.links.change(settings)
        self.keys.change(settings.pending_max, settings.late_answer_quarantine_s)
        self.breaker.change(
            settings.silences_max, settings.silence_pause_s, settings.answer_timeout_s
        )

    def can_take_more(self) -> bool:
        """Whether there is a usable link and room for a request."""
        if self.leaving or not self.links.usable():
            return False
        return self.keys.in_flight() < self._in_flight_max

    def has_settled(self, charge: Charge) -> bool:
        """Whether it is too late to reverse an approved charge; see `settlement_day`."""
        if not charge.approval_held or self.settings.reverses_settled:
            return False
        return self.links.day.has_settled(charge.settled_on)

    def may_have_settled(self, charge: Charge) -> bool:
        """The same where its approval may only not have been heard of."""
        if self.settings.reverses_settled:
            return False
        day = self.links.day
        return bool(day.date) and (not charge.settled_on or day.has_settled(charge.settled_on))

    def take_key(self, message: Message, charge: Charge) -> bool:
        """Tie the key of a message to a new charge, where that can be."""
        key = self.convention.pending_number(message)
        if key < 0:
            return self.keys.take_new(self.convention.pending_key(message), charge)
        return self.keys.take_number(key, charge)

    def charge_key(self, charge: Charge) -> int | str:
        """The key under which the answer to this charge comes back."""
        merchant = charge.sent.get(42, "") if charge.account else charge.merchant
        return self.convention.key_of(
            charge.mti[1], charge.host_stan, charge.host_de7, charge.terminal, merchant
        )

    def reversal_key(self, charge: Charge) -> int | str:
        """The key under which the answer to its reversal comes back."""
        merchant = charge.sent.get(42, "") if charge.account else charge.merchant
        return self.convention.key_of(
            "4", charge.reversal_stan, charge.reversal_de7, charge.terminal, merchant
        )
