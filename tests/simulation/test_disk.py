"""What a power cut leaves of a redo log: every commit that was durable, and zeros it grew by."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import pytest

from gateway.journal.redo import BLOCK_BYTES, HEAD_BYTES, RedoLog
from tests.simulation.disk import Disk, RedoFile

FILE_BYTES = 16 * BLOCK_BYTES
COMMITS_MAX = 20
PAYLOAD_BYTES_MAX = 2 * BLOCK_BYTES
JOURNAL = 7


class Cut(RedoFile):
    """A file whose power goes while it is synced, once that is wanted."""

    wanted = False

    def sync(self) -> None:
        if Cut.wanted:
            raise OSError
        super().sync()


def opened(disk: Disk, after: int = 0) -> tuple[RedoLog, list[bytes]]:
    """Its payloads past commit `after`: those, too, the tables then hold."""
    log = RedoLog(Path("j"), JOURNAL, partial(Cut, disk), FILE_BYTES)
    payloads = [bytes(payload) for payload in log.frames_after(after)]
    log.in_tables(log.number)
    return log, payloads


def append(log: RedoLog, payload: bytes) -> int:
    return log.append(bytearray(HEAD_BYTES) + payload)


@pytest.mark.parametrize("seed", range(60))
def test_a_power_cut_takes_nothing_but_the_commit_that_it_met(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, disk = random.Random(seed), Disk()  # noqa: S311 - a repeatable one is wanted
    sizes = [rng.randint(0, PAYLOAD_BYTES_MAX) for _ in range(rng.randint(1, COMMITS_MAX))]
    payloads = [rng.randbytes(size) for size in sizes]
    log, _ = opened(disk)
    for payload in payloads[:-1]:
        append(log, payload)
    monkeypatch.setattr(Cut, "wanted", True)
    with pytest.raises(OSError):  # noqa: PT011 - the test's own
        append(log, payloads[-1])
    disk.lose_power(rng)
    monkeypatch.undo()
    log, left = opened(disk)
    assert left in (payloads, payloads[:-1])
    append(log, b"goes on")
    assert opened(disk, after=len(left))[1] == [b"goes on"]


def test_what_a_log_grows_ahead_by_meets_the_cuts_as_well() -> None:
    disk = Disk()
    append(opened(disk)[0], b"short")
    assert len(disk.files["j-redo0"].data) > BLOCK_BYTES
