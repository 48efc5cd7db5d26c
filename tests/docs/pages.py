"""Documentation that runs: the `sh` blocks of a page are its commands, and the `text` block after
one is what it says, line by line; `…` stands for anything.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SECONDS_MAX = 900
_BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "=== end of block"


class Block(NamedTuple):
    """Commands, and what they must say."""

    commands: str
    says: tuple[str, ...] = ()


def blocks(page: Path) -> list[Block]:
    """The commands of a page in their order."""
    found: list[Block] = []
    for kind, text in _BLOCK.findall(page.read_text("utf-8")):
        if kind == "sh":
            found.append(Block(text))
        elif found:
            found[-1] = Block(found[-1].commands, tuple(text.splitlines()))
    return found


def run(wanted: list[Block], folder: Path, environment: dict[str, str]) -> list[str]:
    """What each block says on stdout; a command that fails ends the test with all that was said."""
    script = "set -euo pipefail\n" + "".join(
        f"{block.commands}\necho; echo '{_MARK}'\n" for block in wanted
    )
    process = subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=SECONDS_MAX)
    finally:
        # Whatever a page left running, or a page that hangs: its whole process group.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode == 0, said
    return said.split(_MARK)[:-1]


def unsaid(expected: tuple[str, ...], said: str) -> list[str]:
    """Lines of the page that were not said, in their order."""
    lines, missing = iter(said.splitlines()), []
    for wanted in expected:
        pattern = ".*".join(map(re.escape, wanted.split("…")))
        if not any(re.fullmatch(pattern.strip(), line.strip()) for line in lines):
            missing.append(wanted)
            lines = iter(said.splitlines())
    return missing
