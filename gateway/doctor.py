"""What may keep a gateway from its work on this machine, looked at before money rests on it.

Each examination says what it found and, where that is not well, what to do.  Nothing is changed:
files that an examination writes are its own, and gone afterwards.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import socket
import statistics
import tempfile
import time
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography import x509

from gateway.journal.vault import KeyFileError, read_key
from gateway.wire.descriptors import RESERVE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config import Config, Host, Listener
    from gateway.wire.tls import TlsSettings

SYNC_MS_MAX: Final = 20.0
"""Median of a durable write; above it every charge waits visibly."""
SYNCS: Final = 25
DISK_FREE_BYTES_MIN: Final = 1 << 30
CERTIFICATE_DAYS_MIN: Final = 14
CONNECT_S_MAX: Final = 3.0
_SECONDS_A_DAY: Final = 86_400.0
_STA_UNSYNC: Final = 0x0040
_TIMEX_BYTES: Final = 256
"""More than the kernel's `struct timex` has on any machine."""
_TIMEX_STATUS_AT: Final = 5 * ctypes.sizeof(ctypes.c_long)
"""After modes (padded), offset, frequency, maxerror and esterror."""


class Verdict(StrEnum):
    """How grave it is."""

    WELL = "well"
    WARNING = "warning"
    WRONG = "wrong"


class Finding(msgspec.Struct, frozen=True):
    """What one examination found."""

    what: str
    verdict: Verdict
    found: str
    advice: str = ""


def examine(config: Config) -> Iterator[Finding]:
    """Every examination, one finding at a time: some take a moment."""
    yield _clock()
    yield _sync_speed(config)
    yield _room(config)
    yield _descriptors(config)
    yield _core_dumps()
    yield _journal_key(config)
    yield from _certificates(config)
    yield from _hosts(config)


def _clock() -> Finding:
    """The kernel knows whether somebody keeps its clock right."""
    state = ctypes.create_string_buffer(_TIMEX_BYTES)
    with suppress(OSError, AttributeError):
        if ctypes.CDLL(None, use_errno=True).adjtimex(state) >= 0:
            status = int.from_bytes(state.raw[_TIMEX_STATUS_AT:][:4], "little")
            if not status & _STA_UNSYNC:
                return Finding("clock", Verdict.WELL, "kept right by a time service")
            advice = "run a time service (chrony, systemd-timesyncd): DE 7 and 12 are read from it"
            return Finding("clock", Verdict.WARNING, "nobody keeps it right", advice)
    return Finding("clock", Verdict.WARNING, "the kernel does not say", "see that NTP runs")


def _sync_speed(config: Config) -> Finding:
    if config.journal.kind == "none":
        advice = "for measuring only, never for money"
        return Finding("journal", Verdict.WRONG, "journal.kind = none", advice)
    folder = Path(config.journal.path).absolute().parent
    try:
        times = _times_of_syncs(folder)
    except OSError as error:
        return Finding("disk sync", Verdict.WRONG, f"{folder}: {error.strerror}", "make it ours")
    median_ms = statistics.median(times) * 1_000
    found = f"{median_ms:.2f} ms for a durable write (worst of {SYNCS}: {max(times) * 1e3:.2f} ms)"
    if median_ms <= SYNC_MS_MAX:
        return Finding("disk sync", Verdict.WELL, found)
    advice = "each charge waits for two of them: put the journal on a faster disk"
    return Finding("disk sync", Verdict.WARNING, found, advice)


def _times_of_syncs(folder: Path) -> list[float]:
    times = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
        for _ in range(SYNCS):
            began = time.perf_counter()
            file.write(bytes(4_096))
            file.flush()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return times


def _room(config: Config) -> Finding:
    folder = Path(config.journal.path).absolute().parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(
            "disk space", Verdict.WRONG, f"{folder}: {error.strerror}", "make the folder"
        )
    found = f"{free / (1 << 30):.1f} GiB free"
    if free >= DISK_FREE_BYTES_MIN:
        return Finding("disk space", Verdict.WELL, found)
    advice = "a full disk refuses new charges (96): make room"
    return Finding("disk space", Verdict.WARNING, found, advice)


def _descriptors(config: Config) -> Finding:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = config.wire.connections_max + RESERVE
    found = f"{most} may be open, {needed} are wanted"
    if most in (resource.RLIM_INFINITY,) or most >= needed:
        return Finding("descriptors", Verdict.WELL, found)
    advice = "raise LimitNOFILE, or lower wire.connections_max"
    return Finding("descriptors", Verdict.WARNING, found, advice)


def _core_dumps() -> Finding:
    most, _ = resource.getrlimit(resource.RLIMIT_CORE)
    if most == 0:
        return Finding("core dumps", Verdict.WELL, "none are written")
    advice = "set LimitCORE=0: a dump would hold keys and card numbers in flight"
    return Finding("core dumps", Verdict.WARNING, "they are allowed", advice)


def _journal_key(config: Config) -> Finding:
    path = config.journal.key_path
    if not path.exists():
        if Path(config.journal.path).exists():
            advice = "bring it back: without it open reversals can't be read"
            return Finding("journal key", Verdict.WRONG, f"{path} is gone", advice)
        return Finding("journal key", Verdict.WELL, f"{path} will be made at the first start")
    try:
        read_key(path)
    except KeyFileError as error:
        return Finding("journal key", Verdict.WRONG, str(error), "give it mode 0600, and its owner")
    return Finding("journal key", Verdict.WELL, f"{path} is its owner's alone")


def _certificates(config: Config) -> Iterator[Finding]:
    everybody: tuple[Listener | Host, ...] = (*config.listener, *config.host)
    for each in everybody:
        if each.tls.wanted:
            yield from _certificates_of(each.name, each.tls)


def _certificates_of(name: str, tls: TlsSettings) -> Iterator[Finding]:
    for path in filter(None, (tls.certificate_file, tls.authorities_file)):
        what = f"certificate of {name}"
        try:
            chain = x509.load_pem_x509_certificates(Path(path).read_bytes())
        except OSError as error:
            yield Finding(what, Verdict.WRONG, f"{path}: {error.strerror}", "make it readable")
            continue
        except ValueError:
            yield Finding(what, Verdict.WRONG, f"{path}: no certificates in PEM", "replace it")
            continue
        until = min(each.not_valid_after_utc for each in chain)
        days = (until.timestamp() - time.time()) / _SECONDS_A_DAY
        found = f"{path}: good until {until:%Y-%m-%d}"
        if days >= CERTIFICATE_DAYS_MIN:
            yield Finding(what, Verdict.WELL, found)
        else:
            verdict = Verdict.WARNING if days > 0 else Verdict.WRONG
            yield Finding(what, verdict, found, "renew it, then send SIGHUP")


def _hosts(config: Config) -> Iterator[Finding]:
    for host in config.host:
        what, where = f"host {host.name}", f"{host.address}:{host.port}"
        if host.listen:
            yield Finding(what, Verdict.WELL, f"is expected to connect to {where}")
            continue
        try:
            began = time.perf_counter()
            with socket.create_connection((host.address, host.port), timeout=CONNECT_S_MAX):
                milliseconds = (time.perf_counter() - began) * 1_000
        except OSError as error:
            why = error.strerror or type(error).__name__
            advice = "its charges would get 91: ask the bank, look at the firewall"
            yield Finding(what, Verdict.WRONG, f"{where}: {why}", advice)
            continue
        yield Finding(what, Verdict.WELL, f"{where} accepts a connection, in {milliseconds:.1f} ms")
