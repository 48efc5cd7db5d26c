"""Load generator and stub host, face to face: they must not be what is measured.

Instructions a charge, counted by callgrind, beside those of the neutral tools that the floor is
otherwise measured with.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from bench.instructions import CALLGRIND
from bench.native import tool
from bench.processes import Processes
from bench.progress import watched
from bench.report import Report, row
from bench.setups import RELAY, workplace

NEUTRAL: Final = {"loadgen": 1_034, "hostsim": 1_676}
"""What the neutral load generator and the neutral host take, user-space instructions a charge:
counted once as `of_tools` counts, 64 terminals face to face with the host, gcc 12 -O2.  They know
no MACs.
"""
MARGIN: Final = 1.05
"""Other compilers, other C libraries."""
MACS: Final = ("none", "aes-cmac", "cup-ecb", "x9.19")
_MACS_OF_A_CHARGE: Final = 2
"""Of each tool: one made, one checked."""
_NAMES: Final = {"loadgen": "load generator", "hostsim": "stub host"}
_TERMINALS: Final = 64
_SECONDS: Final = 0.5
_MACS_COUNTED: Final = 1_000
_STOP_S: Final = 120.0


def run(*, quick: bool) -> Report:
    """Each tool with each MAC; what it may take is what `allowed` says."""
    report = Report(bench="tools", rows=[])
    if shutil.which(CALLGRIND[0]) is None:
        report.remarks.append("valgrind is needed to count instructions")
        return report
    for mac in watched(MACS[:1] if quick else MACS, "load generator and stub host"):
        most = allowed(mac)
        for name, counted in of_tools(mac, _SECONDS).items():
            what = f"{_NAMES[name]}, {'no MAC' if mac == 'none' else mac}"
            report.rows.append(row(what, [counted], "instructions a charge", most[name]))
    return report


def allowed(mac: str) -> dict[str, float]:
    """What the tools may take, instructions a charge: no more than the neutral ones; with a MAC
    what libcrypto alone takes for it beside that.

    With X9.19 that is nearly all: its DES comes block by block, and dominates whoever makes it.
    """
    ciphers = 0.0 if mac == "none" else _MACS_OF_A_CHARGE * of_libcrypto(mac)
    return {name: MARGIN * neutral + ciphers for name, neutral in NEUTRAL.items()}


def of_tools(mac: str, seconds: float) -> dict[str, float]:
    """Instructions a charge of load generator and host, face to face, under callgrind: the
    difference between a run and a longer one, so that their starts don't count.
    """
    short, charges = _tools_counted(mac, seconds)
    long, more_charges = _tools_counted(mac, 2 * seconds)
    return {tool: (long[tool] - short[tool]) / (more_charges - charges) for tool in long}


def _tools_counted(mac: str, seconds: float) -> tuple[dict[str, int], int]:
    setup = RELAY._replace(mac=mac)
    with workplace() as folder, Processes(Path(folder), setup, CALLGRIND) as processes:
        host = processes.host(wrapped=True)
        processes.port = processes.host_port
        command = processes.load_command(
            _TERMINALS, seconds, [host.pid], warmup_s=0, wrapper=CALLGRIND
        )
        done = subprocess.run(command, capture_output=True, text=True, timeout=_STOP_S, check=True)  # noqa: S603
        processes.end(host)
        counts = {"loadgen": _collected(done.stderr), "hostsim": _collected(processes.log)}
    return counts, json.loads(done.stdout)["count"]


def of_libcrypto(mac: str) -> float:
    """Instructions that libcrypto alone takes for one MAC of the sale: a run and a longer one."""
    short, long = (_macs_counted(mac, calls) for calls in (_MACS_COUNTED, 2 * _MACS_COUNTED))
    return (long - short) / _MACS_COUNTED


def _macs_counted(mac: str, calls: int) -> int:
    command = [*CALLGRIND, str(tool("macfloor")), "--only", mac, "--calls", str(calls)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_STOP_S, check=True)  # noqa: S603
    return _collected(done.stderr)


def _collected(text: str) -> int:
    """What all processes under callgrind counted, by what they said at their end."""
    return sum(int(each) for each in re.findall(r"Collected : (\d+)", text))
