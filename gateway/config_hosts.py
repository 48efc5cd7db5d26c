"""What is wrong with a configuration's hosts and the routes to them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.keys.wrapped import KEY_SIZES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.config import Config, Host
    from routing.routes import Route

_WEIGHT_MAX: Final = 100
_FIELD_MAX: Final = 128
_CHECK_BYTES_MAX: Final = 8
_TIME_OF_DAY: Final = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]")


def host_problems(config: Config) -> Iterable[str]:
    """Whatever could not work, a line each."""
    for number, host in enumerate(config.host):
        key = f"host.{number}"
        if host.links < 1:
            yield f"{key}.links = {host.links}: at least one link is needed"
        if host.partial_reversals and not host.dialect.startswith("iso"):
            yield f"{key}.partial_reversals = true: {host.dialect} has no partial reversals"
        if host.settles_at and not _TIME_OF_DAY.fullmatch(host.settles_at):
            yield f"{key}.settles_at = {host.settles_at!r}: a time in UTC like 22:30"
        yield from _sign_on_problems(key, host)
        yield from _key_problems(key, host, config)


def _key_problems(key: str, host: Host, config: Config) -> Iterable[str]:
    agreed = host.key_change
    if not agreed.field:
        return
    if not 1 < agreed.field <= _FIELD_MAX:
        yield f"{key}.key_change.field = {agreed.field}: a field, 2 to {_FIELD_MAX}"
    if agreed.key_bytes not in KEY_SIZES[agreed.cipher]:
        sizes = ", ".join(map(str, KEY_SIZES[agreed.cipher]))
        why = f"a key of {agreed.cipher} has {sizes} bytes"
        yield f"{key}.key_change.key_bytes = {agreed.key_bytes}: {why}"
    if not 0 <= agreed.check_bytes <= _CHECK_BYTES_MAX:
        why = f"0 to {_CHECK_BYTES_MAX}"
        yield f"{key}.key_change.check_bytes = {agreed.check_bytes}: {why}"
    if agreed.retry_s <= 0:
        yield f"{key}.key_change.retry_s = {agreed.retry_s}: must be greater than 0"
    if host.mac.algorithm == "none":
        yield f"{key}.mac.algorithm = 'none': say what the exchanged key is for"
    if host.mac.key_file:
        yield f"{key}.mac.key_file = {host.mac.key_file!r}: this key is exchanged with the host"
    if config.keys.custody == "none":
        yield f"{key}.key_change.field = {agreed.field}: needs keys.custody, who takes keys over"


def _sign_on_problems(key: str, host: Host) -> Iterable[str]:
    if host.sign_on and not host.echo_idle_s:
        why = "a sign-on that was not answered is asked again at this interval"
        yield f"{key}.echo_idle_s = {host.echo_idle_s}: {why}"
    if host.sign_on and host.sign_on_retry_s <= 0:
        yield f"{key}.sign_on_retry_s = {host.sign_on_retry_s}: must be greater than 0"


def route_problems(key: str, route: Route, known: set[str]) -> Iterable[str]:
    """Whatever could not work of one route; `known` are the hosts' names."""
    if bool(route.host) == bool(route.hosts):
        yield f"{key}.host = {route.host!r}: give either host or hosts"
        return
    for name in route.names:
        if name not in known:
            where = f"{key}.hosts" if route.hosts else f"{key}.host"
            yield f"{where} = {name!r}: no host has this name"
    if len(set(route.names)) < len(route.names):
        yield f"{key}.hosts = {list(route.hosts)}: one is named twice"
    if route.weights and len(route.weights) != len(route.hosts):
        yield f"{key}.weights = {list(route.weights)}: one for each of hosts"
    if route.weights and not all(0 < each <= _WEIGHT_MAX for each in route.weights):
        yield f"{key}.weights = {list(route.weights)}: from 1 to {_WEIGHT_MAX}"
    if len(route.hosts) > 1 and not route.failover and not route.weights:
        why = "no charge would ever go to the second without failover = true or weights"
        yield f"{key}.failover = false: {why}"
