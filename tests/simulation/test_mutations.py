"""The simulator bites: every deliberate bug is caught within a few seeds."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.simulation import mutations

_CAUGHT = 1


@pytest.mark.slow
@pytest.mark.parametrize("name", mutations.ALL)
def test_the_bug_is_caught(name: str) -> None:
    command = [sys.executable, "-m", "tests.simulation", "--mutation", name, "--jobs", "2"]
    done = subprocess.run(
        [*command, "--seeds", str(mutations.ALL[name].seeds)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == _CAUGHT, done.stderr
    for error in ("TypeError", "AttributeError", "NameError"):
        assert error not in done.stderr, "the mutation does not fit the code any more"
    assert f"--mutation {name}" in done.stderr


def test_there_are_enough_of_them() -> None:
    assert len(mutations.ALL) >= 25
