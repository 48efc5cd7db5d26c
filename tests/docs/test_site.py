"""The documentation is whole: it builds without a warning, what is made from code is as it is,
and each threat has tests that exist.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import reference
from tests.docs.pages import DOCS, ROOT

THREATS = (DOCS / "threats.md").read_text("utf-8")


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    config = ROOT / ".ci" / "mkdocs.yml"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-q", "-f", config, "-d", tmp_path / "site"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "site" / "tutorial" / "first-charge.html").exists()


@pytest.mark.parametrize("name", sorted(reference.pages()))
def test_reference_pages_are_as_the_code_is(name: str) -> None:
    stands = (reference.REFERENCE / name).read_text("utf-8")
    assert stands == reference.pages()[name], "run: python -m tests.docs.reference"


def test_every_threat_has_tests_that_exist() -> None:
    rows = re.findall(r"^\| ([STRIDE]) \|.*\| ([^|]+) \|$", THREATS, re.MULTILINE)
    assert {letter for letter, _ in rows} == set("STRIDE")
    for _, shown_by in rows:
        files = re.findall(r"`([^`]+)`", shown_by)
        assert files
        for file in files:
            assert (ROOT / file).exists(), file
