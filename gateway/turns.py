"""The turns: read what is ready, decide for all of it, hand the decisions to the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.intake import Intake
    from gateway.pipeline import Pipeline
    from gateway.tools import Tools
    from gateway.wire.port import Network, WireEvent
    from routing.clock import Now
    from routing.switch import Switch

WAIT_S_MAX: Final = 0.1
"""How long a turn waits for bytes; other tasks' decisions get their deadlines looked at by then."""
HOSTS_EVERY_S: Final = 0.25
GATHERS_S_MAX: Final = 0.001
"""While more comes that can be decided, the next batch waits for it: at most so long."""


class Turns:
    """What comes in, one turn after the other."""

    def __init__(
        self,
        network: Network,
        switch: Switch,
        pipeline: Pipeline,
        intake: Intake,
        tools: Tools,
    ) -> None:
        self._network = network
        self._switch = switch
        self._pipeline = pipeline
        self._intake = intake
        self._clock, self._metrics = tools.clock, tools.metrics
        self._hosts_at = 0.0

    async def run(self) -> None:
        """Turn after turn, for ever.

        What a batch that became durable held leaves first.  Then all that can be decided is
        decided, also what comes meanwhile; and what then waits for the disk is the next batch.
        """
        network, pipeline = self._network, self._pipeline
        now, gathers_until = self._clock.now(), 0.0
        while True:
            events = network.ready() if now.monotonic < gathers_until else []
            if not (pipeline.settle() or events):
                pipeline.kick()
                events = await network.turn(self._wait_s(now))
                pipeline.settle()
                now = self._clock.now()
                gathers_until = now.monotonic + GATHERS_S_MAX
            else:
                now = self._clock.now()
            self._decide(events, now)
            pipeline.let_leave()

    def _decide(self, events: list[WireEvent], now: Now) -> None:
        self._metrics.turned(now.monotonic)
        self._intake.take(events, now)
        self._switch.tick(now)
        if now.monotonic >= self._hosts_at:
            self._hosts_at = now.monotonic + HOSTS_EVERY_S
            self._switch.tick_hosts(now)

    def _wait_s(self, now: Now) -> float:
        due = self._switch.life.deadlines.next_at()
        if due is None:
            return WAIT_S_MAX
        return min(max(due - now.monotonic, 0.0), WAIT_S_MAX)
