"""What is wrong with a configuration's TLS, proxies, and hosts that connect to us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.wire.proxy import Networks
from gateway.wire.tls import Credentials
from routing.service import Proof

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.config import Config
    from gateway.wire.tls import TlsSettings


def rests_on_delivery(config: Config) -> bool:
    """Whether some charges are served as soon as they are delivered."""
    classes = [config.service.proof, *(each.proof for each in config.merchant)]
    return Proof.APPROVAL in classes


def door_problems(config: Config) -> Iterable[str]:
    """TLS, proxies, and hosts that connect to us."""
    for number, each in enumerate(config.listener):
        key = f"listener.{number}"
        yield from _tls_problems(f"{key}.tls", each.tls, server_side=True)
        yield from _network_problems(f"{key}.proxies", each.proxies)
        if each.proxies and not each.terminal_resolves_first and rests_on_delivery(config):
            why = "a proxy's TCP acknowledges for the terminal; delivery must be proven by "
            why += "terminal_resolves_first, or every merchant's proof be more than approval"
            yield f"{key}.proxies = {list(each.proxies)}: {why}"
    for number, host in enumerate(config.host):
        key = f"host.{number}"
        yield from _tls_problems(f"{key}.tls", host.tls, server_side=host.listen)
        yield from _network_problems(f"{key}.allowed", host.allowed)
        if host.tls.binds:
            yield f"{key}.tls.binds = {host.tls.binds!r}: of listeners only"
        if host.listen and not host.allowed and not host.tls.authorities_file:
            why = "say in allowed or tls.authorities_file who may connect as this host"
            yield f"{key}.listen = true: {why}"


def _network_problems(key: str, texts: tuple[str, ...]) -> Iterable[str]:
    try:
        Networks(texts)
    except ValueError as error:
        yield f"{key}: {error}"


def _tls_problems(key: str, tls: TlsSettings, *, server_side: bool) -> Iterable[str]:
    if server_side and tls.wanted and not tls.certificate_file:
        yield f"{key}.certificate_file: needed where others connect"
        return
    if tls.binds and not tls.authorities_file:
        yield f"{key}.binds = {tls.binds!r}: needs {key}.authorities_file"
    if not tls.wanted:
        return
    try:
        Credentials(tls, server_side=server_side, address="localhost")
    except OSError as error:  # ssl.SSLError is one
        yield f"{key}: {error.strerror or type(error).__name__}"
