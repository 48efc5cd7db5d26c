"""What goes wrong in a seed, and when: drawn before it begins, stopped when healing begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from routing.limits import LimitSettings
from tests.simulation.events import Event, Events
from tests.simulation.hosts import Moods
from tests.simulation.terminals import Habits
from tests.simulation.wires import RADIO_LAGS_S, TERMINALS_LAGS_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.chance import Chance
    from tests.simulation.world import World

_TERMINALS: Final = 4
_NEVER: Final = 0.4
"""Share of hosts and terminals that never do a certain thing wrong."""
_CROWDED: Final = 0.04
"""Share of streets with `_CROWD` terminals in each shop, 200 in all."""
_CROWD: Final = 34
TINY: Final = "tiny bounds"
_TINY: Final = 0.2
"""Share of worlds in which the gateway's bounds are tiny."""
LIMITS: Final = "limits"
_LIMITED: Final = 0.25
"""Share of worlds in which a terminal, or a card, may have so many sales a day."""
RADIO: Final = "bad radio"
_BAD: Final = 0.25
"""Share of worlds in which many of the terminals' connections are slow."""
SIGNING_IN: Final = "working keys"
_SIGNING_IN: Final = 0.25
"""Share of worlds in which the POS terminals sign in and have keys of their own."""
EXCHANGED: Final = "exchanged keys"
_EXCHANGED: Final = 0.4
"""Share of worlds in which the clearing house's MAC key changes now and then."""
DAYS: Final = "settlement days"
_DATED: Final = 0.15
"""Share of worlds whose hosts tell their settlement date, and cut over now and then."""
_DAY_S: Final = 45.0
"""How long a day is there, on average."""
CUT_OVER: Final = "cut-over"
WHOLE: Final = (TINY, LIMITS, RADIO, DAYS, SIGNING_IN, EXCHANGED)
"""What a world has from its beginning to its end, or has not."""
_SALES_A_DAY: Final = (3, 25)


EVENTS: Final = (
    "kill", "power", "stop", "kill in a write", "dark", "stall", "overtake", "links", "reset",
    "host down", "mute", "sign-off", "blink", "reload",
    "disk fails", "disk full", "disk slow", "commit fails", "clock", "impostor", "key change",
)  # fmt: skip
MOODS: Final = {
    "silent": 0.15, "late": 0.15, "decline": 0.2, "partial": 0.2, "duplicate": 0.1,
    "wrong_field": 0.05, "wrong_mac": 0.05, "reversal_silent": 0.4, "reversal_late": 0.6,
    "reversal_busy": 0.3, "drops_link": 0.02,
}  # fmt: skip
HABITS: Final = {
    "hangs_up": 0.2, "crashes": 0.1, "crashes_unread": 0.05, "dies": 0.03, "half_closes": 0.03,
    "vanishes_for_good": 0.02, "service_fails": 0.1, "never_confirms": 0.1, "asks_again": 0.1,
    "voids": 0.2, "garbage": 0.02, "changes_keys": 0.3, "leaves_sign_ins": 0.3,
}  # fmt: skip
"""Names and highest shares of what hosts and terminals do wrong."""


@dataclass(frozen=True, slots=True)
class Severity:
    """What may go wrong in a seed; lowered to make the story of a failing seed short."""

    only: frozenset[str] | None = None
    """The terminals that are there; None: all."""
    without: frozenset[str] = frozenset()
    """Names of WHOLE, EVENTS, MOODS and HABITS that don't happen."""


class Faults:
    """The faults of one seed."""

    def __init__(self, chance: Chance, severity: Severity) -> None:
        self._chance = chance
        self._without, self._only = severity.without, severity.only
        self.on = True
        """Whether anything may fail now."""
        self.crowded = chance.of("crowd").random() < _CROWDED
        """Whether the street has 200 terminals."""

    def terminals_of(self, shop: str) -> int:
        """How many terminals a shop has."""
        return _CROWD if self.crowded else self._chance.of("shop", shop).randint(1, _TERMINALS)

    def is_there(self, terminal: str) -> bool:
        """Whether this terminal takes part."""
        return self._only is None or terminal in self._only

    def tiny_bounds(self) -> bool:
        """Whether the gateway's bounds are so small that they are reached."""
        return TINY not in self._without and self._chance.of(TINY).random() < _TINY

    def signing_in(self) -> bool:
        """Whether the POS terminals sign in."""
        rng = self._chance.of(SIGNING_IN)
        return SIGNING_IN not in self._without and rng.random() < _SIGNING_IN

    def exchanging_keys(self) -> bool:
        """Whether the clearing house's MAC key changes."""
        rng = self._chance.of(EXCHANGED)
        return EXCHANGED not in self._without and rng.random() < _EXCHANGED

    def days(self) -> bool:
        """Whether hosts tell their settlement date."""
        return DAYS not in self._without and self._chance.of(DAYS).random() < _DATED

    def lags_s(self) -> tuple[float, ...]:
        """How slow the terminals' connections may be."""
        is_bad = RADIO not in self._without and self._chance.of(RADIO).random() < _BAD
        return RADIO_LAGS_S if is_bad else TERMINALS_LAGS_S

    def limits(self) -> LimitSettings:
        """What may be charged in a day."""
        rng = self._chance.of(LIMITS)
        if LIMITS in self._without or rng.random() >= _LIMITED:
            return LimitSettings()
        scope = rng.choice(("terminal", "card"))
        return LimitSettings(**{f"{scope}_day_count_max": rng.randint(*_SALES_A_DAY)})

    def moods(self, host: str) -> Moods:
        """How one host behaves."""
        return Moods(**self._shares(MOODS, "moods", host))

    def habits(self, *terminal: object) -> Habits:
        """How one terminal behaves."""
        return Habits(**self._shares(HABITS, "habits", *terminal))

    def _shares(self, most: Mapping[str, float], *whose: object) -> dict[str, float]:
        rng = self._chance.of(*whose)
        drawn = {
            name: 0.0 if rng.random() < _NEVER else rng.random() * each
            for name, each in most.items()
        }
        return {name: share * (name not in self._without) for name, share in drawn.items()}

    # While the traffic runs

    def begin(self, world: World) -> None:
        """Plan the events that hit the gateway, the network, the disk and the clocks."""
        for name in EVENTS:
            rng = self._chance.of("event", name)
            every_s = rng.choice((0.0, 15.0, 40.0, 80.0))
            if every_s and name not in self._without:
                event = Event(name, Events(world, rng).named(name), every_s, rng)
                self._plan(world, event)

        if self.days():
            rng = self._chance.of("event", CUT_OVER)
            self._plan(world, Event(CUT_OVER, Events(world, rng).cut_over, _DAY_S, rng))

    def _plan(self, world: World, event: Event) -> None:
        world.agenda.after(event.rng.expovariate(1 / event.every_s), self._strike, world, event)

    def _strike(self, world: World, event: Event) -> None:
        if self.on:
            world.note("FAULT", event.name)
            event.call()
            self._plan(world, event)

    def end(self, world: World) -> None:
        """From now on nothing fails any more."""
        self.on = False
        world.note("FAULTS END")
        for host in world.hosts.values():
            host.moods = Moods(decline=host.moods.decline)
            host.down = host.mute = False
            host.begin_day()
            host.sign(off=False)
        for terminal in world.terminals:
            terminal.calm()
        world.disk.failing = world.disk.full = False
        world.disk.killed_in_ops = world.disk.fails_in_ops = 0
        world.process.commit_s = (0.0002, 0.004)
        world.weather.dark_until = min(world.weather.dark_until, world.agenda.now)
