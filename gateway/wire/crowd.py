"""Who is connected, and whether somebody more may be: the bounds in all and of one address.

They are terminals, or strangers who would be: links to hosts take no place here.  No socket, no
clock: the driver asks before it accepts, and tells who came and who left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.wire.connection import Connection
    from gateway.wire.port import WireLimits


class Crowd:
    """The connections that others made to us."""

    def __init__(self, limits: WireLimits) -> None:
        self._most = limits.connections_max
        self._most_of_address = limits.connections_per_address_max
        self._all = 0
        self._by_address: dict[str, int] = {}

    def __len__(self) -> int:
        return self._all

    def refuses(self, source: str, trusts: Callable[[str], bool] | None = None) -> str | None:
        """Why a connection from `source` is not accepted, or None.

        Where only proxies connect, those whom it `trusts`, the terminal's own address is not known
        before the proxy has told it: then it is asked of `crowded`.
        """
        if self._all >= self._most:
            return "connections_max"
        if trusts is not None:
            return None if trusts(source) else "proxy not trusted"
        return self.crowded(source)

    def crowded(self, source: str) -> str | None:
        """Why there may be no more of an address, or None."""
        if self._by_address.get(source, 0) >= self._most_of_address:
            return "connections_per_address_max"
        return None

    def comes(self, connection: Connection, source: str = "") -> None:
        """Somebody was accepted; without a `source` where from is not known yet."""
        self._all += 1
        if source:
            self.is_from(connection, source)

    def is_from(self, connection: Connection, source: str) -> None:
        """The connection counts as this address's."""
        connection.address = source
        self._by_address[source] = self._by_address.get(source, 0) + 1

    def leaves(self, connection: Connection) -> None:
        """Its connection is gone."""
        self._all -= 1
        source = connection.address
        if source is not None:
            left = self._by_address[source] - 1
            if left:
                self._by_address[source] = left
            else:
                del self._by_address[source]
