"""systemd holds the terminals' socket: who connects while no gateway runs waits, and is served."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from tests.adversity.peers import Host, Terminal, sale
from tests.adversity.stage import START_S, Stage, stop, wait_until

pytestmark = pytest.mark.slow

ACTIVATE = "systemd-socket-activate"


def test_a_terminal_that_connects_before_the_gateway_starts_is_served(tmp_path: Path) -> None:
    if shutil.which(ACTIVATE) is None:
        pytest.skip(f"{ACTIVATE} is not here")
    with Stage(tmp_path, listener__0__name="counter") as stage, Host(stage.host_port):
        listen = [ACTIVATE, "--listen", f"127.0.0.1:{stage.port}", "--fdname=counter"]
        gateway = stage.run([*listen, *stage.command("serve")], "gateway.log")

        def connected() -> bool:
            nonlocal terminal
            with suppress(OSError):
                terminal = Terminal(stage.port)
            return terminal is not None

        terminal: Terminal | None = None
        wait_until(connected, START_S, "systemd's socket listens")
        assert terminal is not None
        with terminal:
            wait_until(lambda: stage.ask("readyz")[0] == 200, START_S, "the gateway is ready")
            assert terminal.ask(sale(1)) == "00"
        assert stop(gateway) == 0
        assert "systemd's socket" in (tmp_path / "gateway.log").read_text()


def test_a_socket_that_no_listener_is_named_for_ends_the_start(tmp_path: Path) -> None:
    if shutil.which(ACTIVATE) is None:
        pytest.skip(f"{ACTIVATE} is not here")
    with Stage(tmp_path) as stage:
        listen = [ACTIVATE, "--listen", f"127.0.0.1:{stage.port}", "--fdname=nobody"]
        gateway = stage.run([*listen, *stage.command("serve")], "gateway.log")

        def ended() -> bool:
            with suppress(OSError):
                Terminal(stage.port).sock.close()
            return gateway.poll() is not None

        wait_until(ended, START_S, "the gateway ends")
        assert gateway.returncode == 1
        assert "no listener is named for" in (tmp_path / "gateway.log").read_text()
