"""SIGTERM drains: who waits gets the answer; a second one stops at once."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.adversity.peers import SILENT, SLOW, Host, Terminal, sale
from tests.adversity.stage import STOP_S, Stage, wait_until

pytestmark = pytest.mark.slow


def test_a_charge_under_way_is_answered_and_no_new_one_is_taken(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage, Host(stage.host_port) as host:
        gateway = stage.gateway()
        with Terminal(stage.port) as terminal, Terminal(stage.port) as late:
            terminal.send(sale(1, SLOW))
            wait_until(lambda: len(host.of_type("0200")) == 1, 5, "the sale reaches the host")
            gateway.send_signal(signal.SIGTERM)
            wait_until(lambda: "draining" in stage.ask("readyz")[1], 5, "/readyz says so")
            assert late.ask(sale(1, terminal="T0000002")) == "91"
            assert terminal.read()[39] == "00"
            assert gateway.wait(STOP_S) == 0
        assert len(host.of_type("0200")) == 1
        status, report = stage.audit()
        assert (status, report["served"], report["open"]) == (0, 1, 0)


def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    with (
        Stage(tmp_path, host__0__answer_timeout_s=60) as stage,
        Host(stage.host_port) as host,
    ):
        gateway = stage.gateway()
        with Terminal(stage.port) as terminal:
            terminal.send(sale(1, SILENT))
            wait_until(lambda: len(host.of_type("0200")) == 1, 5, "the sale reaches the host")
            gateway.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            assert gateway.poll() is None
            gateway.send_signal(signal.SIGTERM)
            assert gateway.wait(3) == 0
        assert stage.audit()[1]["open"] == 1
