"""Thousands of idle terminals: what each keeps of the gateway's memory, and of others' time.

Everything on, in two gateways: to one of them come as many idle terminals as are promised, sell
once each and stay.  Then 64 busy ones load both in turns, at half of their maximum; whichever is
not loaded is stopped meanwhile, so that it can't disturb.  Before and after in one gateway would
not do: its journal grows between them, the machine changes, and what differs is mostly that.
Memory is that of the whole process, after every charge has come to its end, so that only the
terminals are left.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.crowd import IDLE, most
from bench.processes import WARMUP_S, Processes, memory_kib
from bench.progress import watched
from bench.report import Report, row
from bench.setups import EVERYTHING, workplace
from bench.side import Side, maximum
from bench.verdicts import median, noise, noise_told

if TYPE_CHECKING:
    from collections.abc import Iterator

TERMINALS: Final = 15_000
_QUICK_TERMINALS: Final = 1_000
_BUSY: Final = 64
_ROUNDS: Final = 3
_QUICK_ROUNDS: Final = 2
_PAIRS: Final = 3
"""Loads of both gateways in a round; in the one with TLS as many as in all others together."""
_SECONDS: Final = 1.5
_QUICK_SECONDS: Final = 0.5
_HALF: Final = 0.5
_PLAIN: Final = "plain"
_TLS: Final = "TLS"
KIB_EACH_MAX: Final = {_PLAIN: 4.0, _TLS: 64.0}
SLOWER_MAX: Final = 1.1
"""The p99 of the busy ones with the idle ones, by that without: none, but for what any two runs
differ by."""
_CONNECTIONS_MAX: Final = 18_000
_ENDED_IN_MEMORY: Final = 2_000
"""The least that the gateway takes: charges that ended long ago are not what is measured."""
_SETTLED_S_MAX: Final = 60.0
_PAUSE_S: Final = 0.25
_CERTIFICATE: Final = "tls.pem"


class Measured(NamedTuple):
    """One round: memory by each idle one; the busy ones' p99 without and with them, by pairs."""

    kib_each: list[float]
    without_us: list[float]
    with_us: list[float]
    cpu_us: list[float]
    """Of a charge, without them: the yardstick."""


def run(*, quick: bool) -> Report:
    """Plain rounds on fresh gateways; with TLS, whose handshakes take long, one of them."""
    report = Report(bench="idle", rows=[])
    wanted = _QUICK_TERMINALS if quick else TERMINALS
    count = min(wanted, most())
    if count < wanted:
        report.remarks.append(f"{count:,} terminals, not {wanted:,}: descriptors are limited here")
    seconds, rounds = (_QUICK_SECONDS, _QUICK_ROUNDS) if quick else (_SECONDS, _ROUNDS)
    rate = median(maximum(EVERYTHING, _BUSY, seconds / 2, rounds)) * _HALF
    plans = [(_PLAIN, 1)] * rounds + [(_TLS, rounds)]
    found: dict[str, list[Measured]] = {}
    for how, parts in watched(plans, f"{count:,} idle terminals"):
        found.setdefault(how, []).append(measured(how, count, seconds, rate, parts))
    bars = {}
    for how, all_rounds in found.items():
        where = f"{count:,} idle, {how}, and {_BUSY} busy"
        _tell(report, where, how, all_rounds)
        bars[where] = next(each for each in report.rows if each.what.startswith(f"{where}: memory"))
    report.bar("Memory by an idle terminal", "KiB each", bars)
    return report


def _tell(report: Report, where: str, how: str, found: list[Measured]) -> None:
    without = [each for one in found for each in one.without_us]
    with_idle = [each for one in found for each in one.with_us]
    yardsticks = {
        "CPU a charge of the busy ones alone": [each for one in found for each in one.cpu_us],
        "p99 of the busy ones alone": without,
    }
    noisy = max(map(noise, yardsticks.values()))
    for what, values in yardsticks.items():
        if noise(values):
            report.remarks.append(noise_told(where, what, noise(values)))
    kib = [each for one in found for each in one.kib_each]
    slower = [a / b for a, b in zip(with_idle, without, strict=True)]
    report.rows += [
        row(f"{where}: memory by an idle one", kib, "KiB each", KIB_EACH_MAX[how]),
        row(f"{where}: p99 of the busy ones, by that without", slower, "x p99", SLOWER_MAX, noisy),
        row("  with the idle ones", with_idle, "us, p99", noise=noisy),
        row("  without them", without, "us, p99", noise=noisy),
    ]


def measured(how: str, count: int, seconds: float, rate: float, parts: int) -> Measured:
    """Two gateways, for each of `parts` several runs of the busy ones on both; and in so many parts
    the idle ones come.
    """
    size = count // parts
    with ExitStack() as stack:
        alone, _ = _gateway(stack, how)
        beside, port = _gateway(stack, how)
        for side in (alone, beside):
            side.load(_BUSY, seconds, rate=rate)
            _settled(side.processes)
        kib, crowds = [memory_kib(beside.pid)], []
        try:
            for part in range(parts):
                who = range(part * size, (part + 1) * size)
                crowds.append(_crowd(beside.processes, port, how, who))
                _settled(beside.processes)
                kib.append(memory_kib(beside.pid))
            pairs = [
                _pair(alone, beside, seconds, rate, alone_first=number % 2 == 0)
                for number in range(_PAIRS * parts)
            ]
            connected = beside.processes.metrics()["gateway_terminals_connected"]
        finally:
            for crowd in crowds:
                crowd.communicate()
    if connected < size * parts:
        message = f"of {size * parts} idle terminals {connected:.0f} are still there"
        raise RuntimeError(message)
    return Measured(
        [(now - then) / size for then, now in itertools.pairwise(kib)],
        [without["p99_us"] for without, _ in pairs],
        [with_idle["p99_us"] for _, with_idle in pairs],
        [without["cpu_us"] for without, _ in pairs],
    )


def _pair(
    alone: Side, beside: Side, seconds: float, rate: float, *, alone_first: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One load on each of them."""
    if alone_first:
        without = _load(alone, beside, seconds, rate)
        return without, _load(beside, alone, seconds, rate)
    with_idle = _load(beside, alone, seconds, rate)
    return _load(alone, beside, seconds, rate), with_idle


def _load(side: Side, other: Side, seconds: float, rate: float) -> dict[str, Any]:
    with _stopped(other.pid):
        return side.load(_BUSY, seconds, rate=rate)


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    """A process that does nothing meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _gateway(stack: ExitStack, how: str) -> tuple[Side, int]:
    """A fresh one with a host of its own; and where the idle ones come in."""
    settings: dict[str, object] = {
        "wire.connections_max": _CONNECTIONS_MAX,
        "wire.connections_per_address_max": _CONNECTIONS_MAX,
        "journal.ended_in_memory_max": _ENDED_IN_MEMORY,
    }
    folder = stack.enter_context(workplace())
    processes = stack.enter_context(Processes(Path(folder), EVERYTHING))
    processes.host()
    port, more = _door(processes, how)
    return Side(processes, processes.gateway(settings | more).pid, WARMUP_S), port


def _door(processes: Processes, how: str) -> tuple[int, dict[str, object]]:
    """Where the idle ones come in; for TLS a second listener, with a certificate just made."""
    if how != _TLS:
        return processes.port, {}
    files = _certificate(processes.folder)
    settings = {
        "host": "127.0.0.1",
        "port": processes.tls_port,
        "dialect": "iso87-ascii",
        "terminal_resolves_first": "true",
        "mac.algorithm": EVERYTHING.mac,
        "mac.key_file": processes.folder / "mac.key",
        "tls.certificate_file": files[0],
        "tls.key_file": files[1],
    }
    return processes.tls_port, {f"listener.1.{key}": value for key, value in settings.items()}


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Of localhost, signed by itself, for an hour; its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    hour = dt.timedelta(hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - hour)
        .not_valid_after(now + hour)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, none = serialization.Encoding.PEM, serialization.NoEncryption()
    certificate, private = folder / _CERTIFICATE, folder / "tls.key"
    certificate.write_bytes(made.public_bytes(encoding))
    private.touch(0o600)
    private.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, none))
    return certificate, private


def _crowd(processes: Processes, port: int, how: str, who: range) -> subprocess.Popen[bytes]:
    """The idle ones, when all of them have sold."""
    command = ["taskset", "-c", str(processes.load_core), sys.executable, "-m", "bench.crowd"]
    command += [str(port), str(len(who)), "--first", str(who.start)]
    command += ["--authority", str(processes.folder / _CERTIFICATE)] if how == _TLS else []
    crowd = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
    said = crowd.stdout.readline() if crowd.stdout else b""
    if said.strip() != IDLE.encode():
        crowd.communicate()
        message = f"the idle terminals did not all come; the gateway says: {processes.log[-2_000:]}"
        raise RuntimeError(message)
    return crowd


def _settled(processes: Processes) -> None:
    """When every charge has come to its end."""
    end = time.monotonic() + _SETTLED_S_MAX
    while processes.metrics()["gateway_open_charges"]:
        if time.monotonic() > end:
            message = f"charges are still open after {_SETTLED_S_MAX:.0f} s"
            raise RuntimeError(message)
        time.sleep(_PAUSE_S)
