"""The configuration read anew while the gateway runs: all of it is put into force, or nothing.

SIGHUP, `isogate reload` and `POST /reload` come in here.  What is wrong is told key by key, and
then everything stays as it was.  What can't change while a process runs is refused, not passed
over.
"""

from __future__ import annotations

import signal
import ssl
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import trio

from gateway.config_doors import rests_on_delivery
from gateway.config_overrides import ConfigError
from routing.keeper import AuditKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.config import Config
    from gateway.doors import Doors
    from gateway.node import Node
    from gateway.systemd import Notifier
    from gateway.tools import Tools
    from routing.switch import Switch

CHANGES: Final = ("listener", "host", "route", "merchant", "service", "reversal", "limits", "cases")
"""Parts of a configuration that may change; of listeners and reversals not everything."""
_OF_LISTENERS: Final = ("terminal_resolves_first", "mac")
_RESTART: Final = "can't change while the gateway runs: restart it"


class Reloaded(Protocol):
    """Who is to know of the configuration in force."""

    def change(self, config: Config) -> None:
        """Another one is in force."""
        ...


class Reload:
    """One gateway's way to another configuration."""

    def __init__(
        self,
        config: Config,
        read: Callable[[], Config],
        parts: tuple[Switch, Node, Doors],
        tools: Tools,
        *others: Reloaded,
    ) -> None:
        """`read` reads and checks the configuration (ConfigError); `others` learn of another."""
        self.config = config
        self._read = read
        self._switch, self._node, self._doors = parts
        self._offload, self._clock, self._log = tools.offload, tools.clock, tools.log
        self._one_at_a_time = trio.Lock()
        self._others = others
        self.counts: Counter[str] = Counter()
        """By result: done, refused."""

    async def on_signal(
        self,
        notifier: Notifier,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """SIGHUP: the configuration and all certificates; the log's file is opened anew, too."""
        with trio.open_signal_receiver(signal.SIGHUP) as signals:
            task_status.started()
            async for _ in signals:
                notifier.reloading()
                self._log.reopen()
                await self.again("")
                notifier.say("READY=1")

    async def again(self, who: str) -> tuple[str, ...]:
        """Read the configuration and put it into force; returns why not, a line for each key."""
        async with self._one_at_a_time:
            try:
                config = await self._offload(self._read)
                problems = tuple(refusals(self.config, config))
            except ConfigError as error:
                problems = error.problems
            if not problems:
                problems = self._put_in_force(config, who)
            self.counts["refused" if problems else "done"] += 1
            for problem in problems:
                self._log.error("configuration not reloaded", why=problem)
        return problems

    def _put_in_force(self, config: Config, who: str) -> tuple[str, ...]:
        """Without a pause in it: no message meets half of one configuration and half of another."""
        try:
            peers, doors = self._node.peers_of(config), self._doors.prepared(config)
        except (OSError, ssl.SSLError, ValueError) as error:
            # It was good when it was read: a file or an address went away since.
            return (f"{type(error).__name__}: {error}",)
        changed = [part for part in CHANGES if getattr(config, part) != getattr(self.config, part)]
        doors()
        self._node.change(config, peers)
        self._doors.reload()
        for other in self._others:
            other.change(config)
        self.config = config
        what = ", ".join(changed) or "nothing"
        said, now = {"changed": what}, self._clock.now()
        kind = AuditKind.CONFIGURATION_RELOADED
        self._switch.life.keeper.audit(kind, "configuration", now, who=who, said=said)
        self._log.warning("configuration reloaded", changed=what, by=who or "SIGHUP")
        return ()


def refusals(old: Config, new: Config) -> Iterator[str]:
    """What differs and can't change while a gateway runs: key, values and why."""
    for part in old.__struct_fields__:
        if part not in CHANGES:
            yield from _differences(part, getattr(old, part), getattr(new, part))
    yield from _of_listeners(old, new)
    dialects = {each.name: each.dialect for each in old.host}
    for number, host in enumerate(new.host):
        if dialects.get(host.name, host.dialect) != host.dialect:
            why = "open charges speak it; give the host with the other dialect another name"
            yield f"host.{number}.dialect = {host.dialect!r}: was {dialects[host.name]!r}; {why}"
    margins = old.reversal.reorder_margin_s, new.reversal.reorder_margin_s
    yield from _differences("reversal.reorder_margin_s", *margins)
    if any(each.proxies for each in old.listener) and (
        rests_on_delivery(old) != rests_on_delivery(new)
    ):
        yield f"merchant: whether a proxy's listener proves deliveries follows from it; {_RESTART}"


def _of_listeners(old: Config, new: Config) -> Iterator[str]:
    if [each.name for each in old.listener] != [each.name for each in new.listener]:
        yield f"listener: others than before; {_RESTART}"
        return
    for number, (was, wanted) in enumerate(zip(old.listener, new.listener, strict=True)):
        for name in was.__struct_fields__:
            if name not in _OF_LISTENERS:
                key = f"listener.{number}.{name}"
                yield from _differences(key, getattr(was, name), getattr(wanted, name))


def _differences(key: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, msgspec.Struct) and type(old) is type(new):
        for name in old.__struct_fields__:
            yield from _differences(f"{key}.{name}", getattr(old, name), getattr(new, name))
    elif old != new:
        yield f"{key} = {new!r}: was {old!r}; {_RESTART}"
