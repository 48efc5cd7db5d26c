"""`isogate registry` on a journal that no gateway uses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.cli import registry as commands
from gateway.registry_file import read
from tests.gateway.journals import sqlite
from tests.gateway.test_cli import NOW
from tests.gateway.test_cli import run as run  # noqa: PLC0414 - the fixture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gateway.test_cli import Run

FILE = """
[[merchant]]
id = "SHOP"
name = "Corner shop"
[[terminal]]
merchant = "SHOP"
id = "1"
proof = "confirmation"
window_s = 3.0
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file to load, beside a journal that has had its first life."""
    journal = sqlite(tmp_path)
    journal.start(NOW, ended_max=1)
    journal.close()
    path = tmp_path / "shops.toml"
    path.write_text(FILE)
    return path


def test_what_is_loaded_is_shown_and_exported_as_it_was(
    run: Run, file: Path, tmp_path: Path
) -> None:
    assert run("registry").exit_code == 1, "nobody is registered yet"
    loaded = run("registry", "load", str(file))
    assert (loaded.exit_code, "2 entries, 2 changed" in loaded.output) == (0, True)
    again = run("registry", "load", str(file), "--json")
    assert json.loads(again.stdout) == {"entries": 2, "changed": 0}
    for option, name in (((), "out.toml"), (("--json",), "out.json")):
        exported = tmp_path / name
        exported.write_text(run("registry", "export", *option).stdout, "utf-8")
        assert read(exported) == read(file)
    table = run("registry", "show").output
    assert "Corner shop" in table
    assert "confirm" in table
    (till,) = json.loads(run("registry", "show", "SHOP", "1", "--json").stdout)
    assert (till["version"], till["entry"]["window_s"]) == (1, 3.0)
    assert run("registry", "show", "NOBODY").exit_code == 1
    log = run("audit", "--log")
    assert (log.exit_code, "4 lines hold" in log.output) == (0, True)


def test_a_large_file_goes_in_pieces(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "LOADED_AT_ONCE_MAX", 2)
    terminals = [f'[[terminal]]\nmerchant = "SHOP"\nid = "{n}"\n' for n in range(5)]
    file.write_text('[[merchant]]\nid = "SHOP"\n' + "".join(terminals))
    assert json.loads(run("registry", "load", str(file), "--json").stdout)["changed"] == 6


def test_a_field_is_changed_by_whoever_has_seen_the_newest_version(run: Run, file: Path) -> None:
    run("registry", "load", str(file))
    change = ("registry", "change", "SHOP", "1")
    words = ("state=SUSPENDED", "limits.amount_max=900", "why=VIOLATION")
    done = run(*change, *words, "--version", "1", "--who", "Ana", "--why", "seen at night")
    assert done.exit_code == 0, done.output
    stale = run(*change, "state=ACTIVE", "--version", "1")
    assert (stale.exit_code, "its version is 2" in stale.output) == (1, True)
    assert run(*change, "window_s=5", "proof=").exit_code == 0
    (till,) = json.loads(run("registry", "show", "SHOP", "1", "--json").stdout)
    assert till["version"] == 3
    assert till["entry"] == {
        "merchant": "SHOP",
        "id": "1",
        "state": "SUSPENDED",
        "why": "VIOLATION",
        "limits": {"amount_max": 900},
        "window_s": 5.0,
    }
    assert run("registry", "change", "NOBODY", "state=CLOSED").exit_code == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("load",), "give one file"),
        (("load", "/nowhere.toml"), "No such file"),
        (("change", "SHOP"), "KEY=VALUE"),
        (("change", "state=CLOSED"), "give a merchant"),
        (("change", "SHOP", "colour=red"), "colour"),
        (("change", "SHOP", "state=GONE"), "state"),
        (("burn",), "not show, export, load or change"),
    ],
)
def test_what_can_not_be_understood_is_a_usage_error(
    run: Run, file: Path, words: tuple[str, ...], why: str
) -> None:
    run("registry", "load", str(file))
    result = run("registry", *words)
    assert (result.exit_code, why in result.output) == (2, True), result.output


def test_nothing_of_a_wrong_file_is_taken(run: Run, file: Path) -> None:
    file.write_text(FILE + '[[terminal]]\nmerchant = "SHOP"\nid = "123456789"\n')
    result = run("registry", "load", str(file))
    assert (result.exit_code, "terminal SHOP|123456789" in result.output) == (2, True)
    assert run("registry", "show").exit_code == 1
