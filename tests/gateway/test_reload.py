"""The configuration read anew by a running gateway: all of it or nothing, on real sockets."""

from __future__ import annotations

import os
import signal
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import trio

from gateway.config import load
from gateway.reload import refusals
from gateway.systemd import Notifier
from routing.charge import State
from routing.link_states import LinkState
from tests.gateway.test_config import SMALL
from tests.gateway.test_gateway import WAIT_S, Bank, Running, bank, gateway
from tests.routing.world import sale

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["bank"]


@pytest.fixture
def other_bank() -> Iterator[Bank]:
    with closing(Bank()) as made:
        yield made


def replaced(running: Running, key: str, value: object) -> None:
    """What the file or the overrides say from now on."""
    running.settings[:] = [each for each in running.settings if not each.startswith(key + "=")]
    running.settings.append(f"{key}={value}")


def moved(running: Running, to: Bank) -> None:
    """The only host is another one, at another address."""
    replaced(running, "host.0.name", "branch")
    replaced(running, "host.0.port", to.port)


async def test_charges_go_to_the_new_host_and_the_removed_one_is_let_go(
    tmp_path: Path, bank: Bank, other_bank: Bank
) -> None:
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        assert (await terminal.asks(sale(stan=1)))[39] == "00"
        moved(running, other_bank)
        assert (await running.http.post("/reload", json={"who": "ann"})).status_code == 200
        await running.until(lambda: "branch" in running.switch.hosts)
        await running.until(running.switch.hosts["branch"].links.usable)
        assert (await terminal.asks(sale(stan=2)))[39] == "00"
        assert len(bank.with_mti("0200")) == len(other_bank.with_mti("0200")) == 1
        await running.until(lambda: "bank" not in running.switch.hosts)
        await running.until(lambda: len(running.node.links) == 1)
        await terminal.vanish()


async def test_a_removed_host_gets_the_reversal_of_its_open_charge(
    tmp_path: Path, bank: Bank, other_bank: Bank
) -> None:
    bank.decides = lambda message: None if message.mti == "0200" else "00"
    async with gateway(tmp_path, bank, "host.0.answer_timeout_s=1") as running:
        terminal = await running.terminal()
        await terminal.send(sale(stan=1))
        await running.until(lambda: bank.with_mti("0200"))
        moved(running, other_bank)
        assert await running.reload.again("") == ()
        assert (await terminal.hear())[39] == "68"
        await running.until(lambda: running.state(1) is State.REVERSED)
        assert (len(bank.with_mti("042")), other_bank.with_mti("042")) == (1, [])
        await running.until(lambda: "bank" not in running.switch.hosts)
        await terminal.vanish()


async def test_a_host_at_another_address_keeps_what_is_in_flight_on_its_old_link(
    tmp_path: Path, bank: Bank, other_bank: Bank
) -> None:
    bank.decides = lambda _: None
    async with gateway(tmp_path, bank, "host.0.answer_timeout_s=30") as running:
        terminal, second = await running.terminal(), await running.terminal()
        await terminal.send(sale(stan=1))
        await running.until(lambda: bank.with_mti("0200"))
        replaced(running, "host.0.port", other_bank.port)
        assert await running.reload.again("") == ()
        await running.until(lambda: len(running.node.links) == 2)
        assert (await second.asks(sale(stan=2, de41="T0000002")))[39] == "00"
        assert running.switch.hosts["bank"].links.states()[LinkState.SIGNED_ON] == 2
        bank.answer_late(bank.with_mti("0200")[0])
        assert (await terminal.hear())[39] == "00"
        await running.until(lambda: len(running.node.links) == 1)
        for each in (terminal, second):
            await each.vanish()


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("host.0.links", 0, "host.0.links = 0: at least one link is needed"),
        ("journal.path", "elsewhere.db", "journal.path = 'elsewhere.db': was "),
        ("admin.port", 9999, "admin.port = 9999: was 9108; can't change while"),
        ("listener.0.port", 1, "listener.0.port = 1: was "),
        ("workers", 2, "workers = 2: one process per journal file"),
        ("host.0.dialect", "unionpay-pos", "host.0.dialect = 'unionpay-pos': "),
        ("route.0.host", "nobody", "route.0.host = 'nobody': no host has this name"),
    ],
)
async def test_what_is_wrong_or_can_not_change_is_told_and_nothing_changes(
    tmp_path: Path, bank: Bank, key: str, value: object, told: str
) -> None:
    async with gateway(tmp_path, bank) as running:
        replaced(running, "limits.amount_max", 1)
        replaced(running, key, value)
        answered = await running.http.post("/reload", json={})
        assert answered.status_code == 409
        assert any(each.startswith(told) for each in answered.json()["problems"])
        terminal = await running.terminal()
        assert (await terminal.asks(sale()))[39] == "00"  # the old limits are in force
        assert running.reload.counts == {"refused": 1}
        await terminal.vanish()


async def test_limits_routes_and_merchants_are_in_force_from_the_next_sale_on(
    tmp_path: Path, bank: Bank
) -> None:
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        assert (await terminal.asks(sale(stan=1)))[39] == "00"
        replaced(running, "limits.amount_max", 10)
        assert await running.reload.again("") == ()
        assert (await terminal.asks(sale(stan=2)))[39] == "61"
        replaced(running, "limits.amount_max", 0)
        replaced(running, "route.0.host", "bank")
        replaced(running, "route.0.mti", '["0100"]')
        assert await running.reload.again("") == ()
        assert (await terminal.asks(sale(stan=3)))[39] == "31"
        await terminal.vanish()


async def test_a_hangup_signal_reloads(tmp_path: Path, bank: Bank) -> None:
    async with gateway(tmp_path, bank) as running, trio.open_nursery() as nursery:
        await nursery.start(running.reload.on_signal, Notifier({}))
        os.kill(os.getpid(), signal.SIGHUP)
        with trio.fail_after(WAIT_S):
            await running.until(lambda: running.reload.counts["done"] == 1)
        replaced(running, "journal.kind", "none")
        os.kill(os.getpid(), signal.SIGHUP)
        await running.until(lambda: running.reload.counts["refused"] == 1)
        nursery.cancel_scope.cancel()


def small(tmp_path: Path, *overrides: str, more: str = "") -> Any:
    path = tmp_path / "gateway.toml"
    path.write_text(SMALL + more)
    return load(path, overrides)


def test_rules_of_a_listener_may_change_and_its_address_may_not(tmp_path: Path) -> None:
    old = small(tmp_path)
    assert list(refusals(old, small(tmp_path, "listener.0.terminal_resolves_first=true"))) == []
    assert list(refusals(old, small(tmp_path, "reversal.attempts_max=3"))) == []
    (told,) = refusals(old, small(tmp_path, more='[[listener]]\nname = "x"\nport = 8584\n'))
    assert told.startswith("listener: others than before")
    (told,) = refusals(old, small(tmp_path, "reversal.reorder_margin_s=90"))
    assert told.startswith("reversal.reorder_margin_s = 90")
