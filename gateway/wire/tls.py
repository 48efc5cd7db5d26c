"""TLS between a socket and its frames, over memory buffers; certificates that can be read anew.

No socket here: what came is put into one buffer and read as plain bytes, what is to leave comes out
of another.  So plain and TLS connections share everything else: limits, clocks, proofs of delivery.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from cryptography.x509 import load_pem_x509_certificate

from gateway.wire.filters import FilterError

_READ_BYTES: Final = 65_536
_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TLS of a listener or of a host; files are PEM.  Without any file there is no TLS."""

    certificate_file: str = ""
    """Our certificate, with those that lead to its authority."""
    key_file: str = ""
    authorities_file: str = ""
    """Who must have signed the other side's certificate.  On a listener it makes TLS mutual."""
    server_name: str = ""
    """What a host's certificate must name; default: the host's address."""
    version_min: Literal["1.2", "1.3"] = "1.2"
    binds: Literal["", "terminal", "merchant"] = ""
    """A terminal's certificate (common name) says its DE 41, or its DE 42."""

    @property
    def wanted(self) -> bool:
        """Whether anything is configured."""
        return bool(self.certificate_file or self.authorities_file)


class Credentials:
    """Our certificate and whom we trust, for one listener or host; read anew without a restart.

    Connections that exist keep what they agreed on.
    """

    def __init__(self, settings: TlsSettings, *, server_side: bool, address: str = "") -> None:
        self._settings = settings
        self._server_side = server_side
        self._server_name = None if server_side else settings.server_name or address
        self.ends_at = 0.0
        """When our certificate ends, in seconds since 1970; 0 without one."""
        self._context = self._read()

    def _read(self) -> ssl.SSLContext:
        settings, ends_at = self._settings, 0.0
        protocol = ssl.PROTOCOL_TLS_SERVER if self._server_side else ssl.PROTOCOL_TLS_CLIENT
        context = ssl.SSLContext(protocol)
        context.minimum_version = _VERSIONS[settings.version_min]
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        if self._server_side:
            # A session that is resumed would skip the look at a certificate that was withdrawn.
            context.num_tickets = 0
            context.options |= ssl.OP_NO_TICKET
        if settings.certificate_file:
            context.load_cert_chain(settings.certificate_file, settings.key_file or None)
            ends_at = _end_of(Path(settings.certificate_file))
        if settings.authorities_file:
            context.load_verify_locations(settings.authorities_file)
            context.verify_mode = ssl.CERT_REQUIRED
        self.ends_at = ends_at
        return context

    def reload(self) -> None:
        """Read the files again.  Raises OSError or ssl.SSLError, and then the old ones stay."""
        self._context = self._read()

    def filter(self) -> Tls:
        """For one new connection."""
        return Tls(self._context, server_side=self._server_side, server_name=self._server_name)


def _end_of(certificate: Path) -> float:
    return load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc.timestamp()


class Tls:
    """TLS of one connection; a `Filter`."""

    __slots__ = ("_from_peer", "_object", "_to_peer", "ended", "shaken", "source")

    def __init__(
        self, context: ssl.SSLContext, *, server_side: bool, server_name: str | None = None
    ) -> None:
        self._from_peer, self._to_peer = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._from_peer, self._to_peer, server_side=server_side, server_hostname=server_name
        )
        self.shaken = False
        self.ended = False
        self.source = ""

    def shake(self, data: bytes) -> bool:
        """More of the handshake; whether it is done.  Raises FilterError."""
        self._from_peer.write(data)
        if not self.shaken:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                return False
            except ssl.SSLCertVerificationError:
                raise FilterError("certificate not accepted") from None
            except ssl.SSLError:
                raise FilterError("no TLS agreed") from None
            self.shaken = True
        return True

    def received(self, data: bytes) -> bytes:
        """The plain bytes in what came.  Raises FilterError."""
        if not self.shake(data):
            return b""
        pieces = []
        try:
            while piece := self._object.read(_READ_BYTES):
                pieces.append(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLError:
            raise FilterError("TLS broken") from None
        return b"".join(pieces)

    def sealed(self, data: bytes) -> bytes:
        """Plain bytes as the socket gets them."""
        self._object.write(data)
        return self._to_peer.read()

    def output(self) -> bytes:
        """The handshake's own bytes, and alerts."""
        return self._to_peer.read()

    @property
    def identity(self) -> str:
        """The common name in the other side's certificate; '' without one."""
        certificate: Any = self._object.getpeercert() if self.shaken else None
        for part in (certificate or {}).get("subject", ()):
            for name, value in part:
                if name == "commonName":
                    return str(value)
        return ""
