"""Files that a configuration names, and what is dangerous in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.config import load
from gateway.config_files import find_files
from gateway.keys.opening import keys_in
from gateway.registry_file import read

EXAMPLES = Path(__file__).parents[2] / "examples"
STREET = EXAMPLES / "street.toml"


def test_a_file_is_looked_for_where_one_works_and_then_beside_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, here = tmp_path / "beside", tmp_path / "here"
    for folder in (beside, here):
        folder.mkdir()
        (folder / "both").write_text("")
    (beside / "one").write_text("")
    monkeypatch.chdir(here)
    data = {"file": "one", "name": "one", "list": [{"key_file": "both"}, {"file": "none"}]}
    found = find_files(data, beside)
    assert found == {
        "file": str(beside / "one"),
        "name": "one",
        "list": [{"key_file": "both"}, {"file": "none"}],
    }


@pytest.mark.parametrize("where", [EXAMPLES, EXAMPLES.parent, Path("/")], ids=str)
def test_the_street_is_good_wherever_it_is_started_and_warned_of(
    where: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(where)
    result = CliRunner().invoke(app, ["check", str(STREET)])
    assert result.exit_code == 0, result.output
    assert "good (2 listener(s), 1 host(s))" in result.stdout
    warned = [line.partition("warning: ")[2] for line in result.stderr.splitlines()]
    assert any("the sample key" in line for line in warned)
    assert any("the sample certificate" in line for line in warned)


def test_the_street_is_as_it_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    config = load(STREET)
    doors = [(each.dialect, each.host, each.port, each.tls.wanted) for each in config.listener]
    assert doors == [
        ("unionpay-pos", "127.0.0.1", 8601, False),
        ("unionpay-pos", "127.0.0.1", 8602, True),
    ]
    (host,) = config.host
    assert (host.dialect, host.address, host.port) == ("iso87-ascii", "127.0.0.1", 9583)
    assert host.sign_on
    assert host.echo_idle_s
    document = read(Path(config.registry.file))
    assert [each.id for each in document.merchant] == ["123456789012345"]
    classes = {each.id: (str(each.proof), each.window_s) for each in document.terminal}
    approval, confirms = ("approval", 0.0), ("confirmation", 3.0)
    expected = {f"{10_000_000 + n}": approval if n <= 5 else confirms for n in range(1, 11)}
    assert classes == expected
    owners = {key.owner for key in keys_in(config.keys.file)}
    assert owners == {f"123456789012345|{terminal}" for terminal in expected}
