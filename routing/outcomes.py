"""How charges came back from their hosts, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from routing.charge_record import Charge
    from routing.states import Event


class Outcome:
    """One way in which charges come back, and how many did so."""

    def __init__(self, host: str, dialect: str, mti: str, event: Event | None) -> None:
        self.host, self.dialect, self.mti, self.event = host, dialect, mti, event
        self.count = 0


class Outcomes:
    """By host, terminal's dialect, MTI class digit and event."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str, Event], Outcome] = {}
        self._last = Outcome("", "", "", None)

    def came_back(self, charge: Charge, event: Event) -> None:
        """A charge is SENT no more."""
        # Nearly all come back as the one before did.
        last = self._last
        if (
            event is not last.event
            or charge.host != last.host
            or charge.mti != last.mti
            or charge.dialect != last.dialect
        ):
            key = charge.host, charge.dialect, charge.mti[1], event
            last = self._known.setdefault(key, Outcome(charge.host, charge.dialect, "", event))
            last.mti = charge.mti
            self._last = last
        last.count += 1

    def counts(self) -> dict[tuple[str, str, str, Event], int]:
        """How many there were of each."""
        return {key: each.count for key, each in self._known.items()}
