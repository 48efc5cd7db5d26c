"""Documentation that runs: the `sh` blocks of a page are its commands, and the `text` block after
one is what it says, line by line; `…` stands for anything.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
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
    # A file, not a pipe: what a page leaves running in the background would keep a pipe open.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            ["bash", "-c", script],
            cwd=folder,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(SECONDS_MAX)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        said = output.read()
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
