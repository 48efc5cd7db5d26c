"""How full every bound of the process is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.intake import WAITING_EFFECTS_MAX
from gateway.key_work import WAITING_MAX
from gateway.mac_lane import WAITING_MAX as MACS_MAX
from gateway.notices import AT_ONCE_MAX
from gateway.ops import machine
from gateway.questions import WAITING_MAX as QUESTIONS_MAX
from gateway.wire.descriptors import RESERVE
from routing import conduct, limits
from routing.batches import UPLOADS_MAX
from routing.terminal_network import ORDERS_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric as Family

    from gateway.config import Config
    from gateway.journal import Journal
    from gateway.metrics import Metrics
    from gateway.node import Node
    from gateway.notices import NoticePost
    from gateway.ops.survey import Seen
    from gateway.wire.engine import Engine
    from routing.switch import Switch


class BoundsCollector:
    """What is used, the bounds themselves, and what was forgotten or not said at them."""

    def __init__(
        self,
        config: Config,
        metrics: Metrics,
        switch: Switch,
        engine: Engine,
        notices: NoticePost,
        node: Node,
        journal: Journal,
    ) -> None:
        self._config = config
        self._metrics = metrics
        self._switch = switch
        self._engine = engine
        self._notices = notices
        self._node = node
        self._journal = journal

    def collect(self, seen: Seen) -> Iterator[Family]:
        """Every metric, once."""
        known = self._bounds()
        yield machine.USED.by({name: used for name, (used, _) in known.items()})
        yield machine.MAX.by({name: most for name, (_, most) in known.items()})
        life, terminals = self._switch.life, self._switch.terminals
        yield machine.UNSAID.of(terminals.admission.tombstones.unsaid)
        yield machine.UPLOADS_FORGOTTEN.of(terminals.batches.uploads_forgotten)
        yield machine.FORGOTTEN.of(life.limits.forgotten + life.conduct.forgotten)
        del seen

    def _bounds(self) -> dict[str, tuple[int, int]]:
        """By bound: used, and the most."""
        life, terminals, wire = self._switch.life, self._switch.terminals, self._config.wire
        tombstones, lane = terminals.admission.tombstones, self._node.lane
        connections = len(self._engine.crowd)
        return {
            "wire.connections_max": (connections, wire.connections_max),
            "wire.in_flight_per_terminal_max": (
                life.book.busiest(),
                wire.in_flight_per_terminal_max,
            ),
            "wire.in_flight_max": (life.book.waiting(), wire.in_flight_max),
            "descriptors": (connections + RESERVE, self._metrics.descriptors_max),
            "effects that wait for the journal": (len(life.outbox), WAITING_EFFECTS_MAX),
            "questions that wait for the journal": (
                len(self._node.pipeline.questions),
                QUESTIONS_MAX,
            ),
            "batches in upload": (len(terminals.batches), UPLOADS_MAX),
            "remembered reversals": (len(tombstones), life.settings.tombstones_max),
            "counted in a day": (len(life.limits), limits.KEYS_MAX),
            "take-backs": (len(life.conduct), conduct.KEYS_MAX),
            "terminals that wait for keys": (len(terminals.network), ORDERS_MAX),
            "work that waits for the custody": (self._node.key_workers.waiting(), WAITING_MAX),
            "MACs that wait for the module": (lane.waiting if lane else 0, MACS_MAX),
            "notices read at a time": (self._notices.waiting, AT_ONCE_MAX),
            "registry.entries_max": (len(life.registry), life.settings.registry.entries_max),
            "accounts.requests_open_max": (
                len(self._switch.office.shelf),
                life.settings.accounts.requests_open_max,
            ),
            "journal.ended_in_memory_max": (
                min(len(life.book), life.settings.ended_max),
                life.settings.ended_max,
            ),
            "bytes of the redo log": self._journal.log_bytes(),
        }
