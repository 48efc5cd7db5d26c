"""The codec's tests pass over extensions built with address and undefined-behaviour sanitizers.

`PYTHONMALLOC=malloc` puts every object under the address sanitizer's eyes; without it a small
over-read stays inside an arena and goes unseen.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD_SECONDS_MAX = 600
SUITE_SECONDS_MAX = 600
FLAGS = "-fsanitize=address,undefined -fno-omit-frame-pointer -g1 -O1"
TESTS = ("tests/codec", "tests/fuzz")


def runtime(name: str) -> str:
    """The path of a sanitizer's library; the test is skipped without it."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no gcc")
    command = [compiler, f"-print-file-name={name}"]
    path = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    if not Path(path).is_absolute():
        pytest.skip(f"no {name}")
    return path


@pytest.fixture
def sanitized(tmp_path: Path) -> Path:
    """A copy of the codec and its tests, built with the sanitizers."""
    ignored = shutil.ignore_patterns("*.so", "*.c", "__pycache__", ".hypothesis")
    for name in ("codec", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    # Of setup.py's extensions only these, in the same way.
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "Cython.Build.Cythonize", "-3ij2", "codec/*.pyx"],
        check=True,
        capture_output=True,
        cwd=tmp_path,
        env=os.environ | {"CFLAGS": FLAGS, "LDFLAGS": "-fsanitize=address,undefined"},
        timeout=BUILD_SECONDS_MAX,
    )
    return tmp_path


@pytest.mark.slow
def test_the_sanitizers_find_nothing(sanitized: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-m", "not slow", *TESTS],
        check=False,
        capture_output=True,
        text=True,
        cwd=sanitized,
        env=os.environ
        | {
            "LD_PRELOAD": f"{runtime('libasan.so')} {runtime('libubsan.so')}",
            "ASAN_OPTIONS": "detect_leaks=0",
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
            "PYTHONMALLOC": "malloc",
        },
        timeout=SUITE_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "runtime error" not in done.stderr
