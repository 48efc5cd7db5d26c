"""SIGTERM drains: who waits gets the answer; a second one stops at once."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from codec import Message
from tests.adversity.peers import PAN, SILENT, SLOW, Host, Terminal, sale
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


def test_what_has_no_answer_when_time_is_over_is_a_due_reversal(tmp_path: Path) -> None:
    settings = {"host__0__answer_timeout_s": 60, "drain__seconds_max": 0.3}
    with Stage(tmp_path, **settings) as stage, Host(stage.host_port) as host:
        gateway = stage.gateway()
        with Terminal(stage.port) as terminal:
            terminal.send(sale(1, SILENT))
            wait_until(lambda: len(host.of_type("0200")) == 1, 5, "the sale reaches the host")
            gateway.send_signal(signal.SIGTERM)
            assert gateway.wait(STOP_S) == 0
        (charge,) = stage.audit("--each")[1]["each"]
        assert charge["reason"] == "restart"
        assert charge["state"] in {"REVERSAL_DUE", "REVERSED"}  # the host may be quick
        stage.gateway()
        assert stage.until_all_ended(20)["reversed"] == 1


class _Deaf(Host):
    """A host that answers no sign-off."""

    def _decide(self, sock: socket.socket, message: Message) -> None:
        if message.get(70) == "002":
            self.seen.append(message)
        else:
            super()._decide(sock, message)


@pytest.mark.parametrize("kind", [Host, _Deaf])
def test_hosts_are_signed_off_from_after_all_else_and_not_waited_for_for_long(
    tmp_path: Path, kind: type[Host]
) -> None:
    settings = {"host__0__sign_on": "true", "host__0__links": 2, "drain__sign_off_s": 0.3}
    with Stage(tmp_path, **settings) as stage, kind(stage.host_port) as host:
        gateway = stage.gateway()
        with Terminal(stage.port) as terminal:
            terminal.send(sale(1, SLOW))
            wait_until(lambda: len(host.of_type("0200")) == 1, 5, "the sale reaches the host")
            gateway.send_signal(signal.SIGTERM)
            assert terminal.read()[39] == "00"
            assert gateway.wait(STOP_S) == 0
        assert [each.get(70) for each in host.seen[-2:]] == ["002", "002"]
        assert [each.get(70) for each in host.of_type("0800")].count("002") == 2
        said = (tmp_path / "gateway.log").read_text()
        assert ("no answer to the sign-off" in said) == (kind is _Deaf)


def test_the_log_level_is_changed_by_a_command_while_the_gateway_runs(tmp_path: Path) -> None:
    log = tmp_path / "isogate.log"
    with Stage(tmp_path, log__file=log) as stage, Host(stage.host_port):
        command = stage.command("log-level")
        command[5:5] = ["debug"]
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (refused.returncode, "no gateway answers" in refused.stderr) == (1, True)
        stage.gateway()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stdout == "log level: debug (was info)\n"
        with Terminal(stage.port) as terminal:
            assert terminal.ask(sale(1)) == "00"
        wait_until(lambda: "charge: approval" in log.read_text(), 5, "its approval is logged")
        assert PAN not in log.read_text()


def test_readiness_is_waited_for_by_a_command(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        command = stage.command("ready")
        nobody = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (nobody.returncode, "no gateway answers" in nobody.stderr) == (1, True)
        stage.gateway(ready=False)
        hostless = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (hostless.returncode, hostless.stderr) == (1, "host bank: no usable link\n")
        with Host(stage.host_port):
            waits = [*command, "--wait-s", "20"]
            done = subprocess.run(waits, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout) == (0, "ready\n")
