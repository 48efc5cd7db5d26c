"""Which hosts may get a charge: the first route that fits dialect, MTI, processing code and PAN.

Only a charge that was never sent can go to another host than the route's first: what left belongs
to its host, with its reversal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule; an empty list fits everything.  Prefixes: `processing_code` 00, `pan_prefix` 62."""

    host: str = ""
    hosts: tuple[str, ...] = ()
    """Instead of `host`, several: in the order in which they are asked, or shared by `weights`."""
    failover: bool = False
    """The contract allows that another of `hosts` gets what the first can't take now."""
    weights: tuple[int, ...] = ()
    """How many of its charges each of `hosts` gets in turn."""
    dialect: tuple[str, ...] = ()
    mti: tuple[str, ...] = ()
    processing_code: tuple[str, ...] = ()
    pan_prefix: tuple[str, ...] = ()

    def fits(self, dialect: str, mti: str, processing_code: str, pan: str) -> bool:
        """Whether a request belongs here; the MTI is compared without its repeat digit."""
        return (
            (not self.dialect or dialect in self.dialect)
            and (not self.mti or mti[:3] + "0" in self.mti)
            and (not self.processing_code or processing_code.startswith(self.processing_code))
            and (not self.pan_prefix or pan.startswith(self.pan_prefix))
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Every host that it may lead to."""
        return self.hosts or (self.host,)

    def orders(self) -> tuple[tuple[str, ...], ...]:
        """For one charge after the other: which hosts it may go to, the first of them first."""
        names = self.names
        turns = [each for at, each in enumerate(names) for _ in range(self._weight(at))]
        return tuple(
            (turn, *(each for each in names if each != turn and self.failover)) for turn in turns
        )

    def _weight(self, at: int) -> int:
        return self.weights[at] if self.weights else int(at == 0)


class RouteTable:
    """The routes in their order; without any, everything goes to `default_host`."""

    def __init__(self, routes: Sequence[Route], default_host: str) -> None:
        known = tuple(routes) or (Route(host=default_host),)
        self._routes = tuple((route, route.orders()) for route in known)
        self._turn = 0
        self.only = "" if routes else default_host
        """The one host that everything goes to, if there are no routes; else ''."""

    def hosts_for(self, dialect: str, mti: str, processing_code: str, pan: str) -> tuple[str, ...]:
        """The names of the hosts to ask, one after the other; none when no route fits."""
        for route, orders in self._routes:
            if route.fits(dialect, mti, processing_code, pan):
                self._turn += 1
                return orders[self._turn % len(orders)]
        return ()
