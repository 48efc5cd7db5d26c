"""A storm: simulated terminals and host with faults of their own, a bad network on both sides of a
real gateway that is killed, stopped and deprived of its disk; then three books are compared.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from gateway.demo.judge import Verdict, judge
from gateway.simulators import book
from tests.adversity.proxy import Proxy
from tests.adversity.recorder import Recorder
from tests.adversity.stage import Stage, free_ports, stop, wait_until

TERMINALS: Final = 40
TRAFFIC_S: Final = 6.0
START_S: Final = 60.0
SETTLE_S: Final = 40.0
END_S: Final = 40.0
DISK_BYTES: Final = 8_000_000
FULL_S: Final = (0.3, 1.2)
_SHOPS: Final = (("BAKERY000000001", "approval"), ("PARKING00000001", "confirmation"))
_TERMINALS: Final = (
    *("--vanish", "0.05", "--service-fails", "0.03", "--repeat-answered", "0.05"),
    *("--garbage", "0.01", "--timeout-s", "3", "--settle-s", str(SETTLE_S)),
)
_CONFIRMS: Final = ("--never-confirms", "0.03", "--vanish-for-good", "0.01")
_HOST: Final = (
    *("--silent", "0.02", "--late", "0.02", "--late-s", "2", "--decline", "0.06"),
    *("--duplicate", "0.02", "--reversal-silent", "0.1", "--reversal-late", "0.05"),
    *("--delay-ms", "20"),
)
_SETTINGS: Final[dict[str, object]] = {
    "host__0__answer_timeout_s": 1.5,
    "service__delivery_proof_s": 8,
    "reversal__schedule_s": "[0.0, 0.5, 1.0, 2.0]",
    "reversal__answer_timeout_s": 1.5,
    "reversal__reorder_margin_s": 4,
    "wire__unacknowledged_s": 5,
    "merchant__0__id": "PARKING00000001",
    "merchant__0__proof": "confirmation",
    "merchant__0__window_s": 4,
}


class Storm(NamedTuple):
    """What one round came to."""

    verdict: Verdict
    audit: dict[str, Any]
    happened: tuple[str, ...]
    network: dict[str, int]


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A file system of `DISK_BYTES`, where this process may mount one; else None."""
    place = folder / "disk"
    place.mkdir()
    size = f"size={DISK_BYTES}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "none", place], capture_output=True, check=False
    )
    if done.returncode != 0:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], capture_output=True, check=True)


def play(folder: Path, seed: int, disk: Path | None = None) -> Storm:
    """One storm.  With a small `disk` the journal lies on it."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    bank_port, door = free_ports(2)
    settings = dict(_SETTINGS)
    if disk is not None:
        settings["journal__path"] = disk / "journal.db"
    stage = Stage(folder, **settings)
    full = Fullness(folder, disk)
    to_host = Proxy(stage.host_port, bank_port, seed)
    to_gateway = Proxy(door, stage.port, seed + 1)
    with stage, to_host, to_gateway:
        host = stage.run(
            _isogate("host", "--port", bank_port, "--seed", seed, "--book", folder / "host.jsonl")
            + list(_HOST),
            "host.log",
        )
        gateway = stage.gateway(env=full.environment)
        tills = [stage.run(each, "terminals.log") for each in _tills(folder, door, seed)]
        wait_until(lambda: to_gateway.carried > 0, START_S, "the terminals have begun")
        gateway, happened = _misfortunes(stage, gateway, chance, full)
        to_host.calm()
        to_gateway.calm()
        for till in tills:
            assert till.wait(TRAFFIC_S + SETTLE_S + 20) in {0, 1}
        audit = _until_ended(stage)
        assert stop(gateway) == 0
        assert stop(host) == 0
        network = {
            name: getattr(to_host, name) + getattr(to_gateway, name)
            for name in ("cuts", "slowed", "doubled")
        }
    verdict = judge(book.read(folder / "terminals.jsonl"), book.read(folder / "host.jsonl"), audit)
    return Storm(verdict, audit, tuple(happened), network)


def _tills(folder: Path, port: int, seed: int) -> Iterator[list[str]]:
    for number, (merchant, kind) in enumerate(_SHOPS):
        yield [
            *_isogate("terminals", "--address", f"127.0.0.1:{port}", "--merchant", merchant),
            *("--class", kind, "--count", str(TERMINALS // 2), "--rate", "30"),
            *("--first", str(1 + number * TERMINALS), "--seconds", str(TRAFFIC_S)),
            *("--seed", str(seed), "--book", str(folder / "terminals.jsonl")),
            *_TERMINALS,
            *(_CONFIRMS if kind == "confirmation" else ()),
        ]


def _misfortunes(
    stage: Stage, gateway: subprocess.Popen[bytes], chance: random.Random, full: Fullness
) -> tuple[subprocess.Popen[bytes], list[str]]:
    """What hits the gateway while the traffic runs; the process that lives afterwards."""
    happened = []
    end = time.monotonic() + TRAFFIC_S
    time.sleep(1.0)
    while time.monotonic() < end - 1.0:
        time.sleep(chance.uniform(0.3, 1.5))
        what = chance.choice(("kill", "kill", "stop")) if happened else "disk full"
        happened.append(what)
        if what == "disk full":
            full.last(chance.uniform(*FULL_S))
        elif what == "kill":
            gateway.kill()
            gateway.wait()
            gateway = stage.gateway(env=full.environment)
        else:
            assert stop(gateway) == 0
            gateway = stage.gateway(env=full.environment)
    return gateway, happened


class Fullness:
    """Takes the gateway's disk its last space: really on a small one, else by the recorder."""

    def __init__(self, folder: Path, disk: Path | None) -> None:
        self._recorder = Recorder(folder) if disk is None else None
        self._place = folder / "full" if disk is None else disk / "filler"
        self.environment = self._recorder.environment if self._recorder is not None else {}

    def last(self, seconds: float) -> None:
        """No space for so long."""
        if self._recorder is not None:
            self._place.touch()
        else:
            with suppress(OSError), self._place.open("wb", buffering=0) as file:
                while file.write(bytes(4_096)) == 4_096:
                    pass
        time.sleep(seconds)
        self._place.unlink()


def _until_ended(stage: Stage) -> dict[str, Any]:
    wait_until(lambda: stage.audit()[1]["open"] == 0, END_S, "every charge comes to its end")
    return json.loads(json.dumps(stage.audit("--final", "--each")[1]))


def _isogate(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "gateway", *map(str, arguments)]


def broken(storm: Storm) -> list[str]:
    """What of the promise does not hold after a storm; empty if all does."""
    verdict = storm.verdict
    found = list(verdict.disagreements)
    if storm.audit["violations"]:
        found.append(f"audit: {storm.audit['violations']}")
    if not verdict.served:
        found.append("nothing was served")
    return found


def summary(storm: Storm) -> dict[str, object]:
    """One line for people and report files."""
    names = ("charges", "served", "declined", "reversed", "cases", "charged_without_service")
    return {
        **{name: getattr(storm.verdict, name) for name in names},
        "happened": list(storm.happened),
        **storm.network,
        "broken": broken(storm),
    }
