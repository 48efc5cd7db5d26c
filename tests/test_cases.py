"""Every row of the cases is shown by a test, and README says by which."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

from tests.cases import README, ROOT, Row, problems, rows, table, uncollected, with_table

KNOWN: Final = rows()
WHOLE: Final = {
    1: {f"0.{number}" for number in range(1, 51)},
    2: {f"1.{number}" for number in range(1, 44)},
    3: {f"2.{number}" for number in range(1, 42)},
    4: {f"3.{number}" for number in range(1, 39)},
    5: {f"4.{number}" for number in range(1, 33)},
}


@pytest.mark.parametrize("case", WHOLE)
def test_every_row_of_a_case_that_is_built_is_there(case: int) -> None:
    assert {row.number for row in KNOWN if row.case == case} == WHOLE[case]


def test_no_row_lacks_its_tests() -> None:
    assert problems(KNOWN) == []


@pytest.mark.parametrize(
    "row",
    [
        Row(number="4.1", title="no test"),
        Row(number="4.1", title="two ways", tests=("tests/x.py",), out="because"),
    ],
    ids=lambda row: row.title,
)
def test_a_row_without_a_test_is_found(row: Row) -> None:
    assert problems((row,))


def test_a_row_that_stands_there_twice_is_found() -> None:
    row = Row(number="2.1", title="once", tests=("tests/x.py",))
    assert problems((row,)) == []
    assert problems((row, row))


def test_readmes_table_is_the_one_that_is_made() -> None:
    text = README.read_text("utf-8")
    assert with_table(text, table(KNOWN)) == text, "run: python -m tests.cases"


def test_a_test_that_is_not_collected_is_found() -> None:
    row = Row(number="4.1", title="x", tests=("tests/x.py::test_a",))
    assert uncollected((row,), ["tests/x.py::test_a[1]"]) == []
    assert uncollected((row,), ["tests/x.py::test_ab"]) == ["4.1: tests/x.py::test_a"]


@pytest.mark.slow
def test_every_test_that_a_row_names_is_collected() -> None:
    files = sorted({test.partition("::")[0] for row in KNOWN for test in row.tests})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n0", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert uncollected(KNOWN, done.stdout.splitlines()) == []
