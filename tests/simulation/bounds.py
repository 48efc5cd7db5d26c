"""What in the gateway is bounded by name: how full it is, and worlds in which the bounds are tiny.

Reaching a bound is an everyday thing; going past it breaks invariant 7.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from gateway import intake
from gateway.config import Config
from routing.charge import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routing.settings import Settings
    from routing.switch import Switch
    from tests.simulation.network import SimNetwork

_HEADER_BYTES: Final = 2
_EFFECTS: Final = 10
_TOMBSTONES: Final = 5
_TERMINALS_A_TOMBSTONE: Final = 3
_LATE_REQUEST_S: Final = 45.0
"""Longer than the slowest connection and the longest standstill together."""
SMALL_WINDOW_BYTES: Final = 300
"""What the kernel takes of a connection before it is acknowledged, in a world of tiny bounds."""
_EFFECTS_A_CHARGE: Final = 12
"""What hosts and clocks may make of one charge while the journal fails: that is not dropped."""
_EFFECTS_A_MESSAGE: Final = 4
"""Of a reversal, confirmation or settlement that is taken although that bound is reached, and of a
sale that proves an earlier one; a connection has one of them at a time."""
_EFFECTS_A_SIGN_IN: Final = 3
"""Of one that waited for its keys when the bound was reached; a terminal has one at a time."""


class TinyConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A configuration whose bounds are reached by a shop street."""

    tombstones_max: int = 1

    def settings(self) -> Settings:
        """What routing is told; some bounds of it are in no file."""
        return msgspec.structs.replace(
            super().settings(),
            in_flight_per_connection_max=1,
            tombstones_max=self.tombstones_max,
            late_request_s=_LATE_REQUEST_S,
        )


def tiny(config: Config, terminals: int) -> Config:
    """The same with bounds that are reached by so many terminals."""
    values = {name: getattr(config, name) for name in config.__struct_fields__}
    values["host"] = tuple(
        msgspec.structs.replace(host, in_flight_max=3, pending_max=8, late_answer_quarantine_s=30.0)
        for host in config.host
    )
    values["journal"] = msgspec.structs.replace(config.journal, ended_in_memory_max=2)
    values["wire"] = msgspec.structs.replace(
        config.wire,
        connections_max=terminals + 1,
        in_flight_max=4,
        frame_bytes_max=512,
        waiting_bytes_max=260,
        link_waiting_bytes_max=400,
    )
    tombstones_max = max(_TOMBSTONES, terminals // _TERMINALS_A_TOMBSTONE)
    return TinyConfig(**values, tombstones_max=tombstones_max)


@contextmanager
def few_effects(*, tiny: bool) -> Iterator[None]:
    """Within this context few effects may wait for the journal, if bounds are to be tiny."""
    usual = intake.WAITING_EFFECTS_MAX
    intake.WAITING_EFFECTS_MAX = _EFFECTS if tiny else usual  # type: ignore[misc]
    try:
        yield
    finally:
        intake.WAITING_EFFECTS_MAX = usual  # type: ignore[misc]


class Fill(NamedTuple):
    """How full something is."""

    name: str
    used: int
    bound: int


def fills(config: Config, switch: Switch, network: SimNetwork) -> Iterator[Fill]:
    """Everything in a running gateway that has a bound."""
    yield from _of_routing(switch, len(network.connections()))
    yield from _of_wire(config, network)


def _of_routing(switch: Switch, connections: int) -> Iterator[Fill]:
    life, settings = switch.life, switch.life.settings
    open_now = life.book.open()
    for host in switch.hosts.values():
        sent = sum(x.state is State.SENT and x.host == host.name for x in open_now)
        yield Fill("host.in_flight_max", sent, host.settings.in_flight_max)
        yield Fill("host.pending_max", len(host.keys), host.settings.pending_max)
    yield Fill("wire.in_flight_max", life.book.waiting(), settings.in_flight_max)
    yield Fill("journal.ended_in_memory_max", len(life.book) - len(open_now), settings.ended_max)
    yield Fill(
        "tombstones_max", len(switch.terminals.admission.tombstones), settings.tombstones_max
    )
    most = settings.in_flight_per_connection_max
    for line in {charge.conn: charge.line for charge in open_now}.values():
        if line is not None:
            yield Fill("in_flight_per_connection_max", life.book.load_of(line), most)
    waiting = intake.WAITING_EFFECTS_MAX + _EFFECTS_A_CHARGE * (1 + len(open_now))
    waiting += _EFFECTS_A_SIGN_IN * len(life.registry) + _EFFECTS_A_MESSAGE * connections
    yield Fill("effects that wait for the journal", len(life.outbox), waiting)


def _of_wire(config: Config, network: SimNetwork) -> Iterator[Fill]:
    limits, connections = config.wire, network.connections()
    waiting = {
        accepted: [len(each.out) for each in connections if each.accepted is accepted]
        for accepted in (True, False)
    }
    yield Fill("wire.connections_max", len(waiting[True]), limits.connections_max)
    # The fullest speaks for all.
    for name, accepted in (("waiting_bytes_max", True), ("link_waiting_bytes_max", False)):
        fullest = max(waiting[accepted], default=0)
        yield Fill(f"wire.{name}", fullest, getattr(limits, name) + _HEADER_BYTES)
