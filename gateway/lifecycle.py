"""From start to stop: what /readyz says, and what a signal does.

SIGTERM or SIGINT drains: no new terminal, no new charge, those under way come to their answer or
become due reversals, terminals are sent home a few at a time, hosts are signed off from, then the
process ends with 0.  A second signal ends it at once; the journal is safe either way.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

import trio

from routing.charge import State

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.log import Level
    from gateway.pipeline import Pipeline
    from gateway.systemd import Notifier
    from gateway.tools import Tools
    from gateway.wire.engine import Engine
    from routing.switch import Switch

LIVE_S_MAX: Final = 2.0
"""A gateway whose last turn is older than this is not alive."""
_POLL_S: Final = 0.05
_LAST_COMMIT_S_MAX: Final = 5.0
"""How long a stop waits for a journal that can't take the last steps; the next start takes them."""


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

    def log_from(self, level: Level, who: str) -> Level:
        """Log this level and above from now on; returns the level so far."""
        was, self._log.level = self._log.level, level
        self._log.warning("log level changed", by=who, was=was, now=level)
        return was

    async def until_stopped(self, notifier: Notifier) -> None:
        """Return when this process should end."""
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            await anext(signals)
            notifier.say("STOPPING=1")
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
        with trio.move_on_after(self._config.drain.seconds_max):
            # A stop is rare: looking now and then is cheaper than an event for every step.
            while self._under_way() or not self._pipeline.idle:  # noqa: ASYNC110
                await trio.sleep(_POLL_S)
        left_over = self._switch.leave_over(self._clock.now())
        self._pipeline.kick()
        with trio.move_on_after(_LAST_COMMIT_S_MAX):
            await self._pipeline.settled()
        await self._send_terminals_home()
        await self._sign_off()
        open_now = len(self._switch.life.book.open())
        self._log.info("stopped", left_over=left_over, left_open=open_now)

    async def _sign_off(self) -> None:
        """Tell the hosts; one that does not answer is not waited for for long."""
        self._switch.departures.sign_off(self._clock.now())
        self._pipeline.kick()
        with trio.move_on_after(self._config.drain.sign_off_s):
            while self._switch.departures.signing_off:  # noqa: ASYNC110 - as above
                await trio.sleep(_POLL_S)
        if self._switch.departures.signing_off:
            self._log.warning(
                "no answer to the sign-off", links=self._switch.departures.signing_off
            )

    def _under_way(self) -> int:
        book = self._switch.life.book
        return book.count(State.SENT) + book.count(State.APPROVED)

    async def _send_terminals_home(self) -> None:
        """A few at a time: all of them would come back at once."""
        most = max(1, int(self._config.drain.closes_a_second_max * _POLL_S))
        connections = self._engine.accepted()
        for first in range(0, len(connections), most):
            if first:
                await trio.sleep(_POLL_S)
            for conn in connections[first : first + most]:
                self._engine.close(conn, "draining")
