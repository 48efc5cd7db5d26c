"""The epoll engine on real loopback sockets: limits, ends of all kinds, proofs of delivery."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from typing import TYPE_CHECKING

import msgspec
import pytest
import trio

from codec.framing import frame
from gateway.clock import SystemClock
from gateway.wire import Acknowledged, Closed, Engine, Frame, Lost, WireEvent, WireLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WAIT_S = 5.0
LIMITS = WireLimits(
    connections_max=3,
    frame_bytes_max=500,
    acknowledgement_settles_s=0.05,
    unacknowledged_s=0.3,
    waiting_bytes_max=300_000,
)


class Wire:
    """An engine and its listener."""

    def __init__(self, limits: WireLimits) -> None:
        self.engine = Engine(limits, SystemClock())
        self.address = self.engine.listen("counter", "127.0.0.1", 0).getsockname()
        self.clients: list[socket.socket] = []
        self.seen: list[WireEvent] = []

    def client(self, receive_bytes: int = 0) -> socket.socket:
        """A terminal."""
        sock = socket.socket()
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.settimeout(WAIT_S)
        sock.connect(self.address)
        self.clients.append(sock)
        return sock

    async def until(self, done: Callable[[WireEvent], bool]) -> WireEvent:
        """Turn after turn until an event that is waited for; all events are kept in `seen`."""
        with trio.fail_after(WAIT_S):
            while True:
                events = await self.engine.turn(0.02)
                self.seen += events
                for event in events:
                    if done(event):
                        return event

    async def one(self, kind: type[WireEvent]) -> WireEvent:
        """The next event of a kind."""
        return await self.until(lambda event: isinstance(event, kind))

    async def introduced(self, sock: socket.socket) -> int:
        """The number of a terminal's connection, from its first frame."""
        sock.sendall(frame(b"hello"))
        return (await self.one(Frame)).conn

    async def lost(self, why: str) -> Lost:
        """The end of a connection, for the reason that is expected."""
        event = await self.one(Lost)
        assert isinstance(event, Lost)
        assert event.why == why
        return event


def wire_with(**limits: float) -> Wire:
    return Wire(msgspec.structs.replace(LIMITS, **limits))


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire(LIMITS)
    yield made
    close(made)


def close(wire: Wire) -> None:
    wire.engine.close_all()
    for sock in wire.clients:
        sock.close()


async def test_a_turn_ends_when_somebody_wakes_it_from_another_thread(wire: Wire) -> None:
    await wire.engine.turn(0)
    with trio.fail_after(WAIT_S):
        for _ in range(3):
            threading.Timer(0.02, wire.engine.wake).start()
            assert await wire.engine.turn(10 * WAIT_S) == []


async def test_whoever_stays_is_found_however_many_come_and_go_meanwhile() -> None:
    wire = wire_with(connections_max=2_000)
    stays = await wire.introduced(wire.client())
    seen = {stays}
    for _ in range(600):
        here, there = socket.socketpair()
        with there:
            conn = wire.engine.adopt_descriptor(here.detach(), "passer-by", False)
            assert (wire.engine.peer(conn), wire.engine.peer(stays)) == ("passer-by", "counter")
            wire.engine.close(conn, "enough")
        assert wire.engine.peer(conn) == ""
        seen.add(conn)
    pairs = [socket.socketpair() for _ in range(300)]
    crowd = [
        wire.engine.adopt_descriptor(here.detach(), f"number {at}", False)
        for at, (here, _) in enumerate(pairs)
    ]
    assert [wire.engine.peer(conn) for conn in crowd] == [f"number {at}" for at in range(300)]
    assert len(seen | set(crowd)) == 1 + 600 + 300
    assert wire.engine.send(stays, b"still there")
    close(wire)
    for _, there in pairs:
        there.close()


async def test_what_is_ready_is_told_without_waiting(wire: Wire) -> None:
    sock = wire.client()
    conn = await wire.introduced(sock)
    assert wire.engine.ready() == []
    sock.sendall(frame(b"more"))
    assert wire.engine.ready() == [Frame(conn, "counter", b"more")]


async def test_others_have_their_turn_while_the_wire_is_never_quiet(wire: Wire) -> None:
    sock, others = wire.client(), 0
    await wire.introduced(sock)

    async def other() -> None:
        nonlocal others
        while True:
            await trio.lowlevel.checkpoint()
            others += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        turns = 0
        while others < 3 and turns < 1_000_000:
            sock.sendall(frame(b"again"))
            assert await wire.engine.turn(WAIT_S)
            turns += 1
        nursery.cancel_scope.cancel()
    assert others >= 3


async def test_frames_come_whole_and_in_order_however_they_are_sent(wire: Wire) -> None:
    sock = wire.client()
    stream = frame(b"one") + frame(b"two") + frame(b"three")
    for byte in stream:
        sock.sendall(bytes([byte]))
        await wire.engine.turn(0.001)
    sock.sendall(frame(b"four") + frame(b"five"))
    await wire.until(lambda event: isinstance(event, Frame) and event.data == b"five")
    frames = [event for event in wire.seen if isinstance(event, Frame)]
    assert [event.data for event in frames][-2:] == [b"four", b"five"]
    assert {(event.peer, event.conn) for event in frames} == {("counter", frames[0].conn)}


async def test_what_is_sent_arrives_together_and_acknowledged(wire: Wire) -> None:
    sock = wire.client()
    conn = await wire.introduced(sock)
    assert wire.engine.send(conn, b"answer", tag=42)
    assert wire.engine.send(conn, b"more")
    wire.engine.flush()
    event = await wire.one(Acknowledged)
    assert event == Acknowledged(conn, 42)
    assert sock.recv(100) == frame(b"answer") + frame(b"more")


async def test_a_reset_after_the_answer_is_no_acknowledgement(wire: Wire) -> None:
    sock = wire.client()
    conn = await wire.introduced(sock)
    wire.engine.send(conn, b"answer", tag=42)
    wire.engine.flush()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    await wire.lost("reset")
    assert not [event for event in wire.seen if isinstance(event, Acknowledged)]


async def test_a_half_close_after_the_answer_is_acknowledged_and_then_ended(wire: Wire) -> None:
    sock = wire.client()
    conn = await wire.introduced(sock)
    wire.engine.send(conn, b"answer", tag=42)
    wire.engine.flush()
    sock.shutdown(socket.SHUT_WR)
    await wire.lost("ended")
    kinds = [type(event) for event in wire.seen if not isinstance(event, Frame)]
    assert kinds == [Closed, Acknowledged, Lost]


async def test_after_a_half_close_nothing_can_be_handed_over(wire: Wire) -> None:
    sock = wire.client()
    conn = await wire.introduced(sock)
    wire.engine.send(conn, b"answer", tag=42)
    wire.engine.flush()
    sock.shutdown(socket.SHUT_WR)
    await wire.one(Closed)
    assert not wire.engine.send(conn, b"late", tag=43)


async def test_a_close_before_any_answer_is_an_end(wire: Wire) -> None:
    sock = wire.client()
    conn = await wire.introduced(sock)
    sock.close()
    event = await wire.lost("ended")
    assert event.conn == conn
    assert not wire.engine.send(conn, b"answer", tag=1)
    assert wire.engine.peer(conn) == ""


async def test_a_reset_before_any_answer_is_a_loss(wire: Wire) -> None:
    sock = wire.client()
    await wire.introduced(sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    await wire.lost("reset")


async def test_the_last_frame_before_a_close_is_still_heard(wire: Wire) -> None:
    sock = wire.client()
    sock.sendall(frame(b"last words"))
    sock.close()
    await wire.lost("ended")
    assert [event.data for event in wire.seen if isinstance(event, Frame)] == [b"last words"]


async def test_more_than_is_read_at_once_is_heard_to_its_end(wire: Wire) -> None:
    count = 500
    client = wire.client()
    client.sendall(b"".join(frame(b"%0400d" % number) for number in range(count)))
    await wire.until(lambda event: isinstance(event, Frame) and int(event.data) == count - 1)
    heard = [int(event.data) for event in wire.seen if isinstance(event, Frame)]
    assert heard == list(range(count))


@pytest.mark.parametrize(
    ("length", "why"), [(0, "not a frame"), (501, "frame_bytes_max"), (65_535, "frame_bytes_max")]
)
async def test_a_length_that_no_frame_has_ends_its_connection_and_no_other(
    wire: Wire, length: int, why: str
) -> None:
    good, bad = wire.client(), wire.client()
    await wire.introduced(good)
    bad.sendall(length.to_bytes(2, "big"))
    await wire.lost(why)
    assert wire.engine.refused == {why: 1}
    await wire.introduced(good)


async def test_a_frame_may_be_as_long_as_the_bound(wire: Wire) -> None:
    wire.client().sendall(frame(b"x" * 500))
    assert len((await wire.one(Frame)).data) == 500


async def test_more_connections_than_allowed_are_closed_at_once(wire: Wire) -> None:
    socks = [wire.client() for _ in range(3)]
    for sock in socks:
        await wire.introduced(sock)
    extra = wire.client()
    for _ in range(5):
        await wire.engine.turn(0.01)
    assert extra.recv(1) == b""
    assert wire.engine.refused["connections_max"] == 1
    assert len(wire.engine) == 3


async def test_the_link_of_a_host_takes_no_terminals_place() -> None:
    wire = wire_with(connections_max=1)
    with socket.create_server(("127.0.0.1", 0)) as bank:
        for _ in range(2):
            conn = await wire.engine.connect("127.0.0.1", bank.getsockname()[1], "bank", WAIT_S)
            assert conn is not None
        terminal = await wire.introduced(wire.client())
        assert (len(wire.engine), len(wire.engine.crowd)) == (3, 1)
        wire.engine.close(terminal, "because")
        assert (len(wire.engine), len(wire.engine.crowd)) == (2, 0)
    close(wire)


async def test_one_address_takes_no_more_connections_than_it_may() -> None:
    wire = wire_with(connections_per_address_max=1)
    first = wire.client()
    await wire.introduced(first)
    second = wire.client()
    for _ in range(5):
        await wire.engine.turn(0.01)
    assert second.recv(1) == b""
    assert wire.engine.refused["connections_per_address_max"] == 1
    other = socket.create_connection(wire.address, WAIT_S, source_address=("127.0.0.2", 0))
    wire.clients.append(other)
    await wire.introduced(other)
    first.close()
    await wire.lost("ended")
    await wire.introduced(wire.client())
    close(wire)


async def test_an_idle_terminal_that_begins_a_frame_has_a_nearer_clock() -> None:
    wire = wire_with(frame_completion_s=0.05, idle_s=600.0)
    sock = wire.client()
    await wire.introduced(sock)
    sock.sendall(b"\x00")
    await wire.lost("frame not completed in time")
    close(wire)


async def test_a_busy_terminal_outlives_the_time_of_an_idle_one() -> None:
    wire = wire_with(idle_s=1.2)
    busy, idle = wire.client(), wire.client()
    kept = await wire.introduced(busy)
    gone = await wire.introduced(idle)
    with trio.fail_after(WAIT_S):
        while wire.engine.peer(gone):
            busy.sendall(frame(b"still here"))
            wire.seen += await wire.engine.turn(0.05)
            await trio.sleep(0.02)
    assert wire.engine.peer(kept)
    assert [x for x in wire.seen if isinstance(x, Lost)] == [Lost(gone, "idle")]
    close(wire)


async def test_frames_before_what_is_no_frame_are_heard(wire: Wire) -> None:
    sock = wire.client()
    sock.sendall(frame(b"good") + b"\xff\xff")
    event = await wire.one(Frame)
    assert isinstance(event, Frame)
    assert event.data == b"good"
    sock.sendall(b"more")
    await wire.lost("frame_bytes_max")


async def test_a_large_answer_leaves_whole_and_in_order_through_a_small_window(wire: Wire) -> None:
    sock = wire.client(receive_bytes=4_096)
    conn = await wire.introduced(sock)
    bodies = [bytes([number]) * 40_000 for number in range(1, 6)]
    for body in bodies:
        assert wire.engine.send(conn, body)
        wire.engine.flush()
    expected, found = b"".join(frame(body) for body in bodies), b""
    sock.setblocking(False)
    with trio.fail_after(WAIT_S):
        while len(found) < len(expected):
            await wire.engine.turn(0.001)
            with contextlib.suppress(BlockingIOError):
                found += sock.recv(65_536)
    assert found == expected


async def test_a_descriptor_that_is_used_again_is_another_connection(wire: Wire) -> None:
    seen = set()
    for _ in range(20):
        sock = wire.client()
        seen.add(await wire.introduced(sock))
        sock.close()
        await wire.lost("ended")
    assert len(seen) == 20
    assert len(wire.engine) == 0


async def test_a_reader_that_takes_nothing_is_cut_off_at_the_bound(wire: Wire) -> None:
    conn = await wire.introduced(wire.client(receive_bytes=4_096))
    sent = 0
    while wire.engine.send(conn, b"x" * 50_000):
        wire.engine.flush()
        sent += 1
        assert sent < 1_000
    await wire.lost("waiting_bytes_max")


async def test_a_host_that_takes_nothing_loses_its_link_at_a_bound_of_its_own() -> None:
    wire = wire_with(waiting_bytes_max=1, link_waiting_bytes_max=100_000)
    with socket.create_server(("127.0.0.1", 0)) as bank:
        conn = await wire.engine.connect("127.0.0.1", bank.getsockname()[1], "bank", WAIT_S)
        assert conn is not None
        sent = 0
        while wire.engine.send(conn, b"x" * 50_000):
            wire.engine.flush()
            sent += 1
            assert sent < 1_000
        assert sent >= 2
        await wire.lost("link_waiting_bytes_max")
    close(wire)


async def test_an_answer_that_is_never_read_is_never_acknowledged(wire: Wire) -> None:
    conn = await wire.introduced(wire.client(receive_bytes=4_096))
    for tag in range(5):
        wire.engine.send(conn, b"x" * 50_000, tag=None if tag < 4 else 9)
        wire.engine.flush()
    await wire.lost("answer not acknowledged")
    assert not [event for event in wire.seen if isinstance(event, Acknowledged)]


async def test_an_acknowledged_answer_proves_none_that_was_sent_after_it(wire: Wire) -> None:
    conn = await wire.introduced(wire.client(receive_bytes=4_096))
    for tag in (1, 2):
        wire.engine.send(conn, b"answer", tag=tag)
        wire.engine.flush()
        assert await wire.one(Acknowledged) == Acknowledged(conn, tag)
    wire.engine.send(conn, b"x" * 50_000, tag=3)
    for _ in range(4):
        wire.engine.send(conn, b"x" * 50_000)
        wire.engine.flush()
    await wire.lost("answer not acknowledged")
    assert [event for event in wire.seen if isinstance(event, Acknowledged)] == [
        Acknowledged(conn, 1),
        Acknowledged(conn, 2),
    ]


async def test_each_answer_of_a_busy_terminal_is_acknowledged_once(wire: Wire) -> None:
    sock = wire.client()
    conn = await wire.introduced(sock)
    for tag in range(1, 30):
        wire.engine.send(conn, b"answer", tag=tag)
        wire.engine.flush()
        wire.seen += await wire.engine.turn(0.002)
    tags: list[int] = []
    with trio.fail_after(WAIT_S):
        while len(tags) < 29:
            wire.seen += await wire.engine.turn(0.02)
            tags = [event.tag for event in wire.seen if isinstance(event, Acknowledged)]
    assert sorted(tags) == list(range(1, 30))


@pytest.mark.parametrize(
    ("limits", "sends", "why"),
    [
        ({"first_frame_s": 0.01}, b"", "no first frame in time"),
        ({"frame_completion_s": 0.01}, frame(b"hello") + b"\x00", "frame not completed in time"),
        ({"idle_s": 0.01}, frame(b"hello"), "idle"),
    ],
)
async def test_every_clock_of_a_terminal_runs_out(
    limits: dict[str, float], sends: bytes, why: str
) -> None:
    wire = wire_with(**limits)
    wire.client().sendall(sends)
    await wire.lost(why)
    close(wire)


async def test_the_clocks_of_terminals_do_not_run_against_host_links() -> None:
    wire = wire_with(first_frame_s=0.01, idle_s=0.01)
    with socket.create_server(("127.0.0.1", 0)) as bank:
        conn = await wire.engine.connect("127.0.0.1", bank.getsockname()[1], "bank", WAIT_S)
        assert conn is not None
        assert wire.engine.peer(conn) == "bank"
        with trio.move_on_after(1.3):
            await wire.one(Lost)
        assert wire.engine.peer(conn) == "bank"
    close(wire)


async def test_a_host_that_acknowledges_nothing_loses_its_link() -> None:
    wire = wire_with(link_unacknowledged_s=7.5)
    with socket.create_server(("127.0.0.1", 0)) as bank:
        conn = await wire.engine.connect("127.0.0.1", bank.getsockname()[1], "bank", WAIT_S)
        with socket.socket(fileno=os.dup(wire.engine.fileno(conn))) as sock:
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7_500
    close(wire)


async def test_a_host_that_does_not_listen_is_none(wire: Wire) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        assert await wire.engine.connect("127.0.0.1", port, "bank", 1.0) is None


async def test_a_connection_may_be_closed_from_this_side(wire: Wire) -> None:
    sock = wire.client()
    conn = await wire.introduced(sock)
    wire.engine.close(conn, "because")
    wire.engine.close(conn, "twice does no harm")
    await wire.lost("because")
    assert sock.recv(1) == b""


async def test_after_it_stopped_listening_nobody_comes_in_but_those_inside_stay(wire: Wire) -> None:
    sock = wire.client()
    conn = await wire.introduced(sock)
    wire.engine.stop_listening()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(wire.address, WAIT_S)
    assert wire.engine.send(conn, b"still here")
    wire.engine.flush()
    assert sock.recv(100) == frame(b"still here")
