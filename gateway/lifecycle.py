"""From start to stop: what /readyz says, and what a signal does.

SIGTERM or SIGINT drains: no new terminal, no new charge, those under way come to their answer,
then the process ends with 0.  A second signal ends it at once; the journal is safe either way.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

import trio

from routing.charge import State

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.pipeline import Pipeline
    from gateway.tools import Tools
    from gateway.wire.engine import Engine
    from routing.switch import Switch

LIVE_S_MAX: Final = 2.0
"""A gateway whose last turn is older than this is not alive."""
_POLL_S: Final = 0.05


class Lifecycle:
    """Whether this process lives, is ready, or is on its way out."""

    def __init__(
        self,
        config: Config,
        switch: Switch,
        engine: Engine,
        pipeline: Pipeline,
        tools: Tools,
    ) -> None:
        self._config = config
        self._switch = switch
        self._engine = engine
        self._pipeline = pipeline
        self._clock, self._metrics, self._log = tools.clock, tools.metrics, tools.log
        self.draining = False

    def alive(self) -> bool:
        """Whether the turns go on."""
        return self._clock.now().monotonic - self._metrics.last_turn_at < LIVE_S_MAX

    def not_ready_because(self) -> list[str]:
        """Why no terminal should come here; empty when ready."""
        reasons = [
            f"host {host.name}: {host.links.why_not_usable()}"
            for host in self._switch.hosts.values()
            if not host.links.usable()
        ]
        if self._pipeline.failing_since:
            reasons.append("journal fails")
        if self.draining:
            reasons.append("draining")
        return reasons

    async def until_stopped(self) -> None:
        """Return when this process should end."""
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            await anext(signals)
            self._log.info("draining", seconds_max=self._config.drain.seconds_max)
            async with trio.open_nursery() as nursery:

                async def drain_and_leave() -> None:
                    await self.drain()
                    nursery.cancel_scope.cancel()

                nursery.start_soon(drain_and_leave)
                await anext(signals)
                self._log.warning("stopped at once by a second signal")
                nursery.cancel_scope.cancel()

    async def drain(self) -> None:
        """Take nothing new; return when what is under way came to its answer, or time is over."""
        self.draining = True
        self._switch.drain()
        self._engine.stop_listening()
        book = self._switch.life.book
        with trio.move_on_after(self._config.drain.seconds_max):
            # A stop is rare: looking now and then is cheaper than an event for every step.
            while (  # noqa: ASYNC110
                book.count(State.SENT) or book.count(State.APPROVED) or not self._pipeline.idle
            ):
                await trio.sleep(_POLL_S)
        self._log.info("stopped", left_open=len(book.open()))
