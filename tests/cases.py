"""The five cases that the gateway exists for, row by row, and the tests that show each.

`cases.toml` holds the rows; README's table is made from it: `python -m tests.cases` writes it anew.
Row `N.x` belongs to case N + 1, as the source documents number them.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path(__file__).parent.parent
ROWS: Final = ROOT / "tests" / "cases.toml"
README: Final = ROOT / "README.md"
BEGIN: Final = "<!-- python -m tests.cases writes what stands from here -->"
END: Final = "<!-- to here -->"


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row: its number, what it is about, and the tests (node ids or starts of some)."""

    number: str
    title: str
    tests: tuple[str, ...] = ()
    out: str = ""
    """Why it is not built; only rows that the case list itself leaves out have a reason."""

    @property
    def case(self) -> int:
        """The case that it belongs to."""
        return int(self.number.partition(".")[0]) + 1

    @property
    def shown(self) -> str:
        """What README says of it."""
        if self.out:
            return f"not built: {self.out}"
        return ", ".join(f"`{_short(each)}`" for each in self.tests)


class Rows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    row: tuple[Row, ...]


def rows() -> tuple[Row, ...]:
    """Every row, in the file's order."""
    return msgspec.convert(tomllib.loads(ROWS.read_text("utf-8")), Rows).row


def problems(all_rows: tuple[Row, ...]) -> list[str]:
    """What a row must have and lacks."""
    found = [f"{row.number} stands there twice" for row in all_rows if all_rows.count(row) > 1]
    numbers = [row.number for row in all_rows]
    found += [
        f"{number} stands there twice" for number in set(numbers) if numbers.count(number) > 1
    ]
    for row in all_rows:
        if bool(row.tests) == bool(row.out):
            found.append(f"{row.number}: needs tests, or `out`")
    return found


def uncollected(all_rows: tuple[Row, ...], collected: list[str]) -> list[str]:
    """Tests that rows name and pytest does not collect."""
    return [
        f"{row.number}: {test}"
        for row in all_rows
        for test in row.tests
        if not any(_covers(test, node) for node in collected)
    ]


def table(all_rows: tuple[Row, ...]) -> str:
    """README's table."""
    lines = ["| row | what | shown by |", "|---|---|---|"]
    lines += [f"| {row.number} | {row.title} | {row.shown} |" for row in all_rows]
    return "\n".join(lines)


def with_table(text: str, made: str) -> str:
    """`text` with the table between its markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        message = f"README.md: no {BEGIN} … {END}"
        raise ValueError(message)
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


def _covers(test: str, node: str) -> bool:
    return node == test or node.startswith((f"{test}[", f"{test}::"))


def _short(test: str) -> str:
    """`tests/gateway/test_desk.py::test_x` as `test_desk::x`."""
    file, _, name = test.partition("::")
    stem = Path(file).stem
    return f"{stem}::{name.removeprefix('test_')}" if name else stem


def main() -> int:
    """Write the table; exit 1 if a row lacks something."""
    known = rows()
    README.write_text(with_table(README.read_text("utf-8"), table(known)), "utf-8")
    lacking = problems(known)
    sys.stderr.writelines(f"{problem}\n" for problem in lacking)
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
