"""Links and hosts on their way out: what they still carry comes to its end, then they are closed.

A host that the configuration no longer names gets nothing new, but its open charges keep it: their
answers and reversals go on.  A link that was replaced carries nothing new, either, and is closed
once nothing waits for an answer on it.  When the process ends, hosts are signed off from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing.charge import State
from routing.effects import CloseLink, HostNews

if TYPE_CHECKING:
    from routing.clock import Now
    from routing.effects import Send
    from routing.lifecycle import Lifecycle

LOOKS_EVERY_S: Final = 1.0
"""How often open charges are looked through while something is on its way out."""


class Departures:
    """What is on its way out."""

    def __init__(self, life: Lifecycle) -> None:
        self._life = life
        self._hosts: set[str] = set()
        self._links: dict[int, str] = {}
        """Replaced links, and their hosts."""
        self._looks_at = 0.0

    def __contains__(self, host: str) -> bool:
        return host in self._hosts

    def remove(self, host: str) -> None:
        """The configuration no longer names this host."""
        self._life.hosts[host].leaving = True
        self._hosts.add(host)

    def keep(self, host: str) -> None:
        """It names it (again)."""
        self._life.hosts[host].leaving = False
        self._hosts.discard(host)

    def replace(self, host: str, links: list[int], now: Now) -> None:
        """Other links take over from these."""
        for each in links:
            self._links[each] = host
            self._life.hosts[host].links.retire(each, now)

    def gone(self, link: int) -> None:
        """A link is lost, replaced or not."""
        self._links.pop(link, None)

    def sign_off(self, now: Now) -> None:
        """The process ends: hosts that want sign-ons are told, and get nothing any more."""
        for host in self._life.hosts.values():
            self._life.outbox.express += host.links.sign_off(now)

    @property
    def signing_off(self) -> int:
        """Links whose host has not answered that yet."""
        return sum(host.links.signing_off for host in self._life.hosts.values())

    def tick(self, now: Now) -> tuple[list[Send], list[str]]:
        """The links to close, and the hosts that are gone with them."""
        if not (self._hosts or self._links) or now.monotonic < self._looks_at:
            return [], []
        self._looks_at = now.monotonic + LOOKS_EVERY_S
        open_charges = [x for x in self._life.book.open() if x.state is not State.CASE]
        waiting = {x.link for x in open_charges if x.state is State.SENT}
        waiting |= {x.trouble.reversal_link for x in open_charges if x.trouble.reversal_in_flight}
        sends: list[Send] = [CloseLink(x, "replaced") for x in self._links if x not in waiting]
        needed = {x.host for x in open_charges}
        gone = [
            name
            for name in sorted(self._hosts)
            if name not in needed and not self._life.hosts[name].keys.in_flight()
        ]
        for name in gone:
            links = self._life.hosts[name].links
            sends += [CloseLink(each, "host removed") for each in links.ids()]
            sends.append(HostNews(name, "host removed: nothing of it is open any more", False))
            self._hosts.discard(name)
        return sends, gone
