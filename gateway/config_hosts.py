"""What is wrong with the hosts of a configuration: links, sign-ons, settlement days."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.config import Config, Host

_TIME_OF_DAY: Final = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]")


def host_problems(config: Config) -> Iterable[str]:
    """Whatever could not work, a line each."""
    for number, host in enumerate(config.host):
        key = f"host.{number}"
        if host.links < 1:
            yield f"{key}.links = {host.links}: at least one link is needed"
        if host.partial_reversals and not host.dialect.startswith("iso87"):
            yield f"{key}.partial_reversals = true: {host.dialect} has no DE 95"
        if host.settles_at and not _TIME_OF_DAY.fullmatch(host.settles_at):
            yield f"{key}.settles_at = {host.settles_at!r}: a time in UTC like 22:30"
        yield from _sign_on_problems(key, host)


def _sign_on_problems(key: str, host: Host) -> Iterable[str]:
    if host.sign_on and not host.echo_idle_s:
        why = "a sign-on that was not answered is asked again at this interval"
        yield f"{key}.echo_idle_s = {host.echo_idle_s}: {why}"
    if host.sign_on and host.sign_on_retry_s <= 0:
        yield f"{key}.sign_on_retry_s = {host.sign_on_retry_s}: must be greater than 0"
