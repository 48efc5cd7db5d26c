"""MACs of a turn, computed together: the verdicts and the bytes are those of one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import pytest

from codec import MacKey, Message, build, dialect, mac
from codec.mac import Algorithm
from gateway import macs_ahead
from gateway.peers import Peer, Peers
from gateway.wire._events import Frame
from gateway.wire._outlet import Outlet
from gateway.wire.port import Closed, WireEvent
from routing.effects import Send, ToHost, ToTerminal

if TYPE_CHECKING:
    from gateway.wire.port import Network

SPOKEN: Final = dialect("iso87-ascii")
COUNT: Final = 40
TOGETHER: Final[tuple[Algorithm, ...]] = ("x9.19", "cup-ecb")


class Lines(Outlet):
    """Connection 4 is gone."""

    def peer(self, conn: int) -> str:
        return {1: "till", 2: "bank", 3: "open"}.get(conn, "")


def key_of(algorithm: Algorithm) -> MacKey:
    return MacKey(algorithm, bytes(range(16)))


def peers(algorithm: Algorithm) -> Peers:
    """The same key on both sides; `open` has none."""
    key = key_of(algorithm)
    return {"till": Peer(SPOKEN, key), "bank": Peer(SPOKEN, key), "open": Peer(SPOKEN, None)}


def sale(number: int) -> Message:
    return build(
        SPOKEN, "0200", {3: "000000", 4: f"{number:012d}", 11: f"{number:06d}", 41: "TILL0001"}
    )


def signed(number: int, algorithm: Algorithm) -> bytes:
    message = sale(number)
    mac.sign(message, key_of(algorithm))
    if number % 3 == 0:
        message.patch(4, f"{number + 1:012d}")
    return message.raw


@pytest.mark.parametrize("algorithm", TOGETHER)
def test_each_frame_is_judged_as_if_it_had_come_alone(algorithm: Algorithm) -> None:
    known = peers(algorithm)
    frames = [Frame(n, "till" if n % 2 else "bank", signed(n, algorithm)) for n in range(COUNT)]
    unreadable = Frame(98, "till", b"0200 and nothing that follows")
    bare = Frame(99, "open", sale(99).raw)
    events: list[WireEvent] = [Closed(97), unreadable, *frames, bare]
    assert macs_ahead.of_frames(events, known) == COUNT
    assert unreadable.message is None
    assert bare.message is None
    for number, each in enumerate(frames):
        assert each.message is not None
        assert known[each.peer].authentic(each.message) == (number % 3 != 0)


@pytest.mark.parametrize("algorithm", TOGETHER)
def test_what_leaves_carries_the_mac_that_it_would_carry_alone(algorithm: Algorithm) -> None:
    known = peers(algorithm)
    sends: list[Send] = [
        ToTerminal(1, sale(n)) if n % 2 else ToHost(2, sale(n)) for n in range(COUNT)
    ]
    echo = build(SPOKEN, "0810", {11: "000001", 39: "00", 70: "301"})
    sends += [ToTerminal(1, echo), ToTerminal(3, sale(7)), ToTerminal(4, sale(8))]
    assert macs_ahead.of_sends(sends, known, cast("Network", Lines())) == COUNT
    assert not echo.has(64)
    assert not echo.has(128)
    for number, send in enumerate(sends[:COUNT]):
        assert isinstance(send, ToTerminal | ToHost)
        alone = sale(number)
        mac.sign(alone, key_of(algorithm))
        assert known["till"].signed(send.message) == alone.raw


def test_where_nothing_is_gained_nothing_is_done() -> None:
    known = peers("aes-cmac")
    assert not macs_ahead.gained(known)
    assert macs_ahead.gained(peers("x9.19"))
    frames = [Frame(n, "till", signed(n, "aes-cmac")) for n in range(COUNT)]
    assert macs_ahead.of_frames([*frames], known) == 0
    assert frames[0].message is None
