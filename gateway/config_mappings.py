"""What is wrong with a configuration's dialects: routes that lead where no mapping does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.mappings import mappings
from routing.translation import MappingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.config import Config, Host, Listener


def mapping_problems(config: Config) -> Iterable[str]:
    """Pairs of listener and host without a mapping between their dialects: key, value and why."""
    try:
        known = {(each.terminal, each.host) for each in mappings()}
    except MappingError as error:
        yield str(error)
        return
    for number, listener in enumerate(config.listener):
        for host in config.host:
            pair = (listener.dialect, host.dialect)
            reachable = _reachable(config, listener, host)
            if reachable and pair[0] != pair[1] and pair not in known:
                why = f"no mapping from {pair[0]} to {pair[1]} of host {host.name!r}"
                yield f"listener.{number}.dialect = {listener.dialect!r}: {why}"


def _reachable(config: Config, listener: Listener, host: Host) -> bool:
    """Whether some route may lead from this listener to this host."""
    if not config.route:
        return host is config.host[0]
    return any(
        host.name in route.names and (not route.dialect or listener.dialect in route.dialect)
        for route in config.route
    )
