"""The gate counts instructions of the real codec, and closes when they grow."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench import gate
from bench.rows import batches, rows

WHAT = "patch DE 11 and DE 39 in place"


def test_every_operation_can_be_called_again_and_again() -> None:
    for operation in rows().values():
        operation()
        operation()


@pytest.fixture(scope="module")
def counted() -> float:
    return gate.instructions(WHAT)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="no valgrind")
@pytest.mark.parametrize(("share", "status"), [(1.0, 0), (0.96, 1)])
def test_more_instructions_than_the_baseline_close_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: float, share: float, status: int
) -> None:
    baseline = tmp_path / "gate.json"
    baseline.write_text(json.dumps({gate.toolchain(): {WHAT: counted * share}}))
    monkeypatch.setattr(gate, "BASELINE", baseline)
    monkeypatch.setattr(gate, "rows", lambda: {WHAT: rows()[WHAT]})
    monkeypatch.setattr("sys.argv", ["gate"])
    assert gate.main() == status


def test_the_committed_counts_are_of_operations_that_exist() -> None:
    for counts in json.loads(gate.BASELINE.read_bytes()).values():
        assert set(counts) <= set(rows() | batches())
