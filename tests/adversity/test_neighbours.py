"""Whoever misbehaves on the wire costs himself, not the terminal beside him."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.adversity.peers import Host, Terminal, echo, framed, sale
from tests.adversity.stage import Stage, wait_until

pytestmark = pytest.mark.slow

SECONDS = 1.5
SLOWEST_S = 1.0
ENDS_S = 20.0
Misbehaviour = Callable[[int, threading.Event], None]


def sends_garbage(port: int, over: threading.Event) -> None:
    """Random bytes, a new connection each time it is thrown out."""
    chance = random.Random(8583)  # noqa: S311 - repeatable, not secret
    while not over.is_set():
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
            for _ in range(50):
                sock.sendall(chance.randbytes(chance.randrange(1, 3_000)))


def sends_frames_of_garbage(port: int, over: threading.Event) -> None:
    """Well framed, and nobody can read the MTI and bitmap in the frames."""
    chance = random.Random(8584)  # noqa: S311 - repeatable, not secret
    while not over.is_set():
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
            for _ in range(50):
                damaged = bytearray(sale(1, terminal="T0000007"))
                for _ in range(3):
                    damaged[chance.randrange(20)] = chance.randrange(128, 256)
                sock.sendall(framed(bytes(damaged)))


def never_reads(port: int, over: threading.Event) -> None:
    """Echo after echo, and no answer is ever read."""
    while not over.is_set():
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            while not over.is_set():
                sock.sendall(framed(echo(1)) * 50)


def sends_byte_by_byte(port: int, over: threading.Event) -> None:
    """A correct sale, one byte at a time."""
    number = 0
    with suppress(OSError), Terminal(port) as terminal:
        while not over.is_set():
            number += 1
            for byte in framed(sale(number, terminal="T0000009")):
                terminal.sock.sendall(bytes([byte]))
            assert terminal.read()[39] == "00"


def resets(port: int, over: threading.Event) -> None:
    """A sale, and the connection is reset before its answer."""
    number = 0
    linger = b"\1\0\0\0\0\0\0\0"
    while not over.is_set():
        number += 1
        with suppress(OSError), Terminal(port) as terminal:
            terminal.send(sale(number, terminal="T0000008"))
            terminal.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        time.sleep(0.01)


ENDS_OF: dict[Misbehaviour, str] = {
    sends_garbage: "frame_bytes_max",
    sends_frames_of_garbage: "malformed messages",
    never_reads: "waiting_bytes_max",
    sends_byte_by_byte: "",
    resets: "reset",
}
"""For what the gateway ends the connections of each; slow and correct is no offence."""


@pytest.mark.parametrize("misbehaviour", ENDS_OF, ids=lambda each: each.__name__)
def test_a_well_behaved_neighbour_is_not_disturbed(
    tmp_path: Path, misbehaviour: Misbehaviour
) -> None:
    settings = {"host__0__answer_timeout_s": 5, "service__delivery_proof_s": 1}
    with Stage(tmp_path, **settings) as stage, Host(stage.host_port):
        gateway = stage.gateway()
        over = threading.Event()
        offender = threading.Thread(target=misbehaviour, args=(stage.port, over), daemon=True)
        offender.start()
        slowest = neighbour(stage.port, lambda: has_ended(stage, misbehaviour))
        over.set()
        offender.join(20)
        wait_until(lambda: has_ended(stage, misbehaviour), ENDS_S, "the offender is ended")
        assert gateway.poll() is None, (tmp_path / "gateway.log").read_text()[-2_000:]
        assert not stage.until_all_ended(30)["violations"]
    assert slowest < SLOWEST_S


def has_ended(stage: Stage, misbehaviour: Misbehaviour) -> bool:
    """Whether the gateway has ended a connection for what the offender does."""
    if not ENDS_OF[misbehaviour]:
        return True
    name = f'gateway_connections_ended_total{{reason="{ENDS_OF[misbehaviour]}"}} '
    (line,) = (each for each in stage.ask("metrics")[1].splitlines() if each.startswith(name))
    return float(line.removeprefix(name)) > 0


def neighbour(port: int, offended: Callable[[], bool]) -> float:
    """Sale after sale for a while, and until somebody `offended`; the longest wait in seconds.

    Each is answered 00.
    """
    slowest, number, end = 0.0, 0, time.monotonic() + SECONDS
    last = end + ENDS_S
    with Terminal(port) as terminal:
        while time.monotonic() < end or (time.monotonic() < last and not offended()):
            number += 1
            began = time.monotonic()
            assert terminal.ask(sale(number)) == "00"
            slowest = max(slowest, time.monotonic() - began)
    return slowest
