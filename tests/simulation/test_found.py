"""Seeds that found a bug, in the gateway or its world; `docs/simulation.md` says what each was."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.simulation.world import run

FOUND = {
    "a restart numbers on past reversals as well": 1,
    "a 25 older than the approval is not the last word": 31,
    "a reversal proves the sale before it": 22,
    "an unanswered repeat does not undo what was told": 10,
    "nothing of a closed link arrives after its reversal": 5028,
    "an answer to a reversal is to the oldest try that waits": 100107,
    "a repeat of what memory forgot is not refused": 420111,
    "nothing arrives late from a link that stood still": 29,
    "a refusal stands for all that its terminal sent before": 143,
    "what a terminal was refused does not become a charge later": 200109,
    "nor when its next sale was refused as well": 900001323,
    "a first try that comes late takes no watch over": 3108227540,
    "a void that memory forgot does not move its sale again": 900002980,
    "a void whose reversal came while its sale was looked up is not taken": 406486007,
    "the window may end while a repeated answer is under way": 940000248,
    "a first try that comes late takes no answer with it": 1003,
    "a host that signed on tells each new link": 406486092,
    "a repeat of what memory forgot is told nothing before the journal knows": 562867509,
    "a sale that was refused during a cut-over is not asked again": 414100467,
    "a busy answer may be to the newest try as well": 529320,
    "a host's A0 is not its terminal's": 1038,
    "a key that nobody could be asked for is asked for later": 940000248,
    "a cancelled terminal makes no test charge": 3227,
    "a test charge is taken back by the gateway itself": 20239,
    "terminals whose last approval is decided come to rest": 289402122,
    "a charge has no date that its host told after it": 310000202,
    "a refusal waits for the proof that came before it": 330000363,
    "a slow journal is asked once what an account still has open": 500000855,
    "sign-ins that waited for their keys come back past the bound": 500002351,
    "a link that is made while the gateway stops carries nothing": 600003299,
    "a sign-on of before may come long before the sign-off on its link": 490518925,
    "a number that is given again is known before what undoes it": 2679405161,
    "a commit that moves a charge tells its repeat how it stands after it": 1744549949,
    "an approval is not said again of a charge that is undone before it leaves": 1039941043,
}


@pytest.mark.slow
@pytest.mark.parametrize("what", FOUND)
def test_found_once(what: str) -> None:
    assert not run(FOUND[what]).violations


def test_each_has_its_line_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text("utf-8")
    rows = re.findall(r"^\| ([\d, ]+) \|", text, re.MULTILINE)
    assert {int(seed) for row in rows for seed in row.split(",")} == set(FOUND.values())
