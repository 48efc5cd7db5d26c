"""The same targets under libFuzzer, which sees which branches an input takes, in Cython's C too:
`python -m tests.fuzz.guided --seconds 60`.

A copy of the codec is built by clang with coverage and address sanitizer; atheris drives it.  Needs
clang with its sanitizers and `pip install isogate[fuzz]`; `missing()` says what is not here.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.fuzz.targets import TARGETS

ROOT: Final = Path(__file__).parents[2]
FLAGS: Final = "-fsanitize=address,fuzzer-no-link -O1 -g1"
BUILD_SECONDS_MAX: Final = 600
_DRIVER: Final = """
import sys
import atheris
from tests.fuzz.targets import TARGETS
atheris.Setup(sys.argv[:1] + sys.argv[2:], TARGETS[sys.argv[1]])
atheris.Fuzz()
"""


def missing() -> str:
    """What is not here; '' if all is."""
    if shutil.which("clang") is None:
        return "clang"
    if not _links():
        return "clang's runtime for sanitizers"
    return "" if find_spec("atheris") is not None else "atheris"


def _links() -> bool:
    """Whether clang has the sanitizers, which distributions have as a package of their own."""
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "nothing.c"
        source.touch()
        command = ["clang", "-shared", "-fPIC", *FLAGS.split(), source, "-o", f"{source}.so"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def build(folder: Path) -> None:
    """A copy of codec and targets, the codec's extensions instrumented."""
    ignored = shutil.ignore_patterns("*.so", "*.c", "__pycache__", ".hypothesis")
    for name in ("codec", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    built = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "Cython.Build.Cythonize", "-3ij2", "codec/*.pyx"],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"CC": "clang", "CFLAGS": FLAGS, "LDSHARED": "clang -shared"},
        timeout=BUILD_SECONDS_MAX,
    )
    if built.returncode:
        raise RuntimeError(built.stderr)
    (folder / "driver.py").write_text(_DRIVER)


def run(folder: Path, target: str, seconds: int) -> tuple[int, str]:
    """How many inputs one target was given, and what went wrong ('': nothing)."""
    corpus = folder / "corpus" / target
    corpus.mkdir(parents=True)
    lines = (ROOT / "tests" / "fuzz" / "corpus" / f"{target}.txt").read_text().splitlines()
    for number, line in enumerate(lines):
        (corpus / str(number)).write_bytes(bytes.fromhex(line))
    spec = find_spec("atheris")
    assert spec is not None
    assert spec.origin is not None
    library = Path(spec.origin).parents[1] / "asan_with_fuzzer.so"
    done = subprocess.run(
        [sys.executable, "driver.py", target, f"-max_total_time={seconds}", str(corpus)],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env=os.environ | {"LD_PRELOAD": str(library), "ASAN_OPTIONS": "detect_leaks=0"},
        timeout=seconds + 120,
    )
    said = done.stdout + done.stderr
    count = re.search(r"Done (\d+) runs", said)
    return int(count.group(1)) if count else 0, said[-3_000:] if done.returncode else ""


def main() -> int:
    """Run every target for its share of the time; 1 if one found something, 2 without the tools."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of all targets together")
    options = parser.parse_args()
    if missing():
        print(f"{missing()} is not here", file=sys.stderr)
        return 2
    found = 0
    with tempfile.TemporaryDirectory() as place:
        build(Path(place))
        for target in sorted(TARGETS):
            executions, why = run(Path(place), target, max(options.seconds // len(TARGETS), 1))
            print(f"{target}: {executions} inputs{' FOUND' if why else ''}", flush=True)
            print(why, end="")
            found += bool(why)
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
