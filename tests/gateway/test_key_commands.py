"""`isogate keys`: persons bring components, nobody brings two, and nothing is in clear anywhere."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from typer.testing import CliRunner, Result

from codec.keys import check_value, wrap
from gateway.audit import Audit
from gateway.cli import app
from gateway.config import load
from gateway.journal import audit_log
from gateway.keys.kek import SAMPLE
from gateway.keys.safe import name_of
from gateway.keys.settings import SecretSource
from gateway.keys.software import SoftwareCustody
from gateway.keys.wrapped import WrappedKey
from tests.gateway.custodies import KEK

ROOT = Path(__file__).parents[2]
OWNER = "123456789012345|10000001"
COMPONENTS = (
    "0123456789ABCDEFFEDCBA9876543210",
    "1032547698BADCFE0123456789ABCDEF",
    "31313131313131313232323232323232",
)
ANOTHER_KEK = bytes(range(200, 232))
Run = Callable[..., Result]


def check_of(component: str) -> str:
    return check_value(bytes.fromhex(component), length=3).hex()


def combined(*components: str) -> bytes:
    made = bytes(len(components[0]) // 2)
    for each in components:
        made = bytes(a ^ b for a, b in zip(made, bytes.fromhex(each), strict=True))
    return made


@pytest.fixture(autouse=True)
def nothing_of_this_process_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's own process stays one that can be looked into."""
    monkeypatch.setattr("gateway.cli.keys.keep_memory_private", lambda: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kek = tmp_path / "kek"
    kek.touch(0o600)
    kek.write_text(KEK.hex())
    (tmp_path / "gateway.toml").write_text(
        "[[listener]]\n[[host]]\n[keys]\ncustody = 'software'\n"
        f"kek.file = '{kek}'\n[journal]\npath = '{tmp_path / 'isogate.db'}'\n"
    )
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    def run(action: str, *options: str, typed: str = "") -> Result:
        command = ["keys", str(folder / "gateway.toml"), action, *options]
        with (folder / "typed").open("w+") as stdin:
            stdin.write(typed)
            stdin.seek(0)
            before = os.dup(0)
            os.dup2(stdin.fileno(), 0)
            try:
                return CliRunner().invoke(app, command)
            finally:
                os.dup2(before, 0)
                os.close(before)
                stdin.truncate(0)

    return run


def bring(run: Run, number: int, who: str, *options: str, **changed: str) -> Result:
    component = changed.get("component", COMPONENTS[number])
    check = changed["check"] if "check" in changed else check_of(component)
    return run(
        *("import", "--component", "--owner", OWNER, "--who", who, "--check", check, *options),
        typed=component + "\n",
    )


def ring_of(folder: Path) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["keys", str(folder / "gateway.toml"), "list", "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("count", [2, 3])
def test_persons_bring_components_one_after_the_other(folder: Path, run: Run, count: int) -> None:
    for number in range(count - 1):
        result = bring(run, number, f"person {number}", "--of", str(count))
        assert result.exit_code == 0, result.output
        (waiting,) = ring_of(folder)["ceremonies"]
        assert (waiting["of"], len(waiting["by"])) == (count, number + 1)
    result = bring(run, count - 1, "the last", "--of", str(count))
    assert result.exit_code == 0, result.output
    check = check_value(combined(*COMPONENTS[:count])).hex().upper()
    assert f"check value {check}" in result.output
    held = ring_of(folder)
    assert held["ceremonies"] == []
    assert [(key["key"], key["check"]) for key in held["keys"]] == [(f"tmk/des/{OWNER}", check)]


def test_what_no_dual_control_allows_is_refused(folder: Path, run: Run) -> None:
    assert bring(run, 0, "Ana").exit_code == 0
    for number, who, why in (
        (1, "Ana", "you brought one already"),
        (0, "Ben", "this component was brought already"),
    ):
        result = bring(run, number, who)
        assert result.exit_code == 1
        assert why in result.output
    assert ring_of(folder)["keys"] == []


@pytest.mark.parametrize(
    ("component", "check", "why"),
    [
        (COMPONENTS[0], "00000000", "check value does not fit"),
        (COMPONENTS[0], "08", "--check"),
        (COMPONENTS[0], "", "--check"),
        (COMPONENTS[0], "zz", "--check"),
        (COMPONENTS[0][:-2] + "11", "08D7B4", "odd parity"),
        (COMPONENTS[0][:-4], "08D7B4", "has 8, 16, 24 bytes, found 14"),
        ("not a key", "08D7B4", "hexadecimal"),
        ("", "08D7B4", "hexadecimal"),
    ],
)
def test_a_component_that_was_mistyped_is_refused(
    folder: Path, run: Run, component: str, check: str, why: str
) -> None:
    result = bring(run, 0, "Ana", component=component, check=check)
    assert result.exit_code in (1, 2)
    assert why in result.output
    assert not component or component not in result.output
    assert not (folder / "isogate.db").exists()


def test_components_may_be_typed_in_groups(run: Run) -> None:
    grouped = " ".join(COMPONENTS[0][at : at + 4] for at in range(0, 32, 4))
    assert bring(run, 0, "Ana", component=grouped, check=check_of(COMPONENTS[0])).exit_code == 0


def test_a_key_is_loaded_under_a_zmk_with_its_check_value(folder: Path, run: Run) -> None:
    zone = ("--usage", "zmk", "--owner", "bank")
    for number, who in enumerate(("Ana", "Ben")):
        assert bring(run, number, who, *zone).exit_code == 0
    tmk = bytes.fromhex(COMPONENTS[2])
    data = wrap(combined(*COMPONENTS[:2]), tmk).hex()
    load_ = ("load", "--under", "bank", "--owner", OWNER, "--data", data, "--who", "Ana", "--check")
    for check, status in (("00000000", 1), ("", 1), (check_value(tmk).hex(), 0)):
        result = run(*load_, check)
        assert (result.exit_code != 0) == bool(status), result.output
    assert ring_of(folder)["keys"][0]["check"] == check_value(tmk).hex().upper()
    assert run("load", "--under", "nobody", "--data", "00", "--check", "00").exit_code == 1


def test_after_the_kek_was_changed_every_key_is_wrapped_anew(folder: Path, run: Run) -> None:
    for number, who in enumerate(("Ana", "Ben")):
        bring(run, number, who)
    newer = folder / "newer"
    newer.touch(0o600)
    newer.write_text(ANOTHER_KEK.hex())
    text = (folder / "gateway.toml").read_text()
    changed = text.replace(str(folder / "kek"), str(newer))
    older = f"[[keys.older_kek]]\nfile = '{folder / 'kek'}'\n"
    (folder / "gateway.toml").write_text(changed + older)
    result = run("rewrap", "--who", "Ana")
    assert result.exit_code == 0, result.output
    assert f"1 under {name_of(ANOTHER_KEK)}" in result.output
    assert ring_of(folder)["keys"][0]["under"] == name_of(ANOTHER_KEK)
    (folder / "gateway.toml").write_text(changed)
    (folder / "kek").unlink()
    assert run("rewrap", "--who", "Ana").exit_code == 0


def test_a_key_is_removed(folder: Path, run: Run) -> None:
    for number, who in enumerate(("Ana", "Ben")):
        bring(run, number, who)
    assert run("remove", "--owner", OWNER, "--who", "Ana").exit_code == 0
    assert run("remove", "--owner", OWNER, "--who", "Ana").exit_code == 1
    assert ring_of(folder)["keys"] == []


def test_every_act_and_every_refusal_is_audited_by_name(folder: Path, run: Run) -> None:
    bring(run, 0, "Ana")
    bring(run, 1, "Ana")
    bring(run, 1, "Ben")
    with Audit(load(folder / "gateway.toml")) as books:
        assert not books.log().broken
        lines = list(audit_log.lines(books._reader.snapshot()))
    assert [(each.kind, each.who) for each in lines] == [
        ("key component", "Ana"),
        ("key component refused", "Ana"),
        ("key component", "Ben"),
        ("key hung", "Ben"),
    ]


def test_no_clear_key_and_no_component_is_in_any_file(folder: Path, run: Run) -> None:
    for number, who in enumerate(("Ana", "Ben")):
        assert bring(run, number, who).exit_code == 0
    secrets = [bytes.fromhex(each) for each in COMPONENTS[:2]] + [combined(*COMPONENTS[:2])]
    forms = [form for each in secrets for form in (each, each.hex().encode())]
    for file in folder.iterdir():
        content = file.read_bytes()
        found = [form for form in forms if form in content or form.upper() in content]
        assert not found, file.name


# Where the KEK comes from, and what `check` says


def checked(folder: Path, *sets: str) -> Result:
    options = [part for each in sets for part in ("--set", each)]
    return CliRunner().invoke(app, ["check", str(folder / "gateway.toml"), *options])


def test_check_warns_of_software_and_refuses_what_others_can_read(folder: Path) -> None:
    result = checked(folder)
    assert result.exit_code == 0
    assert "for tests and small shops" in result.output
    (folder / "kek").chmod(0o640)
    result = checked(folder)
    assert result.exit_code == 2
    assert "keys.kek.file" in result.output
    assert "chmod 600" in result.output


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("keys.kek.env=ISOGATE_TEST", "keys.kek: give one of"),
        ("keys.kek.file=", "keys.kek: give one of"),
        ("keys.kek.file=/nowhere", "No such file"),
        ("keys.custody=none", "nobody would open these keys"),
        ("keys.file=/nowhere", "keys.file = '/nowhere': No such file"),
    ],
)
def test_check_says_what_is_wrong_with_keys(folder: Path, setting: str, why: str) -> None:
    result = checked(folder, setting)
    assert result.exit_code == 2
    assert why in result.output


def test_check_looks_at_each_key_of_the_file(folder: Path) -> None:
    async def made(kek: bytes) -> WrappedKey:
        return await SoftwareCustody([kek]).new_key("tmk", OWNER, "des", 16)

    good, foreign = trio.run(made, KEK), trio.run(made, ANOTHER_KEK)
    path = folder / "keys.toml"
    for text, why in (
        (f'key = ["{good}"]', ""),
        (f'key = ["{good}", "{foreign}"]', "not held here"),
        ('key = ["isk1:what"]', "expected a wrapped key"),
        ("key = 1", "a list of texts named key"),
        ("other = []", "a list of texts named key"),
        ("= 1", "not TOML"),
    ):
        path.write_text(text)
        result = checked(folder, f"keys.file={path}")
        assert result.exit_code == (2 if why else 0), result.output
        assert why in result.output


def test_a_credential_of_systemd_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sets = ("keys.kek.file=", "keys.kek.credential=kek")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert "systemd gave no credentials" in checked(folder, *sets).output
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    assert checked(folder, *sets).exit_code == 0


def test_looking_at_a_variable_leaves_it_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = ("keys.kek.file=", "keys.kek.env=ISOGATE_TEST_KEK")
    assert "the environment has no ISOGATE_TEST_KEK" in checked(folder, *sets).output
    monkeypatch.setenv("ISOGATE_TEST_KEK", KEK.hex())
    assert checked(folder, *sets).exit_code == 0
    assert os.environ["ISOGATE_TEST_KEK"] == KEK.hex()


def test_the_sample_key_may_be_readable_and_is_warned_of(folder: Path) -> None:
    sample = ROOT / "examples" / "sample.kek"
    assert name_of(bytes.fromhex(sample.read_text())) == SAMPLE
    copy = folder / "sample.kek"
    copy.write_text(sample.read_text())
    copy.chmod(0o644)
    result = checked(folder, f"keys.kek.file={copy}")
    assert result.exit_code == 0
    assert "the sample key, which everybody knows" in result.output


def test_a_source_is_one_of_three() -> None:
    assert list(SecretSource(file="a").problems("k")) == []
    assert list(SecretSource().problems("k"))
    assert list(SecretSource(file="a", env="b").problems("k"))
