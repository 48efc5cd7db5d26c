"""Where and when figures come from: machine, disk, interpreter, libraries, the commit."""

from __future__ import annotations

import os
import platform
import shutil
import ssl
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import apsw

ROOT: Final = Path(__file__).parents[1]
_VERSIONS: Final = ("isogate", "apsw", "cython", "msgspec", "pyiso8583", "trio")
_EXTRAS: Final = ("iso8583sim", "py8583", "py-spy", "pygal")
"""Of `isogate[bench]`: other codecs, the sampler, the plots."""
_ASKING_S_MAX: Final = 10.0
_LOAD_MAX: Final = 0.7
"""Of the last minute: more is somebody at work."""
_KINDS: Final = ("--vm", "--container")
UNKNOWN: Final = "unknown"


def fingerprint() -> dict[str, str | int]:
    """Which machine, interpreter, libraries and sources these figures come from, and when."""
    machine: dict[str, str | int] = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": _commit(),
        "cpu": _line("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "load average before": f"{os.getloadavg()[0]:.2f}",
        "memory": _line("/proc/meminfo", "MemTotal"),
        "virtualisation": _virtualisation(),
        "kernel": platform.release(),
        "file system": file_system(Path.cwd()),
        "python": platform.python_version(),
        "python's compiler": platform.python_compiler(),
        "compiler": compiler(),
        "openssl": ssl.OPENSSL_VERSION,
        "sqlite": apsw.sqlite_lib_version(),
    }
    machine.update({name: _version(name) for name in (*_VERSIONS, *_EXTRAS)})
    return machine


def busy() -> str:
    """What to say where others take this machine's time; '' where nobody does."""
    load = os.getloadavg()[0]
    if load < _LOAD_MAX:
        return ""
    return (
        f"load average {load:.1f}: something else runs on this machine, and times will be too long;"
        " end it and measure again"
    )


def compiler() -> str:
    """The C compiler that makes the tools, as it names itself."""
    return _said([os.environ.get("CC", "cc"), "--version"]).partition("\n")[0] or "none"


def file_system(path: Path) -> str:
    """The kind of the file system that holds `path`, as the kernel's table of mounts says."""
    best, kind = Path("/"), UNKNOWN
    for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines():
        about, _, of_kind = line.partition(" - ")
        mounted = Path(about.split()[4])
        if path.is_relative_to(mounted) and mounted.is_relative_to(best):
            best, kind = mounted, of_kind.split()[0]
    return kind


def _commit() -> str:
    commit = _said(["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"])
    if not commit:
        return UNKNOWN
    changed = _said(["git", "-C", str(ROOT), "status", "--porcelain", "-uno"])
    return f"{commit}, changed" if changed else commit


def _virtualisation() -> str:
    """As systemd names it; else only whether the CPU says that a hypervisor stands below it."""
    if shutil.which("systemd-detect-virt") is not None:
        asked = [_said(["systemd-detect-virt", kind], also_failed=True) for kind in _KINDS]
        return ", ".join(each for each in asked if each not in ("", "none")) or "none"
    return "yes" if " hypervisor" in _line("/proc/cpuinfo", "flags") else UNKNOWN


def _said(command: list[str], *, also_failed: bool = False) -> str:
    """What a program said; '' if it is missing or failed."""
    try:
        done = subprocess.run(  # noqa: S603 - the user's own programs
            command, capture_output=True, text=True, timeout=_ASKING_S_MAX, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode and not also_failed else done.stdout.strip()


def _line(file: str, begins: str) -> str:
    for line in Path(file).read_text("utf-8").splitlines():
        if line.startswith(begins):
            return line.partition(":")[2].strip()
    return UNKNOWN


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
