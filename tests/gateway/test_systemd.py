"""systemd's side of the protocols is played by a real socket, and by systemd's own tools."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import trio

from gateway.systemd import ActivationError, Notifier, adopted, inherited_sockets

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_S: Final = 5.0
UNITS: Final = Path(str(resources.files("gateway") / "ops" / "systemd"))
EXPOSURE_MAX: Final = 2.0
"""What `systemd-analyze security` may say of the service, from 0 to 10."""


class Life:
    """A gateway that lives, or does not, and is ready, or not."""

    def __init__(self) -> None:
        self.lives = True
        self.reasons = ["host bank: no usable link"]

    def alive(self) -> bool:
        return self.lives

    def not_ready_because(self) -> list[str]:
        return self.reasons


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(WAIT_S)
        yield sock


def environment(manager: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.getsockname(), **more}


async def test_the_start_is_over_when_the_doors_are_open_and_life_is_shown_while_turns_go_on(
    manager: socket.socket, autojump_clock: trio.abc.Clock
) -> None:
    life, variables = Life(), environment(manager, WATCHDOG_USEC="300000")
    notifier = Notifier(variables)
    assert not variables
    async with trio.open_nursery() as nursery:
        nursery.start_soon(notifier.run, life)  # type: ignore[arg-type]
        await trio.sleep(0.05)
        assert manager.recv(1000) == b"READY=1"
        assert manager.recv(1000) == b"STATUS=not ready: host bank: no usable link\nWATCHDOG=1"
        life.reasons, life.lives = [], False
        await trio.sleep(0.1)
        assert manager.recv(1000) == b"STATUS=ready"
        nursery.cancel_scope.cancel()


async def test_without_systemd_nothing_is_said_and_nothing_waits() -> None:
    with trio.fail_after(WAIT_S):
        await Notifier({}).run(Life())  # type: ignore[arg-type]


def test_a_reload_says_when_it_began(manager: socket.socket) -> None:
    Notifier(environment(manager), monotonic_us=lambda: 77).reloading()
    assert manager.recv(1000) == b"RELOADING=1\nMONOTONIC_USEC=77"


def test_a_manager_that_is_gone_keeps_nobody_from_work(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).say("READY=1")


def test_another_processs_watchdog_is_not_ours(manager: socket.socket) -> None:
    watched = environment(manager, WATCHDOG_USEC="300000", WATCHDOG_PID=str(os.getpid() + 1))
    assert Notifier(watched).watchdog_s == 0.0


@pytest.mark.parametrize(
    "variables",
    [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "counter"}],
    ids=["none", "for another process"],
)
def test_without_sockets_for_us_there_are_none(variables: dict[str, str]) -> None:
    assert inherited_sockets(variables) == {}
    assert not variables


def test_two_sockets_of_one_name_are_an_error() -> None:
    variables = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:a"}
    with pytest.raises(ActivationError, match="FileDescriptorName"):
        inherited_sockets(variables)


def test_a_socket_that_does_not_listen_is_refused() -> None:
    with socket.socket() as sock, pytest.raises(ActivationError, match="does not listen"):
        adopted(os.dup(sock.fileno()), "counter")


def test_the_units_are_correct_and_expose_little() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    for unit in UNITS.iterdir():
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", unit],
            capture_output=True,
            text=True,
            check=False,
        )
        complaints = [
            line
            for line in done.stderr.splitlines()
            if unit.name in line and "is not executable" not in line
        ]
        assert not complaints
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", UNITS / "isogate.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    said = re.search(r"Overall exposure level for isogate.service: ([0-9.]+)", done.stdout)
    assert said is not None, done.stderr
    assert float(said.group(1)) <= EXPOSURE_MAX
