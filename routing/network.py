"""The links to one host: signed on or not, alive or not, and which one carries the next message.

Rule 1.  A link is usable when it is connected and, where the host wants a sign-on, signed on.
Rule 2.  After a sign-off by the host nothing is sent but echoes, until it signs on again.
Rule 3.  A link that is idle for `echo_idle_s` is asked for an echo; after `echo_misses_max` echoes
         without any answer it is closed, so that it is made anew.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

import msgspec

from routing.effects import CloseLink, ToHost
from routing.purpose import Purpose
from routing.response_codes import APPROVED
from routing.settlement_day import SettlementDay

if TYPE_CHECKING:
    from codec import Message
    from routing.clock import Now
    from routing.conventions import Convention
    from routing.effects import Send


class HostSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What routing needs to know of a host; seconds and counts."""

    name: str = "host"
    dialect: str = "iso87-ascii"
    reversal_mti: Literal["0420", "0400"] = "0420"
    """What reversals go out as; repeats as 0421 or 0401.  POS hosts always get an 0400."""
    partial_reversals: bool = False
    """Whether it agreed to DE 95: a reversal of all but what stays charged."""
    reverses_settled: bool = False
    """Whether it reverses charges of an earlier settlement date; else they become refund cases."""
    answer_timeout_s: float = 30.0
    sign_on: bool = False
    echo_idle_s: float = 30.0
    """0: no echoes."""
    echo_misses_max: int = 3
    in_flight_max: int = 10_000
    """Requests that wait for an answer; above it new ones get 91.  Reversals always go."""
    pending_max: int = 100_000
    """Keys in flight and in quarantine."""
    late_answer_quarantine_s: float = 600.0
    silences_max: int = 20
    """Charges in a row without an answer, after which new ones get 91 unsent; 0: any number."""
    silence_pause_s: float = 5.0
    """How long nothing new goes then, before one charge goes to see."""


class LinkState(StrEnum):
    """How far a link has come."""

    CONNECTED = "connected"
    SIGNED_ON = "signed on"
    SIGNED_OFF = "signed off"


@dataclass
class Link:
    """One connection to the host."""

    id: int
    state: LinkState
    heard_at: float
    asked_at: float = 0.0
    misses: int = 0


class HostLinks:
    """The links to one host, and the network management that keeps them usable."""

    def __init__(self, settings: HostSettings, convention: Convention) -> None:
        self.settings = settings
        self._convention = convention
        self.day = SettlementDay()
        self._links: dict[int, Link] = {}
        self._ready: list[int] = []
        """Links that are signed on."""
        self._turn = 0
        self._last_stan = 0

    def up(self, link: int, now: Now) -> list[Send]:
        """A link was connected."""
        signed = LinkState.CONNECTED if self.settings.sign_on else LinkState.SIGNED_ON
        if any(each.state is LinkState.SIGNED_OFF for each in self._links.values()):
            signed = LinkState.SIGNED_OFF
        self._links[link] = Link(link, signed, now.monotonic)
        self._count_ready()
        return [self._ask(self._links[link], Purpose.SIGN_ON, now)] if self.settings.sign_on else []

    def down(self, link: int) -> None:
        """A link is gone."""
        self._links.pop(link, None)
        self._count_ready()

    def __contains__(self, link: int) -> bool:
        return link in self._links

    def usable(self) -> int:
        """How many links may carry charges and reversals."""
        return len(self._ready)

    def states(self) -> Counter[str]:
        """How many links are in which state."""
        return Counter(link.state for link in self._links.values())

    def next_link(self) -> int | None:
        """The link for the next message, in turn; None if none is usable."""
        if not self._ready:
            return None
        self._turn += 1
        return self._ready[self._turn % len(self._ready)]

    def heard(self, link: int, now: Now) -> None:
        """Any frame came from this link: it is alive."""
        known: Link | None = self._links.get(link)
        if known is not None:
            known.heard_at = now.monotonic
            known.misses = 0

    def network_message(self, link: int, message: Message, now: Now) -> list[Send]:
        """A network management message from the host: ours answered, or one of its own."""
        known = self._links.get(link)
        purpose = self._convention.network_purpose(message)
        self.day.told(message.get(15, ""))
        if known is None or purpose is None:
            return []
        if self._convention.is_answer(message):
            if purpose is Purpose.SIGN_ON and self._convention.code_of(message) == APPROVED:
                known.state = LinkState.SIGNED_ON
                self._count_ready()
            return []
        if purpose is Purpose.CUT_OVER_BEGINS:
            self.day.cut_over_begins(now.monotonic)
        elif purpose is Purpose.CUT_OVER_ENDS:
            self.day.cut_over_ends()
        elif purpose is not Purpose.ECHO:
            signed_on = purpose is Purpose.SIGN_ON
            # A sign-off speaks for the host, not for the one connection that carried it.
            for each in self._links.values():
                each.state = LinkState.SIGNED_ON if signed_on else LinkState.SIGNED_OFF
            self._count_ready()
        return [ToHost(link, self._convention.network_answer(message, now))]

    def _count_ready(self) -> None:
        links = self._links.values()
        self._ready = [link.id for link in links if link.state is LinkState.SIGNED_ON]

    def tick(self, now: Now) -> list[Send]:
        """Ask quiet links for an echo, sign on again where it is due, give up on dead links."""
        sends: list[Send] = []
        for link in self._links.values():
            if not self.settings.echo_idle_s:
                continue
            quiet_since = max(link.heard_at, link.asked_at)
            if now.monotonic - quiet_since < self.settings.echo_idle_s:
                continue
            if link.misses >= self.settings.echo_misses_max:
                sends.append(CloseLink(link.id, "no answer to echoes"))
                continue
            link.misses += 1
            wants_sign_on = link.state is LinkState.CONNECTED
            purpose = Purpose.SIGN_ON if wants_sign_on else Purpose.ECHO
            sends.append(self._ask(link, purpose, now))
        return sends

    def _ask(self, link: Link, purpose: Purpose, now: Now) -> ToHost:
        link.asked_at = now.monotonic
        self._last_stan = self._last_stan % 999_999 + 1
        message = self._convention.network_request(purpose, f"{self._last_stan:06d}", now)
        return ToHost(link.id, message)
