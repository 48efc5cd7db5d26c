"""The rules for a test's time: the same expressions, over seconds where people wait for hours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.ops.rules import FILES

WINDOWS: Final = {
    "5m": "6s",
    "10m": "7s",
    "15m": "8s",
    "30m": "7s",
    "1h": "8s",
    "2h": "8s",
    "6h": "9s",
    "1d": "9s",
    "3d": "10s",
}
"""Long ones end a little later than short ones; all hold enough scrapes for a rate."""
WAITS: Final = {"0m": "0s"}
WAIT: Final = "1s"
SOONER: Final = {
    "gateway_reversal_oldest_seconds > 900": "gateway_reversal_oldest_seconds > 3",
    "(gateway_money_at_risk) > 5000000": "(gateway_money_at_risk) > 100000",
    "gateway_case_age_seconds > 14400": "gateway_case_age_seconds > 2",
    "gateway_complaint_age_seconds > 86400": "gateway_complaint_age_seconds > 2",
    "gateway_host_links_lost_total[15m]) > 5": "gateway_host_links_lost_total[15m]) > 1",
    '{result!="taken"}[15m])) > 3': '{result!="taken"}[15m])) > 1',
}
"""Ages and counts that no test waits for."""
ROUGHER: Final = {
    'le="0.025"': 'le="0.25"',
    "> 6 * 0.01": "> 20 * 0.01",
    "> 3 * 0.01": "> 20 * 0.01",
    "> 1 * 0.01": "> 20 * 0.01",
    "commit_seconds_bucket[5m]))) > 0.1": "commit_seconds_bucket[5m]))) > 0.25",
    "loop_lag_seconds_bucket[5m]))) > 0.1": "loop_lag_seconds_bucket[5m]))) > 0.25",
}
"""A busy machine is late by itself now and then: a few seconds of that raise nothing."""
_WINDOW: Final = re.compile(r"\[(\w+)\]")
_WAIT: Final = re.compile(r"for: (\w+)")


def write(folder: Path) -> list[Path]:
    """The rules in `folder`."""
    left, written = SOONER | ROUGHER, []
    for file in FILES:
        text = file.read_text("utf-8")
        for said, instead in (SOONER | ROUGHER).items():
            if said in text:
                text = text.replace(said, instead)
                left.pop(said, None)
        text = _WINDOW.sub(lambda found: f"[{WINDOWS[found[1]]}]", text)
        text = _WAIT.sub(lambda found: f"for: {WAITS.get(found[1], WAIT)}", text)
        written.append(folder / file.name)
        written[-1].write_text(text, "utf-8")
    assert not left, f"the rules no longer say {left}"
    return written
