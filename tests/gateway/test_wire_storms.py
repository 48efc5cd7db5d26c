"""Thousands do the same at the same moment: who is busy meanwhile waits for a part of it a turn."""

from __future__ import annotations

import socket
import struct
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Self

import msgspec
import pytest

from codec.framing import frame
from gateway.wire import Engine, Frame, Lost, WireEvent, WireLimits
from gateway.wire._allowance import Allowance
from gateway.wire._driver import A_TURN
from gateway.wire.filters import Door
from tests.gateway.test_descriptors import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

WAIT_S: Final = 5.0
SELLS: Final = frame(b"a sale")
LIMITS: Final = WireLimits(first_frame_s=30.0, idle_s=600.0)


class Wire:
    """An engine, a terminal that sells all the time, and a storm of others.

    The kernel's loopback delivers at once: what a terminal did is there when the next turn looks.
    """

    def __init__(self, limits: WireLimits = LIMITS) -> None:
        self.clock = Clock()
        self.engine = Engine(limits, self.clock)
        self.stack = ExitStack()
        self.stack.callback(self.engine.close_all)
        self.address = self.engine.listen("counter", "127.0.0.1", 0).getsockname()
        self.engine.poll()  # the first sweep lies behind it
        self.busy = self.comes()
        self.sale()
        self.storm: list[socket.socket] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stack.close()

    def comes(self, address: tuple[str, int] | None = None) -> socket.socket:
        """One more terminal."""
        return self.stack.enter_context(socket.create_connection(address or self.address, WAIT_S))

    def come(self, count: int) -> None:
        """The storm, each with a first frame, and all of them heard."""
        self.storm = [self.comes() for _ in range(count)]
        for each in self.storm:
            each.sendall(frame(b"hello"))
        heard = 0
        while heard < count:
            heard += sum(isinstance(event, Frame) for event in self.turn())

    def turn(self) -> list[WireEvent]:
        """One turn of the engine."""
        self.engine.poll()
        return self.engine.taken()

    def sale(self) -> list[WireEvent]:
        """The busy one sells; what the turns brought until it was heard, which are few."""
        self.busy.sendall(SELLS)
        seen: list[WireEvent] = []
        for _ in range(2):
            seen += self.turn()
            if any(isinstance(event, Frame) and event.data == b"a sale" for event in seen):
                return seen
        message = "the sale was not heard"
        raise AssertionError(message)

    def catches_up(self) -> Iterator[list[WireEvent]]:
        """Turn after turn, as long as the engine says that there is something to do."""
        while self.engine.poll():
            yield self.engine.taken()


def lost(events: list[WireEvent]) -> list[str]:
    """Why connections ended."""
    return [event.why for event in events if isinstance(event, Lost)]


def test_a_storm_at_one_door_keeps_nobody_out_at_another() -> None:
    with Wire() as wire:
        other = wire.engine.listen("other", "127.0.0.1", 0).getsockname()
        for _ in range(A_TURN["accept"]):
            wire.comes()
        wire.comes((other[0], other[1]))
        wire.turn()
        assert "other" in {wire.engine.peer(each) for each in wire.engine.accepted()}
        assert len(wire.engine.accepted()) == 1 + A_TURN["accept"] // 2 + 1
        assert wire.engine.put_off["accept"] == 1
        wire.turn()
        assert len(wire.engine.accepted()) == 1 + A_TURN["accept"] + 1


def test_who_leaves_with_thousands_is_told_at_once_and_closed_a_part_a_turn() -> None:
    count, a_turn = 2 * A_TURN["close"] + 10, A_TURN["close"]
    with Wire() as wire:
        wire.come(count)
        for each in wire.storm:
            each.close()
        assert lost(wire.sale()) == ["ended"] * count
        assert len(wire.engine) == 1
        assert len(wire.engine.crowd) == 1 + count - a_turn  # a descriptor still, so a place
        assert wire.engine.put_off["close"] == count - a_turn
        left = [len(wire.engine.crowd) for _ in wire.catches_up()]
        assert left == [1 + 10, 1]


def test_what_waits_to_be_closed_is_closed_with_the_engine() -> None:
    with Wire() as wire:
        wire.come(2 * A_TURN["close"])
        wire.engine.poll()
        for conn in wire.engine.accepted():
            wire.engine.close(conn, "draining")
        assert len(wire.engine.crowd) > 0
        wire.engine.close_all()
        assert len(wire.engine.crowd) == 0
        assert [each.recv(1) for each in wire.storm] == [b""] * len(wire.storm)


def test_a_link_is_closed_at_once_whatever_waits() -> None:
    with Wire() as wire:
        wire.come(A_TURN["close"] + 1)
        ours, hosts = socket.socketpair()
        wire.stack.callback(hosts.close)
        link = wire.engine.adopt_descriptor(ours.detach(), "bank", accepted=False)
        wire.engine.poll()
        for conn in wire.engine.accepted():
            wire.engine.close(conn, "draining")
        wire.engine.close(link, "no answer to echoes")
        hosts.settimeout(WAIT_S)
        assert hosts.recv(1) == b""


def test_clocks_that_all_run_out_in_one_second_end_their_connections_a_part_a_turn() -> None:
    count, a_turn = 2 * A_TURN["close"] + 10, A_TURN["close"]
    with Wire(msgspec.structs.replace(LIMITS, idle_s=60.0)) as wire:
        wire.come(count)
        wire.clock.s += 40.0
        wire.sale()
        for _ in wire.catches_up():
            pass
        wire.clock.s += 25.0
        told = [lost(wire.sale()), *map(lost, wire.catches_up())]
        assert [len(each) for each in told if each] == [a_turn, a_turn, 10]
        assert set(wire.engine.refused) == {"idle"}
        assert len(wire.engine) == 1


def test_clocks_that_have_not_run_out_are_looked_at_a_part_a_turn() -> None:
    count = A_TURN["clock"] + 10
    with Wire() as wire:
        wire.come(count)
        wire.clock.s += 32.0  # their first frames came in time
        wire.sale()
        assert wire.engine.put_off["clock"] == 1
        assert not any(map(lost, wire.catches_up()))
        wire.clock.s += 540.0
        wire.sale()
        assert not any(map(lost, wire.catches_up()))
        wire.clock.s += 60.0
        assert len(lost([event for events in wire.catches_up() for event in events])) == count


class Shaking:
    """A handshake of one step, which is counted."""

    steps = 0

    def __init__(self) -> None:
        self.shaken = self.ended = False
        self.source = self.identity = ""

    def received(self, data: bytes) -> bytes:
        """The first bytes are the handshake."""
        if self.shaken:
            return data
        Shaking.steps += 1
        self.shaken = True
        return b""

    def sealed(self, data: bytes) -> bytes:
        """Nothing stands around a frame."""
        return data

    def output(self) -> bytes:
        """Nothing to say."""
        return b""


@pytest.fixture
def secured() -> Iterator[Wire]:
    """With a second door, behind which a handshake is to be made."""
    Shaking.steps = 0
    with Wire() as wire:
        door = Door("secured", Shaking)
        address = wire.engine.listen("secured", "127.0.0.1", 0, door).getsockname()
        wire.storm = [wire.comes(address) for _ in range(3 * A_TURN["handshake"])]
        while len(wire.engine) < 1 + len(wire.storm):
            wire.engine.poll()
        for each in wire.storm:
            each.sendall(b"let me in")
        yield wire


def test_handshakes_are_made_a_few_a_turn_and_a_sale_does_not_wait_for_them(secured: Wire) -> None:
    secured.sale()
    assert Shaking.steps == A_TURN["handshake"]
    assert secured.engine.put_off["handshake"] == 2 * A_TURN["handshake"]
    steps = []
    while secured.engine.poll():
        steps.append(Shaking.steps)
    assert steps == [2 * A_TURN["handshake"], 3 * A_TURN["handshake"]]
    for number, each in enumerate(secured.storm):
        each.sendall(frame(b"from %d" % number))
    heard = [event.data for event in secured.turn() if isinstance(event, Frame)]
    assert sorted(heard) == sorted(b"from %d" % number for number in range(len(secured.storm)))


def test_who_is_gone_before_a_step_of_the_handshake_was_made_costs_none(secured: Wire) -> None:
    secured.sale()
    reset = struct.pack("ii", 1, 0)
    for each in secured.storm:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        each.close()
    for _ in secured.catches_up():
        pass
    assert len(secured.engine) == 1
    assert Shaking.steps < len(secured.storm)
    assert secured.engine.refused["reset"] == len(secured.storm)


@pytest.mark.parametrize(
    ("passed_s", "may"),
    [(-1.0, 4), (0.0, 4), (0.001, 5), (0.0205, 24), (1e9, 32)],
)
def test_a_long_turn_allows_the_next_one_more_up_to_a_bound(passed_s: float, may: int) -> None:
    allowance = Allowance(4, 0.001, 32)
    allowance.turn(passed_s)
    assert [allowance.takes() for _ in range(40)] == [True] * may + [False] * (40 - may)
    assert allowance.put_off == 40 - may


def test_what_a_turn_left_over_is_not_added_to_the_next() -> None:
    allowance = Allowance(3)
    for _ in range(2):
        allowance.turn(10.0)
        assert allowance.left == 3
        assert allowance.takes()
