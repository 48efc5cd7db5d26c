"""Nothing leaves before it is durable: shown on the order of writes, syncs and sends.

Killing a process can't show this, since the kernel keeps what was written.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.adversity.peers import APPROVE, DECLINE, SILENT, Host, Terminal, sale
from tests.adversity.recorder import Order, Recorder, order
from tests.adversity.stage import Stage, stop, wait_until

pytestmark = pytest.mark.slow

SALES = 30


def recorded(folder: Path, recorder: Recorder, **settings: object) -> Order:
    """Approvals, declines and reversals from several terminals at once, recorded."""
    with (
        Stage(folder, host__0__answer_timeout_s=0.5, **settings) as stage,
        Host(stage.host_port) as host,
        ExitStack() as connections,
    ):
        gateway = stage.gateway(env=recorder.environment)
        terminals = [connections.enter_context(Terminal(stage.port)) for _ in range(4)]
        for number in range(1, SALES + 1):
            amount = (APPROVE, DECLINE, APPROVE, SILENT)[number % 4]
            for index, terminal in enumerate(terminals):
                terminal.send(sale(number, amount, f"T{index:07}"))
            if amount != SILENT:
                for terminal in terminals:
                    terminal.read()
            else:
                told = {terminal.read()[39] for terminal in terminals}
                assert told == {"68"}
        silent = 4 * sum(1 for number in range(1, SALES + 1) if number % 4 == 3)
        wait_until(lambda: len(host.of_type("0420")) >= silent, 20, "every silence is reversed")
        assert stop(gateway) == 0
    return order(recorder.lines())


def test_no_charge_reversal_or_approval_leaves_before_its_sync(tmp_path: Path) -> None:
    found = recorded(tmp_path, Recorder(tmp_path))
    assert found.charges == 4 * SALES
    assert found.reversals >= 28
    assert found.approvals >= 56
    assert not found.too_early


def test_the_check_sees_what_leaves_without_a_journal(tmp_path: Path) -> None:
    found = recorded(tmp_path, Recorder(tmp_path), journal__kind="none")
    assert len(found.too_early) == found.charges + found.reversals + found.approvals > 0


def test_the_check_sees_syncs_that_do_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.no_sync.touch()
    found = recorded(tmp_path, recorder)
    assert len(found.too_early) == found.charges + found.reversals + found.approvals > 0
