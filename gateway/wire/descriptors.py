"""How many sockets this process may hold: raised to what the system allows, and told."""

from __future__ import annotations

import resource
from typing import Final

RESERVE: Final = 256
"""Descriptors that are no terminal's: links to hosts, the journal, listeners, HTTP, logs."""


def raise_limit(connections_max: int) -> int:
    """Raise the limit of descriptors to the system's bound; returns what it is then.

    A process that may do so raises the bound itself where `connections_max` needs more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections_max + RESERVE
    if hard != resource.RLIM_INFINITY and hard < wanted and _set(wanted, wanted):
        return wanted
    if hard == resource.RLIM_INFINITY:
        hard_enough = max(soft, wanted)
        return hard_enough if _set(hard_enough, hard) else soft
    return hard if soft == hard or _set(hard, hard) else soft


def _set(soft: int, hard: int) -> bool:
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    except (OSError, ValueError):
        return False
    return True
