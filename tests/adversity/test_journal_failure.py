"""A journal that takes nothing: no approval leaves, new charges are refused, and it heals."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adversity.peers import (
    APPROVE,
    SLOW,
    WAIT_S,
    Host,
    Terminal,
    echo,
    sale,
)
from tests.adversity.recorder import Recorder, order
from tests.adversity.stage import Stage, stop, wait_until

pytestmark = pytest.mark.slow

REFUSED = "96"


def test_a_full_disk_refuses_new_charges_until_there_is_space(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    with Stage(tmp_path, host__0__answer_timeout_s=30) as stage, Host(stage.host_port) as host:
        gateway = stage.gateway(env=recorder.environment)
        with Terminal(stage.port) as held, Terminal(stage.port) as new:
            held.send(sale(1, SLOW, "T0000001"))
            wait_until(lambda: len(host.of_type("0200")) == 1, 5, "the sale reaches the host")
            recorder.full.touch()
            wait_until(lambda: stage.ask("readyz")[0] == 503, 5, "/readyz says no")
            assert "journal" in stage.ask("readyz")[1]
            assert new.ask(sale(1, APPROVE, "T0000003")) == REFUSED
            held.sock.settimeout(1)
            with pytest.raises(TimeoutError):
                held.read()
            recorder.full.unlink()
            wait_until(lambda: stage.ask("readyz")[0] == 200, 10, "ready again")
            held.sock.settimeout(WAIT_S)
            assert held.read()[39] == "00"
            assert new.ask(sale(2, APPROVE, "T0000003")) == "00"
        report = stage.until_all_ended(20)
        assert stop(gateway) == 0
    assert (report["charges"], report["served"]) == (2, 2)
    assert not order(recorder.lines()).too_early


def test_a_link_stays_up_while_the_disk_is_full(tmp_path: Path) -> None:
    """Echoes need no journal: a full disk must not cost the host links as well."""
    recorder = Recorder(tmp_path)
    settings = {"host__0__echo_idle_s": 1, "host__0__answer_timeout_s": 30}
    with Stage(tmp_path, **settings) as stage, Host(stage.host_port) as host:
        stage.gateway(env=recorder.environment)
        with Terminal(stage.port) as held, Terminal(stage.port) as new:
            held.send(sale(1, SLOW, "T0000001"))
            wait_until(lambda: len(host.of_type("0200")) == 1, 5, "the sale reaches the host")
            recorder.full.touch()
            wait_until(lambda: "journal" in stage.ask("readyz")[1], 5, "/readyz names the journal")
            echoes = len(host.of_type("0800"))
            assert new.ask(echo(5)) == "00"
            wait_until(lambda: len(host.of_type("0800")) > echoes, 5, "an echo leaves")
            recorder.full.unlink()
