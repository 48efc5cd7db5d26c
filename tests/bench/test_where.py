"""Where instructions go: callgrind's words are understood; of a real run each stage is found."""

from __future__ import annotations

import shutil

import pytest

from bench.setups import EVERYTHING
from bench.where import by_stage, inclusive, measured

ANNOTATED = """\
Profiled target:  python -m gateway serve
1,000 (100.0%)  PROGRAM TOTALS
  600 (60.00%)  /here/gateway/intake.c:__pyx_f_7gateway_6intake_6Intake_take [/here/intake.so]
  300 (30.00%)  /here/routing/switch.c:__pyx_f_7routing_6switch_6Switch_from_terminal [/here/s.so]
   10 ( 1.00%)  ./object.h:__pyx_f_7routing_6switch_6Switch_from_terminal
  200 (20.00%)  routing/switch.c:__pyx_pw_7routing_6switch_6Switch_27from_host [/here/s.so]
  100 (10.00%)  routing/switch.c:__pyx_f_7routing_6switch_6Switch_from_host [/here/s.so]
  200 (20.00%)  s.c:__pyx_pw_7gateway_7journal_11_statements_10Statements_5carry_out [/s.so]
   50 ( 5.00%)  ???:Connection_execute [/there/apsw.so]
  150 (15.00%)  ???:sqlite3_step [/there/apsw.so]
"""


def test_a_stage_is_a_function_without_what_other_stages_hold_of_it() -> None:
    shares = {
        stage: round(share * 1_000) for stage, share in by_stage(inclusive(ANNOTATED)).items()
    }
    assert shares.pop("a frame becomes a message") == 200
    assert shares.pop("decide: what a terminal asks") == 300
    assert shares.pop("decide: what a host answers") == 100
    assert shares.pop("journal: values bound") == 100
    assert shares.pop("journal: SQLite") == 150
    assert sorted(shares.values()) == [0, 0, 0, 0, 0, 150]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("callgrind_annotate") is None, reason="no valgrind")
def test_each_stage_of_a_real_run_is_found() -> None:
    rows = {row.what: row.median for row in measured(EVERYTHING, 2.0).rows}
    whole = rows.pop("all")
    assert min(rows.values()) > 0
    assert sum(rows.values()) == pytest.approx(whole)
