"""What works and is dangerous: said by `check`, and in the log at a start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.keys.opening import key_warnings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config import Config

_ONE_ADDRESS: Final = "one address alone can take every place"
SAMPLE_CERTIFICATE: Final = "951dcf656be8d30078dd8253591e81c3a2726a4a0a4cd7aace8f69c79026f507"
"""SHA-256 of the certificate in `examples/`, whose private key lies there for everybody to read."""


def warnings(config: Config) -> Iterator[str]:
    """One text for each."""
    yield from key_warnings(config.keys)
    wire = config.wire
    if wire.connections_per_address_max >= wire.connections_max:
        why = f"no less than wire.connections_max: {_ONE_ADDRESS}"
        yield f"wire.connections_per_address_max = {wire.connections_per_address_max} is {why}"
    shown = [(f"listener.{number}", each.tls) for number, each in enumerate(config.listener)]
    shown += [(f"host.{number}", each.tls) for number, each in enumerate(config.host)]
    for key, tls in shown:
        if tls.certificate_file and is_sample(Path(tls.certificate_file)):
            why = "the sample certificate, whose key everybody knows: for trying out only"
            yield f"{key}.tls.certificate_file is {why}"


def is_sample(certificate: Path) -> bool:
    """Whether a file begins with the sample certificate."""
    found = x509.load_pem_x509_certificates(certificate.read_bytes())
    return found[0].fingerprint(SHA256()).hex() == SAMPLE_CERTIFICATE
