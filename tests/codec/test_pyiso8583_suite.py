"""pyiso8583's own test suite passes whole over our functions.

The suite comes with the source distribution, which pip gets; without a package index the test is
skipped.  `PYISO8583_SDIST` names a copy that is already there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

DOWNLOAD_SECONDS_MAX = 120
SUITE_SECONDS_MAX = 120


@pytest.fixture
def sdist(tmp_path: Path) -> Path:
    if given := os.environ.get("PYISO8583_SDIST"):
        return Path(given)
    wanted = f"pyiso8583=={version('pyiso8583')}"
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
    done = subprocess.run(
        [*pip, "-d", str(tmp_path), wanted],
        check=False,
        capture_output=True,
        timeout=DOWNLOAD_SECONDS_MAX,
    )
    if done.returncode:
        pytest.skip("no source distribution of pyiso8583 at hand")
    return next(tmp_path.glob("*.tar.gz"))


@pytest.mark.slow
def test_the_suite_passes_whole(sdist: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.codec.pyiso8583_suite", str(sdist)],
        check=False,
        capture_output=True,
        text=True,
        timeout=SUITE_SECONDS_MAX,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "failed" not in done.stdout
    assert "skipped" not in done.stdout
