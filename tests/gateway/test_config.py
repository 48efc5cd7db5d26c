"""What is wrong with a configuration is told with key, value and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codec import MacKey
from gateway.config import Config, load
from gateway.config_macs import mac_key
from gateway.config_overrides import ConfigError
from gateway.config_warnings import warnings
from gateway.mappings import mappings
from routing.conventions import CONVENTIONS

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "relay.toml"
SMALL = """
[[listener]]
port = 8583
[[host]]
port = 9583
"""


def written(folder: Path, text: str = SMALL) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text)
    return path


def problems(path: Path, *overrides: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(path, overrides)
    return caught.value.problems


def test_the_example_is_good_and_says_what_its_contract_says() -> None:
    config = load(EXAMPLE)
    (listener,), (host,) = config.listener, config.host
    assert (listener.host, listener.port, listener.dialect) == ("127.0.0.1", 8583, "iso87-ascii")
    assert listener.terminal_resolves_first
    assert (host.address, host.port, host.dialect) == ("127.0.0.1", 9583, "iso87-ascii")
    assert (config.service.proof, config.service.delivery_proof_s) == ("approval", 5)
    assert (config.journal.path, config.admin.port) == ("./isogate.db", 9108)
    assert str(config.journal.key_path) == "isogate.db.key"


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("listener.0.port=70000", "listener.0.port", "70000"),
        ("host.0.port=-1", "host.0.port", "-1"),
        ("admin.port=65536", "admin.port", "65536"),
        ("host.0.links=0", "host.0.links", "0"),
        ("host.0.settles_at=24:00", "host.0.settles_at", "24:00"),
        ("host.0.answer_timeout_s=0", "host.0.answer_timeout_s", "0"),
        ("listener.0.dialect=visa-base1", "listener.0.dialect", "visa-base1"),
        ("host.0.dialect=klingon", "host.0.dialect", "klingon"),
        ("route.0.host=nobody", "route.0.host", "nobody"),
        ("service.window_s=0", "service.window_s", "0"),
        ("service.delivery_proof_s=-5", "service.delivery_proof_s", "-5"),
        ("reversal.answer_timeout_s=0", "reversal.answer_timeout_s", "0"),
        ("reversal.age_max_s=0", "reversal.age_max_s", "0"),
        ("reversal.attempts_max=0", "reversal.attempts_max", "0"),
        ("wire.link_unacknowledged_s=60", "wire.link_unacknowledged_s", "60"),
        ("reversal.schedule_s=[]", "reversal.schedule_s", "()"),
        ("reversal.schedule_s=[0, -1]", "reversal.schedule_s", "-1"),
        ("reversal.spread=-0.1", "reversal.spread", "-0.1"),
        ("drain.seconds_max=0", "drain.seconds_max", "0"),
        ("workers=2", "workers", "2"),
        ("journal.ended_in_memory_max=1999", "journal.ended_in_memory_max", "1999"),
        ("wire.frame_bytes_max=0", "wire.frame_bytes_max", "0"),
        ("wire.frame_bytes_max=70000", "wire.frame_bytes_max", "70000"),
        ("listener.0.mac.algorithm=x9.19", "listener.0.mac.key_file", "''"),
        ("listener.0.name=host-1", "listener.0.name", "host-1"),
    ],
)
def test_what_cannot_work_is_told_with_key_value_and_why(
    tmp_path: Path, override: str, key: str, value: str
) -> None:
    text = SMALL + '[[route]]\nhost = "host-1"\n'
    told = problems(written(tmp_path, text), override)
    line = next(each for each in told if each.startswith(key))
    assert value in line
    assert len(line.partition(": ")[2]) > 5, "no reason given"


@pytest.mark.parametrize(
    ("override", "names"),
    [
        ("listener.0.port=many", ("listener.0.port", "many", "int")),
        ("listener.0.prot=8583", ("listener.0", "prot")),
        ("lisener.0.port=1", ("lisener",)),
        ("journal.kind=oracle", ("journal.kind", "oracle")),
        ("service.proof=trust", ("service.proof", "trust")),
        ("reversal.speed=1", ("reversal", "speed")),
        ("host.0.reversal_mti=0200", ("host.0.reversal_mti", "0200")),
    ],
)
def test_wrong_types_and_unknown_keys_are_told_with_their_place(
    tmp_path: Path, override: str, names: tuple[str, ...]
) -> None:
    (line,) = problems(written(tmp_path), override)
    for name in names:
        assert name in line, line


def test_a_sign_on_that_would_never_be_asked_again_is_told(tmp_path: Path) -> None:
    told = problems(written(tmp_path), "host.0.sign_on=true", "host.0.echo_idle_s=0")
    assert [line.partition(" =")[0] for line in told] == ["host.0.echo_idle_s"]


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    told = problems(written(tmp_path), "listener.0.port=70000", "host.0.links=0", "workers=9")
    assert len(told) == 3


def test_a_file_that_is_not_there_or_not_toml(tmp_path: Path) -> None:
    (line,) = problems(tmp_path / "none.toml")
    assert "No such file" in line
    (line,) = problems(written(tmp_path, "= ["))
    assert "not TOML" in line


def test_two_of_a_name_are_refused(tmp_path: Path) -> None:
    text = SMALL + '[[host]]\nname = "host-1"\nport = 9584\n'
    assert any("two have this name" in line for line in problems(written(tmp_path, text)))


def test_nothing_to_listen_on_or_to_connect_to(tmp_path: Path) -> None:
    told = problems(written(tmp_path, "listener = []\nhost = []\n"))
    assert [line.partition(":")[0] for line in told[:2]] == ["listener", "host"]


def test_a_pair_of_dialects_without_a_mapping_is_told_only_if_it_can_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.config_mappings.mappings", tuple)
    path = written(tmp_path)
    (line,) = problems(path, "host.0.dialect=unionpay-pos")
    assert line.startswith("listener.0.dialect = 'iso87-ascii'")
    load(path)


MAPPED = {(each.terminal, each.host) for each in mappings()}


@pytest.mark.parametrize("host", list(CONVENTIONS))
@pytest.mark.parametrize("terminal", list(CONVENTIONS))
def test_two_dialects_meet_where_they_are_the_same_or_a_mapping_exists(
    tmp_path: Path, terminal: str, host: str
) -> None:
    pair = [f"listener.0.dialect={terminal}", f"host.0.dialect={host}"]
    if terminal == host or (terminal, host) in MAPPED:
        load(written(tmp_path), pair)
    else:
        with pytest.raises(ConfigError, match="no mapping"):
            load(written(tmp_path), pair)


def test_set_splits_at_the_first_equals_and_takes_toml_or_text(tmp_path: Path) -> None:
    overrides = [
        "journal.path=./a=b.db",
        "listener.0.terminal_resolves_first=true",
        "service.window_s=2.5",
        "reversal.schedule_s=[0, 1]",
        "host.1.port=9999",
        "host.1.name=second",
        'listener.0.host="127.0.0.2"',
    ]
    config = load(written(tmp_path), overrides)
    assert config.journal.path == "./a=b.db"
    assert config.listener[0].terminal_resolves_first
    assert config.service.window_s == 2.5
    assert config.reversal.schedule_s == (0.0, 1.0)
    assert (config.host[1].port, config.host[1].name) == (9999, "second")
    assert config.listener[0].host == "127.0.0.2"


@pytest.mark.parametrize(
    "override", ["journal.path", "listener.x.port=1", "listener.7.port=1", "workers.deep.key=1"]
)
def test_a_set_that_names_no_place_is_told(tmp_path: Path, override: str) -> None:
    (line,) = problems(written(tmp_path, "workers = 1\n" + SMALL), override)
    assert line.startswith(f"--set {override}")


def test_keys_come_from_files_and_never_into_a_message(tmp_path: Path) -> None:
    key = tmp_path / "mac.key"
    key.write_text("0123456789ABCDEFFEDCBA9876543210\n")
    good = [f"listener.0.mac.key_file={key}", "listener.0.mac.algorithm=x9.19"]
    config = load(written(tmp_path), good)
    assert mac_key(config.listener[0].mac) is not None
    for text in ("SECRETSECRETSECRET", "0123"):
        key.write_text(text)
        (line,) = problems(tmp_path / "gateway.toml", *good)
        assert "listener.0.mac.key_file" in line
        assert text not in line.replace(str(key), "")


@pytest.mark.parametrize(
    ("settings", "same"),
    [
        ("algorithm=x9.19 padding=2", {"algorithm": "x9.19", "padding": 2}),
        ("algorithm=x9.9 padding=3 form=hex keep=8", {"padding": 3, "form": "hex"}),
        ("algorithm=x9.19 keep=4", {"algorithm": "x9.19", "keep": 4}),
        ("algorithm=cup-ecb keep=4", {"algorithm": "cup-ecb", "keep": 4}),
        ("algorithm=cup-sm4", {"algorithm": "cup-sm4"}),
        (
            "algorithm=sm4-cbc padding=2 form=hex",
            {"algorithm": "sm4-cbc", "padding": 2, "form": "hex"},
        ),
        ("algorithm=sm4-cmac", {"algorithm": "sm4-cmac"}),
        ("algorithm=aes-cbc padding=2", {"algorithm": "aes-cbc", "padding": 2}),
    ],
)
def test_every_mac_setting_reaches_the_key(
    tmp_path: Path, settings: str, same: dict[str, Any]
) -> None:
    key = bytes(range(16))
    (tmp_path / "mac.key").write_text(key.hex())
    overrides = [f"host.0.mac.{each}" for each in settings.split()]
    config = load(written(tmp_path), [f"host.0.mac.key_file={tmp_path / 'mac.key'}", *overrides])
    made = mac_key(config.host[0].mac)
    assert made is not None
    wanted = MacKey(**({"algorithm": "x9.9", "key": key} | same))
    assert made.compute(b"some data") == wanted.compute(b"some data")
    assert made.algorithm == wanted.algorithm


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("padding=4", "x9.19 has no padding method 4"),
        ("keep=9", "keep must be within 1 and 8"),
        ("form=base64", "form"),
        ("algorithm=aes-cmac padding=2", "aes-cmac has no padding method 2"),
    ],
)
def test_mac_settings_that_make_no_sense_are_told(tmp_path: Path, setting: str, words: str) -> None:
    (tmp_path / "mac.key").write_text("00" * 16)
    given = [f"key_file={tmp_path / 'mac.key'}", "algorithm=x9.19", *setting.split()]
    (line,) = problems(written(tmp_path), *(f"host.0.mac.{each}" for each in given))
    assert line.startswith("host.0.mac")
    assert words in line


def test_routing_gets_its_part_of_it() -> None:
    config = load(EXAMPLE)
    assert isinstance(config, Config)
    settings = config.settings()
    assert settings.listeners[0].name == "listener-1"
    assert settings.hosts[0].name == "bank"
    assert settings.reversal is config.reversal


WORKING = """
[[listener]]
dialect = "unionpay-pos"
keys = "working"
mac = {algorithm = "cup-ecb"}
[[host]]
dialect = "unionpay-pos"
[keys]
custody = "software"
kek = {env = "ISOGATE_TEST_KEK"}
"""


@pytest.fixture
def kek(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOGATE_TEST_KEK", "5A" * 32)


@pytest.mark.usefixtures("kek")
def test_terminals_with_keys_of_their_own_need_no_key_file(tmp_path: Path) -> None:
    config = load(written(tmp_path, WORKING))
    assert config.settings().listeners[0].keys == "working"


@pytest.mark.usefixtures("kek")
@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("listener.0.mac.algorithm=none", "listener.0.mac.algorithm = 'none'"),
        ("listener.0.mac.algorithm=aes-cmac", "listener.0.mac.algorithm = 'aes-cmac'"),
        ("listener.0.mac.key_file=key", "listener.0.mac.key_file"),
        ("parameters.0={name='chip', version=0}", "parameters.0.version"),
        ("parameters.0={name='chip', items=[{hex='0'}]}", "parameters.0.items.0"),
        ("canary.card_files={listener='x'}", "canary.listener"),
        ("keys={}", "listener.0.keys = 'working'"),
    ],
)
def test_what_working_keys_cannot_be(tmp_path: Path, override: str, key: str) -> None:
    found = problems(written(tmp_path, WORKING), override)
    assert any(each.startswith(key) for each in found)


@pytest.mark.usefixtures("kek")
def test_keys_that_no_mac_can_be_made_with_are_a_problem(tmp_path: Path) -> None:
    found = problems(
        written(tmp_path, WORKING),
        "listener.0.mac.algorithm=x9.19",
        "listener.0.sign_in.key_blocks={'003' = '56', '004' = '60'}",
    )
    assert len(found) == 1
    assert found[0].startswith("listener.0.sign_in.key_blocks.003")


@pytest.mark.usefixtures("kek")
def test_parameters_stand_there_once(tmp_path: Path) -> None:
    twice = "parameters=[{name='chip'}, {name='chip'}]"
    assert len(problems(written(tmp_path, WORKING), twice)) == 2


def test_by_default_no_address_can_take_every_place_and_one_that_may_is_warned_of(
    tmp_path: Path,
) -> None:
    config = load(written(tmp_path))
    assert 4 * config.wire.connections_per_address_max <= config.wire.connections_max
    assert list(warnings(config)) == []
    for override in ("connections_per_address_max=18000", "connections_max=4500"):
        (said,) = warnings(load(written(tmp_path), [f"wire.{override}"]))
        assert said.startswith("wire.connections_per_address_max = ")
        assert said.endswith("one address alone can take every place")
