"""Log lines are JSON, and nobody can fill a disk with them."""

from __future__ import annotations

import io
import json

from gateway.log import LINES_A_SECOND_MAX, Log


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
