"""TCP as the world sees it: two ends, latency, bytes split and joined, all the ways to be cut.

A `Wire` is one connection.  Each end has a kernel (bytes arrive there and are acknowledged) and an
owner that may or may not ever read them: that is the difference between delivered and served.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from tests.simulation.agenda import Agenda
    from tests.simulation.chance import Chance

SPLIT: Final = 0.05
"""Share of writes that arrive in pieces."""

LAGS_S: Final = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 1.5)
"""What a connection adds to each segment: on a slow one a message is overtaken by a later one."""
TERMINALS_LAGS_S: Final = (*LAGS_S, 4.0, 17.0)
"""The same for every second connection of a terminal: it must come through with another
within the time for a proof.  The longest is longer than a terminal waits: what it asks there
arrives after it has asked elsewhere."""
RADIO_LAGS_S: Final = (1.5, 4.0, 17.0, 17.0)
"""The same where the radio is bad."""


class Owner(Protocol):
    """The process at an end of a wire."""

    def readable(self, end: End) -> None:
        """Bytes, or the end of them, wait in `end.received`."""

    def cut(self, end: End) -> None:
        """The connection was reset."""


class Weather:
    """How the network is: latency, and until when nothing comes through."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._wires: Counter[str] = Counter()
        self.latency_s = (0.001, 0.02)
        self.dark_until = 0.0
        """Until then segments are lost and sent again; the ends notice only the silence."""

    def of_next_wire(self, name: str) -> tuple[random.Random, bool]:
        """The chance of the next connection of somebody, and whether it is an even one."""
        self._wires[name] += 1
        return self._chance.of("wire", name, self._wires[name]), not self._wires[name] % 2


class End:
    """One end of a wire."""

    __slots__ = (
        "amnesic",
        "arrives_at",
        "ended",
        "gap",
        "hard_close",
        "in_flight",
        "name",
        "open",
        "other",
        "owner",
        "received",
        "sent",
        "sent_end",
        "wire",
    )

    def __init__(self, wire: Wire, name: str) -> None:
        self.wire = wire
        self.name = name
        self.owner: Owner | None = None
        """None: nobody listens here any more; what arrives is answered with a reset."""
        self.other: End
        self.received = bytearray()
        """In this end's kernel, not yet read."""
        self.ended = False
        """The other side sends no more."""
        self.sent_end = False
        self.sent = 0
        """Bytes in all."""
        self.in_flight = 0
        """Bytes sent from here that the other kernel has not acknowledged."""
        self.arrives_at = 0.0
        """Nothing sent from here later arrives before."""
        self.open = True
        self.hard_close = False
        """Closing is a reset, which also drops what is not across yet (SO_LINGER of 0)."""
        self.amnesic = False
        """The machine at this end lost its power: what it had not got across is gone."""
        self.gap = False
        """Something that was sent from here never arrived: nothing after it can."""

    def send(self, data: bytes) -> None:
        """Hand bytes to this end's kernel."""
        self.in_flight += len(data)
        self.sent += len(data)
        if self.open and not self.sent_end:
            for piece in self.wire.pieces(data):
                self.wire.carry(self, piece)

    def end_sending(self) -> None:
        """Say that no more comes (FIN)."""
        if self.open and not self.sent_end:
            self.sent_end = True
            self.wire.carry(self, b"")

    def close(self) -> None:
        """The owner is done: an orderly end, or a reset if it leaves bytes unread."""
        self.owner = None
        if self.received or self.hard_close:
            self.reset()
        else:
            self.end_sending()

    def reset(self) -> None:
        """Cut the connection; the other side hears of it a moment later."""
        self.owner = None
        self.wire.reset_from(self)

    def vanish(self) -> None:
        """The machine at this end lost its power: it says nothing more, it acknowledges nothing."""
        self.owner = None
        self.amnesic = True
        self.wire.dead_end = self


class Wire:
    """A connection between a `near` end (who made it) and a `far` one."""

    __slots__ = (
        "_agenda",
        "_lag_s",
        "_rng",
        "cut",
        "dead_end",
        "far",
        "near",
        "stalled_until",
        "weather",
    )

    def __init__(
        self,
        agenda: Agenda,
        weather: Weather,
        name: str,
        *,
        lags_s: Sequence[float] = LAGS_S,
        even_lags_s: Sequence[float] = LAGS_S,
    ) -> None:
        self._agenda = agenda
        self.weather = weather
        self.near, self.far = End(self, name), End(self, name)
        self.near.other, self.far.other = self.far, self.near
        self._rng, is_even = weather.of_next_wire(name)
        self._lag_s = self._rng.choice(even_lags_s if is_even else lags_s)
        self.stalled_until = 0.0
        """Until then the segments of this connection alone are lost and sent again."""
        self.cut = False
        self.dead_end: End | None = None

    def pieces(self, data: bytes) -> list[bytes]:
        """How the network cuts what is written at once."""
        rng = self._rng
        if len(data) > 1 and rng.random() < SPLIT:
            at = rng.randrange(1, len(data))
            return [data[:at], data[at:]]
        return [data]

    def carry(self, sender: End, piece: bytes) -> None:
        """One segment on its way; an empty one is the end."""
        if self.dead_end is sender:
            return
        agenda, weather = self._agenda, self.weather
        clears_at = max(weather.dark_until, self.stalled_until)
        is_lost = agenda.now < clears_at
        at = max(agenda.now, clears_at) + self._rng.uniform(*weather.latency_s)
        at += self._lag_s
        at = sender.arrives_at = max(at, sender.arrives_at)
        agenda.at(at, self._arrive, sender, piece, is_lost)

    def _arrive(self, sender: End, piece: bytes, was_lost: bool) -> None:
        """A segment arrives; one that was lost at first, only if somebody could send it again."""
        end = sender.other
        if self.cut or self.dead_end is end or not end.open:
            return
        if sender.gap or (was_lost and (sender.amnesic or not sender.open)):
            sender.gap = True
            return
        if end.owner is None:
            if piece:
                self.reset_from(end)
            return
        sender.in_flight -= len(piece)
        if piece:
            end.received += piece
        else:
            end.ended = True
        end.owner.readable(end)

    def reset_from(self, end: End) -> None:
        """`end` sends a reset."""
        if self.cut or not end.open:
            return
        end.open = False
        weather, agenda = self.weather, self._agenda
        clears_at = max(weather.dark_until, self.stalled_until)
        wait = max(clears_at - agenda.now, 0.0) + self._rng.uniform(*weather.latency_s)
        agenda.after(wait, self._reset_arrives, end.other)

    def _reset_arrives(self, end: End) -> None:
        self.cut = True
        owner, end.owner, end.open = end.owner, None, False
        if owner is not None:
            owner.cut(end)

    def wake_dead_end(self) -> None:
        """The machine that lost its power runs again: it knows nothing of this connection."""
        end, self.dead_end = self.dead_end, None
        if end is not None and end.other.in_flight:
            self.reset_from(end)
