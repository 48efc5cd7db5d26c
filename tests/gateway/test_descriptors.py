"""Descriptors: as many as the system allows, told at the start; and when all are taken."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from codec.framing import frame
from gateway.wire import Engine, Frame, WireLimits
from gateway.wire._driver import A_TURN
from gateway.wire.descriptors import RESERVE
from routing.clock import Now
from tests.adversity.peers import Host, Terminal, sale
from tests.adversity.stage import Stage, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

TERMINALS: Final = 300
MORE_THAN_A_SWEEP_S: Final = 1.5
HARD: Final = 400
WAIT_S: Final = 20.0

LIMITED: Final = """
import ctypes, os, resource, sys
soft, hard, may_raise, *command = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_NOFILE, (int(soft), int(hard)))
if may_raise == "no":
    PR_CAPBSET_DROP = CAP_SYS_RESOURCE = 24
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0)
os.execv(sys.executable, [sys.executable, *command])
"""
"""Runs Python under a limit of descriptors, without the right to raise the hard one if so told."""

RAISES: Final = """
import resource
from gateway.wire.descriptors import raise_limit
print(raise_limit(1_000), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def limited(soft: int, hard: int, *command: str, may_raise: bool = False) -> list[str]:
    """A command that runs Python so."""
    right = "yes" if may_raise else "no"
    return [sys.executable, "-c", LIMITED, str(soft), str(hard), right, *command]


def raised(soft: int, hard: int, *, may_raise: bool = False) -> list[int]:
    """What `raise_limit(1000)` says under such limits, and the limits after it."""
    command = limited(soft, hard, "-c", RAISES, may_raise=may_raise)
    done = subprocess.run(command, capture_output=True, check=True, timeout=WAIT_S, text=True)
    return [int(word) for word in done.stdout.split()]


@pytest.mark.parametrize("soft", [100, HARD])
def test_the_limit_is_raised_to_what_the_system_allows(soft: int) -> None:
    assert raised(soft, HARD) == [HARD, HARD, HARD]


def test_a_limit_that_is_more_than_enough_stays_open() -> None:
    enough = 1_000 + RESERVE + 100
    assert raised(100, enough) == [enough, enough, enough]


def test_who_may_raise_the_bound_itself_does_so_where_it_is_needed() -> None:
    needed = 1_000 + RESERVE
    most, soft, hard = raised(100, HARD, may_raise=True)
    if hard == HARD:
        pytest.skip("this process may not raise a hard limit")
    assert (most, soft, hard) == (needed, needed, needed)


# What the engine does


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.s = 100.0

    def now(self) -> Now:
        """The time."""
        return Now(self.s, self.s)


@contextmanager
def crowd(clock: Clock) -> Iterator[tuple[Engine, list[socket.socket]]]:
    """An engine, and terminals that the kernel has accepted for it already."""
    engine = Engine(WireLimits(), clock)
    address = engine.listen("counter", "127.0.0.1", 0).getsockname()
    engine.poll()  # the first sweep lies behind it, the next one is a second away
    with ExitStack() as stack:
        stack.callback(engine.close_all)
        new = (socket.create_connection(address, WAIT_S) for _ in range(TERMINALS))
        yield engine, [stack.enter_context(each) for each in new]


def heard(engine: Engine, body: bytes) -> bool:
    """Whether this frame is among what happened."""
    return any(isinstance(event, Frame) and event.data == body for event in engine.taken())


def test_a_turn_accepts_many_at_once_but_not_so_many_that_those_inside_wait() -> None:
    with crowd(Clock()) as (engine, terminals):
        engine.poll()
        assert len(engine) == A_TURN["accept"] < TERMINALS
        terminals[0].sendall(frame(b"I was here first"))
        engine.poll()
        assert heard(engine, b"I was here first")
        engine.poll()
        assert len(engine) == TERMINALS


@contextmanager
def descriptors_run_out() -> Iterator[None]:
    """Within this context this process gets hardly another descriptor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken + 10, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_when_no_descriptor_is_left_those_inside_are_heard_and_the_others_wait() -> None:
    clock = Clock()
    with crowd(clock) as (engine, terminals):
        with descriptors_run_out():
            engine.poll()
            inside = len(engine)
            assert 0 < inside < TERMINALS
            assert engine.refused == {"accept failed": 1}
            terminals[0].sendall(frame(b"I am inside"))
            engine.poll()
            assert heard(engine, b"I am inside")
            assert not engine.poll()  # it does not ask again and again: nothing is ready
            clock.s += MORE_THAN_A_SWEEP_S
            engine.poll()
            engine.poll()
            assert engine.refused == {"accept failed": 2}
        clock.s += MORE_THAN_A_SWEEP_S
        engine.poll()
        while engine.poll():
            pass
        assert len(engine) == TERMINALS
        terminals[-1].sendall(frame(b"I waited"))
        engine.poll()
        assert heard(engine, b"I waited")


# What the gateway says


def bound(stage: Stage, what: str) -> float:
    """A figure of the bound of descriptors; 0 while nobody answers."""
    name = f'gateway_bound_{what}{{bound="descriptors"}} '
    lines = stage.ask("metrics")[1].splitlines()
    return next((float(x.removeprefix(name)) for x in lines if x.startswith(name)), 0.0)


def said(log: Path) -> list[tuple[str, int]]:
    """What the log says of descriptors."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [(line["event"], line["most"]) for line in lines if "most" in line]


@pytest.mark.slow
def test_a_gateway_with_too_few_descriptors_says_so_and_goes_on_when_they_run_out(
    tmp_path: Path,
) -> None:
    with Stage(tmp_path) as stage, Host(stage.host_port), ExitStack() as stack:
        serve = stage.command("serve")[1:]
        process = stage.run(limited(64, HARD, *serve), "gateway.log")
        wait_until(lambda: stage.ask("readyz")[0] == 200, WAIT_S, "the gateway is ready")
        assert bound(stage, "max") == HARD
        assert bound(stage, "used") == RESERVE
        too_few = "fewer descriptors than wire.connections_max needs; raise the system's bound"
        assert said(tmp_path / "gateway.log") == [("descriptors", HARD), (too_few, HARD)]
        inside = stack.enter_context(Terminal(stage.port))
        assert inside.ask(sale(1)) == "00"
        crowd = [socket.create_connection(("127.0.0.1", stage.port), WAIT_S) for _ in range(HARD)]
        outside = stack.enter_context(Terminal(stage.port))
        outside.send(sale(1, terminal="T0000002"))
        assert inside.ask(sale(2)) == "00"
        for sock in crowd:
            sock.close()
        assert outside.read()[39] == "00"
        assert inside.ask(sale(3)) == "00"
        wait_until(lambda: bound(stage, "max") == HARD, WAIT_S, "the metrics are told again")
        name = 'gateway_connections_ended_total{reason="accept failed"} '
        lines = stage.ask("metrics")[1].splitlines()
        assert float(next(x for x in lines if x.startswith(name)).removeprefix(name)) >= 1
        assert process.poll() is None
