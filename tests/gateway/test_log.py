"""Log lines are JSON, and nobody can fill a disk with them."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from gateway.log import LINES_A_SECOND_MAX, Log, LogSettings

if TYPE_CHECKING:
    from pathlib import Path


def test_a_line_is_one_json_object() -> None:
    stream = io.StringIO()
    Log(stream, lambda: 12.5).warning("host link lost", host="bank", why="reset")
    assert json.loads(stream.getvalue()) == {
        "at": 12.5,
        "level": "warning",
        "event": "host link lost",
        "host": "bank",
        "why": "reset",
    }


def test_a_flood_of_one_event_is_cut_and_counted_and_hides_no_other() -> None:
    stream, now = io.StringIO(), [1.0]
    log = Log(stream, lambda: now[0])
    for _ in range(LINES_A_SECOND_MAX + 7):
        log.warning("message can't be read")
    log.error("journal fails")
    now[0] = 2.0
    log.warning("message can't be read")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == LINES_A_SECOND_MAX + 2
    assert lines[-2]["event"] == "journal fails"
    assert lines[-1]["left_out_before"] == 7


def test_below_the_level_nothing_is_written_and_the_level_changes_while_it_runs() -> None:
    stream = io.StringIO()
    log = Log(stream, lambda: 1.0)
    log.debug("charge: approval", charge=1)
    log.level = "debug"
    log.debug("charge: approval", charge=2)
    log.level = "error"
    log.warning("host link lost")
    assert [json.loads(line)["charge"] for line in stream.getvalue().splitlines()] == [2]


def test_whoever_asks_for_all_gets_all() -> None:
    stream = io.StringIO()
    log = Log(stream, lambda: 1.0, level="debug")
    for number in range(LINES_A_SECOND_MAX + 7):
        log.debug("charge: approval", charge=number)
    assert len(stream.getvalue().splitlines()) == LINES_A_SECOND_MAX + 7


def test_what_looks_like_a_card_number_is_masked_whoever_writes_it() -> None:
    stream = io.StringIO()
    Log(stream, lambda: 1.0).info("a host said", why="no 4761739001010119 here", charge=42)
    Log(stream, lambda: 1.0).info("a host said", number=4761739001010119, code=None, share=0.25)
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["why"], first["charge"]) == ("no 476173******0119 here", 42)
    assert second["number"] == "476173******0119"
    assert "code" not in second
    assert second["share"] == 0.25


def test_a_file_that_was_moved_away_is_opened_anew(tmp_path: Path) -> None:
    log = Log.of(LogSettings(file=str(tmp_path / "isogate.log")))
    log.info("first")
    (tmp_path / "isogate.log").rename(tmp_path / "isogate.log.1")
    log.reopen()
    log.info("second")
    log.close()
    assert "second" in (tmp_path / "isogate.log").read_text("utf-8")
    assert "first" in (tmp_path / "isogate.log.1").read_text("utf-8")
