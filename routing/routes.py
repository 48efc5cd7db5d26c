"""Which host gets a charge: the first route that fits dialect, MTI, processing code and PAN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule; an empty list fits everything.  Prefixes: `processing_code` 00, `pan_prefix` 62."""

    host: str
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


class RouteTable:
    """The routes in their order; without any, everything goes to `default_host`."""

    def __init__(self, routes: Sequence[Route], default_host: str) -> None:
        self._routes = tuple(routes) or (Route(host=default_host),)
        self.always: str | None = None if routes else default_host
        """The one host that everything goes to, if there are no routes."""

    def host_for(self, dialect: str, mti: str, processing_code: str, pan: str) -> str | None:
        """The host's name, or None when no route fits."""
        for route in self._routes:
            if route.fits(dialect, mti, processing_code, pan):
                return route.host
        return None
