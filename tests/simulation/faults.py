"""What goes wrong in a seed, and when: drawn before it begins, stopped when healing begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.simulation.hosts import Moods
from tests.simulation.terminals import Habits

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.simulation.world import World

_OPERATIONS_A_COMMIT: Final = 12
_CROWDED: Final = 0.04
"""Share of streets with `_CROWD` terminals in each shop, 200 in all."""
_CROWD: Final = 34
_TINY: Final = 0.2
"""Share of worlds in which the gateway's bounds are tiny."""


@dataclass(frozen=True, slots=True)
class Severity:
    """How bad a seed may become; lowered to make the story of a failing seed short."""

    terminals_max: int = 4
    """In each shop."""
    mishaps: float = 1.0
    """Factor on the shares of hosts' and terminals' faults."""
    events: frozenset[str] = frozenset(
        {"kill", "power", "kill in a write", "dark", "links", "host down", "disk fails",
         "disk full", "disk slow", "commit fails", "clock", "reset", "stop", "sign-off"}
    )  # fmt: skip


class Faults:
    """The faults of one seed."""

    def __init__(self, rng: random.Random, severity: Severity) -> None:
        self._rng = rng
        self._severity = severity
        self.on = True
        """Whether anything may fail now."""
        self._crowded = rng.random() < _CROWDED

    def terminals_a_shop(self) -> int:
        """How many terminals the next shop has."""
        most = self._severity.terminals_max
        return (
            _CROWD
            if self._crowded and most == Severity().terminals_max
            else (self._rng.randint(1, most))
        )

    def tiny_bounds(self) -> bool:
        """Whether the gateway's bounds are so small that they are reached."""
        return self._rng.random() < _TINY * (self._severity.mishaps > 0)

    def _share(self, most: float) -> float:
        rng = self._rng
        return 0.0 if rng.random() < 0.4 else rng.random() * most * self._severity.mishaps

    def moods(self) -> Moods:
        """How one host behaves."""
        share = self._share
        return Moods(
            silent=share(0.15), late=share(0.15), decline=share(0.2), partial=share(0.2),
            duplicate=share(0.1), wrong_field=share(0.05), wrong_mac=share(0.05),
            reversal_silent=share(0.4), reversal_busy=share(0.3), drops_link=share(0.02),
        )  # fmt: skip

    def habits(self) -> Habits:
        """How one terminal behaves."""
        share = self._share
        return Habits(
            hangs_up=share(0.2), crashes=share(0.1), dies=share(0.03), half_closes=share(0.03),
            vanishes_for_good=share(0.02),
            service_fails=share(0.1), never_confirms=share(0.1), asks_again=share(0.1),
            garbage=share(0.02),
        )  # fmt: skip

    # While the traffic runs

    def begin(self, world: World) -> None:
        """Plan the events that hit the gateway, the network, the disk and the clocks."""
        for name, call in self._events(world).items():
            every_s = self._rng.choice((0.0, 15.0, 40.0, 80.0))
            if every_s and name in self._severity.events:
                self._plan(world, name, call, every_s)

    def _plan(self, world: World, name: str, call: Callable[[], None], every_s: float) -> None:
        world.agenda.after(
            self._rng.expovariate(1 / every_s), self._strike, world, name, call, every_s
        )

    def _strike(self, world: World, name: str, call: Callable[[], None], every_s: float) -> None:
        if self.on:
            world.note("FAULT", name)
            call()
            self._plan(world, name, call, every_s)

    def end(self, world: World) -> None:
        """From now on nothing fails any more."""
        self.on = False
        world.note("FAULTS END")
        for host in world.hosts.values():
            host.moods, host.down = Moods(decline=host.moods.decline), False
            host.sign(off=False)
        for terminal in world.terminals:
            terminal.calm()
        world.disk.failing = world.disk.full = False
        world.disk.killed_in_ops = world.disk.fails_in_ops = 0
        world.process.commit_s = (0.0002, 0.004)
        world.weather.dark_until = min(world.weather.dark_until, world.agenda.now)

    def _events(self, world: World) -> dict[str, Callable[[], None]]:  # noqa: C901 - a list
        rng, agenda, process, disk = self._rng, world.agenda, world.process, world.disk

        def down_s() -> float:
            return rng.choice((0.1, 1.0, 5.0))

        def for_a_while(begin: Callable[[], None], end: Callable[[], None], most_s: float) -> None:
            begin()
            agenda.after(rng.uniform(0.1, most_s), end)

        def set_disk(name: str, most_s: float) -> None:
            for_a_while(
                lambda: setattr(disk, name, True), lambda: setattr(disk, name, False), most_s
            )

        def slow_disk() -> None:
            process.commit_s = (0.05, rng.choice((0.2, 2.0)))
            agenda.after(rng.uniform(1.0, 15.0), setattr, process, "commit_s", (0.0002, 0.004))

        def step_clock() -> None:
            world.clock.wall_offset += rng.choice((-3600.0, -5.0, -1.0, 1.0, 5.0, 3600.0))

        def host_down() -> None:
            host = rng.choice(list(world.hosts.values()))
            host.drop_links()
            for_a_while(
                lambda: setattr(host, "down", True), lambda: setattr(host, "down", False), 20.0
            )

        def sign_off() -> None:
            host = rng.choice(list(world.hosts.values()))
            for_a_while(lambda: host.sign(off=True), lambda: host.sign(off=False), 20.0)

        def reset() -> None:
            if process.network is not None and process.network.ends():
                end = rng.choice(process.network.ends())
                end.wire.reset_from(end.other)
                end.wire.reset_from(end)

        def dark() -> None:
            world.weather.dark_until = agenda.now + rng.choice((0.5, 3.0, 12.0))

        return {
            "kill": lambda: process.kill(down_s()),
            "stop": lambda: process.terminate(down_s()),
            "power": lambda: process.kill(down_s() + 2.0, power=True),
            "kill in a write": lambda: setattr(
                disk, "killed_in_ops", rng.randint(1, _OPERATIONS_A_COMMIT)
            ),
            "dark": dark,
            "links": lambda: rng.choice(list(world.hosts.values())).drop_links(),
            "host down": host_down,
            "disk fails": lambda: set_disk("failing", 8.0),
            "disk full": lambda: set_disk("full", 8.0),
            "disk slow": slow_disk,
            "commit fails": lambda: setattr(
                disk, "fails_in_ops", rng.randint(1, _OPERATIONS_A_COMMIT)
            ),
            "clock": step_clock,
            "reset": reset,
            "sign-off": sign_off,
        }
