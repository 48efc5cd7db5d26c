"""A disk that is slow to sync makes charges wait for it, and nobody else."""

from __future__ import annotations

import select
from pathlib import Path
from typing import Final

import pytest

from bench.native import NoCompilerError, compile_c
from tests.adversity.peers import APPROVE, Host, Terminal, echo, sale
from tests.adversity.stage import Stage

pytestmark = pytest.mark.slow

FAULTS: Final = Path(__file__).parents[1] / "ops" / "faults.c"
ECHOES_MIN: Final = 100
"""While one charge waits for two syncs of 0.3 s: thousands come, or a handful where turns wait."""


def test_the_turns_go_on_while_the_disk_syncs(tmp_path: Path) -> None:
    library, slow = tmp_path / "faults.so", tmp_path / "slow"
    try:
        compile_c(FAULTS, library, "-shared", "-fPIC", "-ldl")
    except NoCompilerError as error:
        pytest.skip(str(error))
    env = {"LD_PRELOAD": str(library), "FAULT_SLOW": str(slow)}
    with Stage(tmp_path) as stage, Host(stage.host_port):
        stage.gateway(env=env)
        slow.touch()
        with Terminal(stage.port) as pays, Terminal(stage.port) as asks:
            pays.send(sale(1, APPROVE))
            echoes = 0
            while not select.select([pays.sock], [], [], 0)[0]:
                assert asks.ask(echo(echoes + 1)) == "00"
                echoes += 1
            assert pays.read()[39] == "00"
        assert echoes >= ECHOES_MIN
