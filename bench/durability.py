"""Durable commits through the journal port: batch size against charges a second and latency.

A batch opens charges and brings those of the batch before to their end, as a busy gateway does.
Measured beside it: a bare write and fdatasync of as many bytes, on the same disk.
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.progress import watched
from bench.report import Plot, Report, row
from bench.setups import workplace
from bench.verdicts import median
from gateway.journal.sqlite import SqliteJournal
from gateway.journal.vault import KEY_BYTES, Vault
from routing.charge import Charge, Event, State
from routing.records import moved, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routing.effects import Record

BATCHES: Final = (1, 16, 64, 256)
_CHARGES: Final = 4_096
_QUICK_CHARGES: Final = 512
_BATCHES_MAX: Final = 200
_RECORD_BYTES: Final = 500
_ANSWER: Final = {37: "RRN000000001", 38: "000001", 39: "00"}
_ECHOED: Final = (2, 3, 4, 7, 11, 12, 13, 22, 25, 41, 42, 49)


def run(*, quick: bool) -> Report:
    """Every batch size on a journal of its own, in the working directory's file system."""
    report = Report(bench="durability", rows=[])
    rates, medians = [], []
    for size in watched(BATCHES, "commits"):
        count = min((_QUICK_CHARGES if quick else _CHARGES) // size, _BATCHES_MAX)
        with workplace() as folder:
            latencies = commits(Path(folder) / "journal.db", size, count)
            bare = _bare(Path(folder) / "bare", size, count)
        per_second = [size / each for each in latencies]
        report.rows.append(row(f"batch of {size}: charges", per_second, "a second"))
        report.rows.append(row(f"batch of {size}: commit", _ms(latencies), "ms"))
        report.rows.append(row("  bare write and fdatasync", _ms(bare), "ms"))
        rates.append((float(size), median(per_second)))
        medians.append((float(size), median(_ms(latencies))))
    for y, points in (("charges a second", rates), ("ms a commit", medians)):
        title = f"Durable commits: {y}, by charges in a batch"
        report.plots.append(Plot(title=title, x="charges in a batch", y=y, series={y: points}))
    return report


def commits(path: Path, size: int, count: int) -> list[float]:
    """Seconds that each of `count` commits took, on a new journal at `path`; each opens `size`
    charges and brings those of the one before to their end.
    """
    journal = SqliteJournal(path, Vault(secrets.token_bytes(KEY_BYTES)), beside=True)
    try:
        epoch = journal.start(time.time(), ended_max=0).epoch
        batches = list(_batches(epoch, size, count))
        latencies = []
        for batch in batches:
            began = time.perf_counter()
            journal.append(batch)
            latencies.append(time.perf_counter() - began)
        return latencies
    finally:
        journal.close()


def _batches(epoch: int, size: int, count: int) -> Iterator[list[Record]]:
    before: list[Charge] = []
    for batch in range(count):
        charges = [_charge(batch * size + number + 1, epoch) for number in range(size)]
        records: list[Record] = [opened(each) for each in charges]
        for each in before:
            records += _ended(each)
        before = charges
        yield records


def _ended(charge: Charge) -> Iterator[Record]:
    """Its approval, and the delivery that is the service."""
    charge.state, charge.answer, charge.echoed = State.APPROVED, _ANSWER, _ECHOED
    yield moved(charge, Event.APPROVAL, State.SENT)
    charge.state = State.PRESUMED_SERVED
    event = Event.DELIVERY_IS_SERVICE
    yield moved(charge, event, State.APPROVED)


def _charge(number: int, epoch: int) -> Charge:
    terminal, stan = f"T{number % 512:07}", f"{number % 1_000_000:06}"
    merchant, de7 = "MERCHANT0000001", "1123170000"
    return Charge(
        id=number,
        epoch=epoch,
        opened_at=time.time(),
        identity=f"{merchant}|{terminal}|{stan}|2|1123|{number:06}",
        dialect="iso87-ascii",
        listener="listener-1",
        mti="0200",
        merchant=merchant,
        terminal=terminal,
        stan=stan,
        batch="",
        de7=de7,
        processing_code="000000",
        amount=1_000,
        currency="840",
        pan="4111111111111111",
        proof="approval",
        window_s=60.0,
        host="bank",
        host_stan=stan,
        host_de7=de7,
        sent={3: "000000", 4: "000000001000", 41: terminal, 42: merchant, 49: "840"},
    )


def _bare(path: Path, size: int, count: int) -> list[float]:
    """The disk without a database."""
    latencies = []
    block = b"\1" * (_RECORD_BYTES * size)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for _ in range(count):
            began = time.perf_counter()
            os.write(descriptor, block)
            os.fdatasync(descriptor)
            latencies.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
    return latencies


def _ms(seconds: list[float]) -> list[float]:
    return [each * 1e3 for each in seconds]
