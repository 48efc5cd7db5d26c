"""The demonstration itself, short: real processes, faults, kill -9; the verdict recomputed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from gateway.demo import verdict as verdicts
from gateway.demo.judge import ENDS, Verdict, judge
from gateway.simulators import book

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

SECONDS = 5
BOUND_S = SECONDS + 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def said(folder: Path) -> dict[str, Any]:
    """The JSON line of one run."""
    command = [sys.executable, "-m", "gateway", "demo", "--json", "--keep", str(folder)]
    command += ["--seconds", str(SECONDS), "--terminals", "80", "--seed", "11"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=BOUND_S, check=False)
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.splitlines()) == 1
    line: dict[str, Any] = json.loads(run.stdout)
    return line


def test_nobody_is_charged_without_service(said: dict[str, Any]) -> None:
    assert said["books_agree"]
    assert said["charged_without_service"] == 0
    assert said["served_without_charge"] == 0
    assert said["double_reversals"] == 0


def test_every_charge_has_one_end(said: dict[str, Any]) -> None:
    assert said["open"] == 0
    assert said["charges"] == sum(said[end] for end in ENDS)


def test_there_was_something_to_survive(said: dict[str, Any]) -> None:
    assert said["restarts"] >= 1
    assert said["declined"] > 0
    assert said["reversed"] > 0
    assert said["served"] > 50


def test_it_is_done_in_time(said: dict[str, Any]) -> None:
    assert said["seconds"] <= BOUND_S


def test_anyone_can_recompute_it_from_the_kept_books(folder: Path, said: dict[str, Any]) -> None:
    again = verdicts.read(folder)
    assert again.books_agree
    names = set(said) & set(Verdict.__struct_fields__) - {"disagreements"}
    assert {name: getattr(again, name) for name in names} == {name: said[name] for name in names}


def test_a_changed_book_is_noticed(folder: Path, said: dict[str, Any]) -> None:
    assert said["books_agree"]
    terminals = book.read(folder / verdicts.TERMINALS_BOOK)
    host = book.read(folder / verdicts.HOST_BOOK)
    audit = json.loads((folder / verdicts.AUDIT).read_text())
    served = next(line for line in terminals if line["served"])
    served["served"] = False
    assert judge(terminals, host, audit).charged_without_service == 1
    assert not judge(terminals[1:], host, audit).books_agree
    assert not judge(terminals, host[1:], audit).books_agree


def test_every_kind_of_fault_occurred(folder: Path, said: dict[str, Any]) -> None:
    assert said["charges"]
    faults = {line["fault"] for line in book.read(folder / verdicts.HOST_BOOK)}
    assert {"silent", "late"} <= faults
    hows = {line["how"] for line in book.read(folder / verdicts.TERMINALS_BOOK)}
    assert {"served", "declined"} <= hows
    assert any(how.startswith(("not served", "reversed")) for how in hows)


def test_no_book_or_log_holds_a_card_number(folder: Path, said: dict[str, Any]) -> None:
    assert said["charges"]
    for path in folder.iterdir():
        assert b"622999" not in path.read_bytes(), path.name


def test_a_play_that_cannot_begin_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "gateway", "demo", "--keep", str(tmp_path / "file" / "sub")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=BOUND_S, check=False)
    assert run.returncode == 1
    assert run.stdout == ""
    assert "isogate demo: " in run.stderr
    assert "Traceback" not in run.stderr
