"""What may hit the gateway, its network, its disk and its clocks while the traffic runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from codec.framing import frame
from gateway.simulators.terminal_management import MANAGEMENT, Who
from tests.simulation.keys import KEYED_HOST

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.simulation.hosts import SimHost
    from tests.simulation.wires import End
    from tests.simulation.world import World

_OPERATIONS_A_COMMIT: Final = 12
_LINKS: Final = 0.5
_DISK_S: Final = 8.0
_OVERTAKEN_S: Final = (6.5, 9.5)
_HOST_S: Final = 20.0
_BLINK_S: Final = 3.0
_NIGHT_S: Final = 6.0
_WRONG_CHECKS: Final = 0.3
_POWER_ON_S: Final = 2.0
_SIGNS_IN: Final = 0.7
"""Share of impostors that sign in; the others sign off."""
_USUAL_COMMIT_S: Final = (0.0002, 0.004)


class Event(NamedTuple):
    """Something that strikes again and again, on average so often."""

    name: str
    call: Callable[[], None]
    every_s: float
    rng: random.Random


class Impostor:
    """Owns a connection and hears nothing."""

    name = "impostor"

    def __init__(self, listener: str) -> None:
        self.listener = listener

    def readable(self, end: End) -> None:
        """What comes back is not looked at."""
        end.received.clear()

    def cut(self, end: End) -> None:
        """So be it."""


class Events:
    """One kind of event with its own chance; the name of the event is that of its method."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world, self._rng = world, rng

    def named(self, name: str) -> Callable[[], None]:
        """What `name` does."""
        call: Callable[[], None] = getattr(self, name.replace(" ", "_").replace("-", "_"))
        return call

    # The gateway

    def kill(self) -> None:
        """kill -9."""
        self._world.process.kill(self._down_s())

    def power(self) -> None:
        """A power cut: what was not synced is gone, and the kernel with what it had to send."""
        self._world.process.kill(self._down_s() + _POWER_ON_S, power=True)

    def stop(self) -> None:
        """SIGTERM."""
        self._world.process.terminate(self._down_s())

    def kill_in_a_write(self) -> None:
        """kill -9 in one of the next operations on the disk."""
        self._world.disk.killed_in_ops = self._rng.randint(1, _OPERATIONS_A_COMMIT)

    def clock(self) -> None:
        """The wall clock steps."""
        step_s = self._rng.choice((-3600.0, -5.0, -1.0, 1.0, 5.0, 3600.0))
        self._world.clock.wall_offset += step_s

    # Who is not who he says

    def impostor(self) -> None:
        """Somebody signs in or off in a terminal's name; neither carries a MAC."""
        world, rng = self._world, self._rng
        tills = [each for each in world.terminals if each.line.keyed is not None]
        if not tills or world.tiny:
            return
        till = rng.choice(tills)
        end = world.dial_gateway(Impostor(till.listener))
        if end is None:
            return
        stan = f"{rng.randrange(1, 999_999):06d}"
        at = datetime.fromtimestamp(world.clock.now().wall, UTC)
        who = Who(till.merchant, till.name, till.line.batch, stan, at)
        speech = MANAGEMENT[till.line.dialect]
        message = speech.sign_in(who, "003") if rng.random() < _SIGNS_IN else speech.sign_off(who)
        world.note("impostor", till.name, message.mti)
        end.send(frame(message.raw))
        world.agenda.after(1.0, end.close)

    # The network and the hosts

    def dark(self) -> None:
        """For a while nothing comes through."""
        now = self._world.agenda.now
        self._world.weather.dark_until = now + self._rng.choice((0.5, 3.0, 12.0))

    def reset(self) -> None:
        """One connection of the gateway is reset, on both sides."""
        network = self._world.process.network
        if network is not None and network.ends():
            end = self._rng.choice(network.ends())
            end.wire.reset_from(end.other)
            end.wire.reset_from(end)

    def stall(self) -> None:
        """Of one connection nothing comes through for a while, links to hosts more than others:
        what leaves later over another one overtakes it.
        """
        network = self._world.process.network
        if network is None or not network.ends():
            return
        links = [end for end in network.ends() if end.hard_close]
        ends = links if links and self._rng.random() < _LINKS else network.ends()
        wire = self._rng.choice(ends).wire
        wire.stalled_until = self._world.agenda.now + self._rng.choice((2.0, 8.0, 9.5, 20.0))

    def overtake(self) -> None:
        """A link stands still for longer than an answer may take, and is not given up: a reversal
        over another one is at the host before its original.
        """
        network = self._world.process.network
        links = [] if network is None else [end for end in network.ends() if end.hard_close]
        if links:
            wire = self._rng.choice(links).wire
            wire.stalled_until = self._world.agenda.now + self._rng.uniform(*_OVERTAKEN_S)

    def links(self) -> None:
        """A host cuts its links."""
        self._host().drop_links()

    def host_down(self) -> None:
        """A host is away for a while."""
        host = self._host()
        host.drop_links()
        self._for_a_while(host, "down", _HOST_S)

    def mute(self) -> None:
        """A host's answers to charges get lost for a while; it goes on to take the money."""
        self._for_a_while(self._host(), "mute", _HOST_S)

    def sign_off(self) -> None:
        """A host signs off, and on again."""
        host = self._host()
        host.sign(off=True)
        self._later(_HOST_S, lambda: host.sign(off=False))

    def cut_over(self) -> None:
        """A host closes its settlement day, and begins the next a moment later."""
        host = self._host()
        host.end_day()
        self._later(_NIGHT_S, host.begin_day)

    def blink(self) -> None:
        """The same for a moment: what was refused just now is taken now."""
        host = self._host()
        host.sign(off=True)
        self._later(_BLINK_S, lambda: host.sign(off=False))

    def reload(self) -> None:
        """Other numbers of links to each host: new ones take over from those that there are."""
        self._world.process.reload_with_links(self._rng.randint(1, 3))

    def key_change(self) -> None:
        """The clearing house hands out a new MAC key; now and then its check value is wrong."""
        self._world.hosts[KEYED_HOST].send_key(wrong=self._rng.random() < _WRONG_CHECKS)

    # The disk

    def disk_fails(self) -> None:
        """For a while every operation fails."""
        self._for_a_while(self._world.disk, "failing", _DISK_S)

    def disk_full(self) -> None:
        """For a while no file grows."""
        self._for_a_while(self._world.disk, "full", _DISK_S)

    def disk_slow(self) -> None:
        """For a while each commit takes its time."""
        process = self._world.process
        process.commit_s = (0.05, self._rng.choice((0.2, 2.0)))
        self._later(15.0, lambda: setattr(process, "commit_s", _USUAL_COMMIT_S))

    def commit_fails(self) -> None:
        """One commit fails."""
        self._world.disk.fails_in_ops = self._rng.randint(1, _OPERATIONS_A_COMMIT)

    # Helpers

    def _host(self) -> SimHost:
        return self._rng.choice(list(self._world.hosts.values()))

    def _down_s(self) -> float:
        return self._rng.choice((0.1, 1.0, 5.0))

    def _for_a_while(self, thing: object, name: str, most_s: float) -> None:
        setattr(thing, name, True)
        self._later(most_s, lambda: setattr(thing, name, False))

    def _later(self, most_s: float, call: Callable[[], None]) -> None:
        self._world.agenda.after(self._rng.uniform(0.1, most_s), call)
