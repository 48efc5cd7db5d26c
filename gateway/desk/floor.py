"""Where the desk stands: beside a running gateway, or on a journal that no gateway uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from routing.effects import BatchLookup, UnsettledLookup

if TYPE_CHECKING:
    from gateway.clock import Clock
    from gateway.journal import Journal
    from gateway.pipeline import Pipeline
    from routing.switch import Switch


class Floor(Protocol):
    """A way to make decisions durable."""

    async def settle(self) -> None:
        """Return once all that was decided is durable, and what was looked up is found."""
        ...


class LiveFloor:
    """The pipeline of a running gateway."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def settle(self) -> None:
        """Wait for the pipeline."""
        self._pipeline.kick()
        await self._pipeline.settled()
        # What a look-up found was decided on, too: that is durable one batch later.
        await self._pipeline.settled()


class PaperFloor:
    """A journal alone: no host, no terminal; what is decided waits for the next gateway."""

    def __init__(self, switch: Switch, journal: Journal, clock: Clock) -> None:
        self._switch, self._journal, self._clock = switch, journal, clock

    async def settle(self) -> None:
        """Write and look up, until nothing is left."""
        while self._switch.has_effects:
            outbox = self._switch.take()
            if outbox.records:
                self._journal.append(outbox.records)
            for lookup in outbox.lookups:
                if isinstance(lookup, BatchLookup):
                    # Only a terminal's settlement asks for one, and no terminal is here.
                    continue
                if isinstance(lookup, UnsettledLookup):
                    lookup.found(*self._journal.unsettled(lookup), self._clock.now())
                    continue
                charge = self._journal.find(lookup.wanted)
                known = None if charge is None else self._switch.adopt(charge)
                lookup.found(known, self._clock.now())
