"""The C tools (load generator, stub host, floors of relay and MAC): compiled when first asked for.

What they do stands in `native/`: each tool is the .c file of its name, its parts are the headers
that it includes.  Here only how they come to be.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).parent / "native"
TOOLS: Final = ("cgate", "hostsim", "loadgen", "macfloor")
FLAGS: Final = ("-O2", "-Wall", "-Wextra")
_COMPILE_S_MAX: Final = 60.0


class NoCompilerError(Exception):
    """The C tools are needed and can't be made here; the message says why."""


def tool(name: str) -> Path:
    """The executable of a tool, compiled if this version of it is not in the cache yet."""
    source = SOURCES / f"{name}.c"
    headers = sorted(SOURCES.glob("*.h"))
    content = b"".join(each.read_bytes() for each in (source, *headers))
    version = hashlib.sha256(content).hexdigest()[:16]
    executable = _cache() / f"{name}-{version}"
    if not executable.exists():
        compile_c(source, executable, *FLAGS)
    return executable


def compile_c(source: Path, target: Path, *flags: str) -> None:
    """Compile one C file; `target` appears whole or not at all.  Raises NoCompilerError."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        message = "a C compiler is needed: install gcc, or name yours in CC"
        raise NoCompilerError(message)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    command = [compiler, *flags, "-o", str(partial), str(source)]
    done = subprocess.run(  # noqa: S603 - our own source, the user's compiler
        command, capture_output=True, text=True, timeout=_COMPILE_S_MAX, check=False
    )
    if done.returncode:
        message = f"{source.name} does not compile: {done.stderr.strip()}"
        raise NoCompilerError(message)
    partial.replace(target)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "isogate" / "tools"
