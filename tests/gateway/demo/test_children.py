"""Children end, whatever happens to those who started them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
import trio

from gateway.demo.children import Children

if TYPE_CHECKING:
    from pathlib import Path

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
POLITE = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: exit(0))
print("up", flush=True)
time.sleep(60)
"""


async def until_up(log: Path) -> None:
    with trio.fail_after(10):
        while "up" not in await trio.Path(log).read_text():  # noqa: ASYNC110 - another process
            await trio.sleep(0.01)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_whoever_still_runs_is_killed_on_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - leaving the block is what is tested
        async with Children(tmp_path) as children:
            process = await children.start(SLEEPER, "log")
            raise ZeroDivisionError
    assert not exists(process.pid)


async def test_a_cancelled_play_ends_its_children(tmp_path: Path) -> None:
    with trio.move_on_after(0.2):
        async with Children(tmp_path) as children:
            process = await children.start(SLEEPER, "log")
            await trio.sleep_forever()
    assert not exists(process.pid)


async def test_a_child_that_ends_in_peace_says_so(tmp_path: Path) -> None:
    async with Children(tmp_path) as children:
        process = await children.start([sys.executable, "-c", POLITE], "log")
        await until_up(tmp_path / "log")
        assert await children.stop(process)
        killed = await children.start(SLEEPER, "log")
        await children.kill(killed)
        assert not await children.stop(killed)


async def test_output_goes_to_its_file_and_errors_to_the_log(tmp_path: Path) -> None:
    talk = [sys.executable, "-c", "import sys; print('out'); sys.stderr.write('err')"]
    async with Children(tmp_path) as children:
        process = await children.start(talk, "log", tmp_path / "output")
        await process.wait()
    assert (tmp_path / "output").read_text() == "out\n"
    assert (tmp_path / "log").read_text() == "err"
    assert children.last_words("log") == "err"
