"""What may stand between a socket and the frames on it, and how a listener says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.wire.binding import Binding


class FilterError(Exception):
    """The other side broke the protocol around the frames; its text is the reason of the end."""


class Filter(Protocol):
    """TLS, a proxy's header, or both; one for each connection.  It knows no socket."""

    @property
    def shaken(self) -> bool:
        """Frames may pass: the handshake is done, the header was read."""
        ...

    @property
    def ended(self) -> bool:
        """The other side said that it sends no more."""
        ...

    @property
    def source(self) -> str:
        """The address that a proxy speaks for; '' if none said so."""
        ...

    @property
    def identity(self) -> str:
        """The common name in the other side's certificate; '' without one."""
        ...

    def received(self, data: bytes) -> bytes:
        """What came from the socket: the bytes of frames in it.  Raises FilterError."""
        ...

    def sealed(self, data: bytes) -> bytes:
        """What the socket gets for these bytes of frames."""
        ...

    def output(self) -> bytes:
        """What the filter itself has to say to the other side."""
        ...


class Door(NamedTuple):
    """Who is accepted where, and through what."""

    name: str
    filter: Callable[[], Filter] | None = None
    """Makes the filter of each new connection."""
    trusts: Callable[[str], bool] | None = None
    """Given: only proxies connect here, those whose address this accepts."""
    acknowledges: bool = True
    """The acknowledgement of TCP is the terminal's own.  Behind a proxy it proves nothing, and no
    `Acknowledged` is told of these connections."""
    binding: Binding | None = None
    """Frames must name whom the certificate behind the `filter` names."""
