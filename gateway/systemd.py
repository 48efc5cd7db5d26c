"""What systemd and this process tell each other: sockets handed over, readiness, signs of life.

The protocols are those of sd_listen_fds(3) and sd_notify(3).  Without systemd nothing here does
anything.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from gateway.lifecycle import Lifecycle

_FIRST_DESCRIPTOR: Final = 3
_STATUS_S: Final = 1.0
_WATCHDOG_SHARE: Final = 3
"""Signs of life in one period of the watchdog."""


class ActivationError(OSError):
    """systemd hands over sockets of which nothing is known."""


def inherited_sockets(environment: MutableMapping[str, str] = os.environ) -> dict[str, int]:
    """Descriptors of listening sockets by their `FileDescriptorName=`, the listener's name.

    The variables are taken out of the environment: children inherit nothing of it.
    Raises ActivationError where two have one name.
    """
    pid = environment.pop("LISTEN_PID", "")
    count = environment.pop("LISTEN_FDS", "0")
    names = environment.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or not count.isdigit():
        return {}
    descriptors = range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + int(count))
    found = dict(zip(names, descriptors, strict=False))
    if len(found) != len(descriptors):
        message = "sockets from systemd: each needs a FileDescriptorName of its own"
        raise ActivationError(message)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    return found


def adopted(descriptor: int, name: str) -> socket.socket:
    """The listening socket behind a descriptor.  Raises ActivationError when it is none."""
    sock = socket.socket(fileno=descriptor)
    is_listening = sock.type == socket.SOCK_STREAM and sock.getsockopt(
        socket.SOL_SOCKET, socket.SO_ACCEPTCONN
    )
    if not is_listening:
        sock.close()
        message = f"socket {name!r} from systemd does not listen for TCP connections"
        raise ActivationError(message)
    return sock


class Notifier:
    """Says to systemd how this process stands; silent where nobody listens."""

    def __init__(
        self,
        environment: MutableMapping[str, str] = os.environ,
        monotonic_us: Callable[[], int] = lambda: time.monotonic_ns() // 1_000,
    ) -> None:
        self._address = environment.pop("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        period_us = environment.pop("WATCHDOG_USEC", "")
        for_whom = environment.pop("WATCHDOG_PID", "") or str(os.getpid())
        is_watched = period_us.isdigit() and for_whom == str(os.getpid())
        self._monotonic_us = monotonic_us
        self.watchdog_s = int(period_us) / 1_000_000 if is_watched else 0.0
        """The watchdog's period; 0: nobody watches."""

    def say(self, *facts: str) -> None:
        """Send lines such as `READY=1`; a systemd that is gone keeps no gateway from its work."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            try:
                sock.sendto("\n".join(facts).encode(), self._address)
            except OSError:
                return

    def reloading(self) -> None:
        """A reload begins; `say("READY=1")` ends it."""
        self.say("RELOADING=1", f"MONOTONIC_USEC={self._monotonic_us()}")

    async def run(self, lifecycle: Lifecycle) -> None:
        """Called once the doors are open: the start is over, and from now on the turns go on.

        Whether hosts can be reached is told as the status, and by /readyz: a silent bank is no
        failed start, and its terminals get their 91.
        """
        if not self._address:
            return
        self.say("READY=1")
        while True:
            reasons = lifecycle.not_ready_because()
            status = f"not ready: {'; '.join(reasons)}" if reasons else "ready"
            watchdog = ["WATCHDOG=1"] if self.watchdog_s and lifecycle.alive() else []
            self.say(f"STATUS={status}", *watchdog)
            await trio.sleep(min(self.watchdog_s / _WATCHDOG_SHARE or _STATUS_S, _STATUS_S))
