"""The stage: a configuration that the gateway accepts, ports that nothing else takes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway import config as gateway_config
from gateway.cli import app
from gateway.demo import stage as stages
from gateway.demo.stage import HOST_KEY, POS_KEY, SHOPS, free_ports, set_up
from gateway.demo.verdict import AUDIT, HOST_BOOK, TERMINALS_BOOK


def test_the_gateway_accepts_the_configuration(tmp_path: Path) -> None:
    stage = set_up(tmp_path, seed=1)
    config = gateway_config.load(stage.config)
    assert [listener.dialect for listener in config.listener] == ["iso87-ascii", "unionpay-pos"]
    assert config.host[0].port == stage.ports.host
    confirming = {shop.merchant for shop in SHOPS if shop.service_class == "confirmation"}
    assert {merchant.id for merchant in config.merchant} == confirming


def test_times_leave_room_for_each_other(tmp_path: Path) -> None:
    config = gateway_config.load(set_up(tmp_path, seed=1).config)
    assert config.host[0].answer_timeout_s < stages.HOST_LATE_S < stages.TERMINAL_TIMEOUT_S
    assert config.service.delivery_proof_s > stages.TERMINAL_TIMEOUT_S


def test_shops_have_both_dialects_in_both_classes() -> None:
    assert len({(shop.dialect, shop.service_class) for shop in SHOPS}) == 4
    assert {len(shop.merchant) for shop in SHOPS} == {15}


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    set_up(tmp_path, seed=1)
    for name in (POS_KEY, HOST_KEY):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_an_earlier_runs_books_are_cleared_away_and_nothing_else(tmp_path: Path) -> None:
    for name in (TERMINALS_BOOK, HOST_BOOK, AUDIT, "isogate.db", "notes.txt"):
        (tmp_path / name).write_text("old")
    set_up(tmp_path, seed=1)
    assert (tmp_path / TERMINALS_BOOK).read_text() == ""
    assert not (tmp_path / "isogate.db").exists()
    assert (tmp_path / "notes.txt").read_text() == "old"


def test_ports_stay_out_of_the_range_of_outgoing_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = free_ports(4)
    assert len(set(ports)) == 4
    assert max(ports) < max(lowest, 32_768)


@pytest.mark.parametrize("who", ["host", "terminals"])
def test_the_command_lines_name_real_options(tmp_path: Path, who: str) -> None:
    stage = set_up(tmp_path, seed=1)
    commands = [stage.host_command()]
    if who == "terminals":
        commands = [stage.terminals_command(shop, 10, 5.0, 3.0) for shop in SHOPS]
    help_text = CliRunner().invoke(app, [who, "--help"], env={"COLUMNS": "200"}).output
    for command in commands:
        options = [word for word in command if word.startswith("--")]
        assert options
        assert [option for option in options if option not in help_text] == []
