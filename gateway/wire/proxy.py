"""The header with which a proxy says for whom it speaks: PROXY protocol, version 2.

It stands before everything else on a connection, also before TLS.  Only listeners that name their
proxies read it, and they accept nobody else.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from gateway.wire.filters import FilterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.wire.filters import Filter

_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED_BYTES: Final = 16
_LENGTH_MAX: Final = 2_048
_LOCAL, _PROXIED = 0x20, 0x21
_ADDRESS_BYTES: Final = {0x11: 4, 0x21: 16}
"""By family and transport: TCP over IPv4, TCP over IPv6."""
_PORTS_BYTES: Final = 4


class Networks:
    """Addresses and networks, as a configuration lists them.  Raises ValueError."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(text) for text in texts)

    def __contains__(self, address: str) -> bool:
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self._networks)


class Proxied:
    """A connection that a proxy made for somebody; a `Filter` around another or none."""

    __slots__ = ("_header", "inner", "source")

    def __init__(self, inner: Filter | None = None) -> None:
        self.inner = inner
        self.source = ""
        self._header: bytes | None = b""
        """What came of it so far; None once it is read."""

    @property
    def shaken(self) -> bool:
        """The header is read, and TLS, if there is any, is agreed."""
        return self._header is None and (self.inner is None or self.inner.shaken)

    @property
    def ended(self) -> bool:
        """The other side said so within TLS."""
        return self.inner is not None and self.inner.ended

    def received(self, data: bytes) -> bytes:
        """What stands behind the header.  Raises FilterError."""
        if self._header is not None:
            self._header += data
            rest = self._read(self._header)
            if rest is None:
                return b""
            self._header, data = None, rest
        return data if self.inner is None else self.inner.received(data)

    def _read(self, data: bytes) -> bytes | None:
        """Learn the header; what follows it, or None while it is not whole."""
        if not _SIGNATURE.startswith(data[: len(_SIGNATURE)]):
            raise FilterError("no proxy header")
        if len(data) < _FIXED_BYTES:
            return None
        command, family = data[12], data[13]
        length = int.from_bytes(data[14:16], "big")
        if command not in (_LOCAL, _PROXIED) or length > _LENGTH_MAX:
            raise FilterError("bad proxy header")
        if len(data) < _FIXED_BYTES + length:
            return None
        if command == _PROXIED:
            size = _ADDRESS_BYTES.get(family, 0)
            if not size or length < 2 * size + _PORTS_BYTES:
                raise FilterError("bad proxy header")
            address = ipaddress.ip_address(data[_FIXED_BYTES : _FIXED_BYTES + size])
            mapped = getattr(address, "ipv4_mapped", None)
            self.source = str(mapped or address)
        return data[_FIXED_BYTES + length :]

    def sealed(self, data: bytes) -> bytes:
        """The header goes one way only."""
        return data if self.inner is None else self.inner.sealed(data)

    def output(self) -> bytes:
        """What TLS has to say."""
        return b"" if self.inner is None else self.inner.output()

    @property
    def identity(self) -> str:
        """The common name in the terminal's certificate; '' without one."""
        return "" if self.inner is None else self.inner.identity
