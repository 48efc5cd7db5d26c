"""`isogate host` and `isogate terminals`: what is wrong on the command line is said, exit 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from gateway.cli import app

if TYPE_CHECKING:
    from pathlib import Path

USAGE_ERROR = 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["host", "--dialect", "esperanto"], "known are"),
        (["host", "--silent", "1.5"], "--silent"),
        (["host", "--mac-algorithm", "rot13"], "mac_algorithm"),
        (["host", "--script", "/nonexistent.toml"], "/nonexistent.toml"),
        (["terminals", "--merchant", "SHORT"], "15"),
        (["terminals", "--class", "sometimes"], "service_class"),
        (["terminals", "--address", "nowhere"], "port"),
        (["demo", "--terminals", "1"], "--terminals"),
    ],
)
def test_a_bad_option_is_named(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == USAGE_ERROR
    assert said in result.output


@pytest.mark.parametrize(
    ("script", "said"),
    [("silentt = 0.1", "silentt"), ("silent = 2", "silent"), ("silent = ", "not TOML")],
)
def test_a_bad_script_is_explained(tmp_path: Path, script: str, said: str) -> None:
    path = tmp_path / "host.toml"
    path.write_text(script)
    result = CliRunner().invoke(app, ["host", "--script", str(path)], env={"COLUMNS": "200"})
    assert result.exit_code == USAGE_ERROR
    assert said in result.output


def test_a_key_that_is_missing_is_said() -> None:
    arguments = ["host", "--port", "0", "--mac-algorithm", "aes-cmac", "--mac-key-file", "/none"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "/none" in result.output
