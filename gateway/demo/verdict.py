"""The verdict over kept books: anyone may recompute it with `python -m gateway.demo.verdict DIR`.

How books are held against each other stands in `judge`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.demo.judge import Verdict, judge
from gateway.demo.table import print_verdict
from gateway.simulators import book

if TYPE_CHECKING:
    from collections.abc import Sequence

TERMINALS_BOOK: Final = "terminals.jsonl"
HOST_BOOK: Final = "host.jsonl"
AUDIT: Final = "audit.json"


def read(folder: Path) -> Verdict:
    """The verdict over the books kept in `folder`."""
    audit = msgspec.json.decode((folder / AUDIT).read_bytes())
    return judge(book.read(folder / TERMINALS_BOOK), book.read(folder / HOST_BOOK), audit)


def main(arguments: Sequence[str]) -> int:
    """Print the verdict over a folder's books; 0 if they agree."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m gateway.demo.verdict DIR\n")
        return 2
    verdict = read(Path(arguments[0]))
    print_verdict(verdict)
    return 0 if verdict.books_agree else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
