"""The gateway before the simulated host, which does by its script what hosts do to their links."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio

from gateway.clock import SystemClock
from gateway.simulators.book import Book
from gateway.simulators.host import BankHost
from gateway.simulators.host_script import HostScript
from tests.gateway.test_gateway import Running, gateway
from tests.gateway.test_host_keys import ZMK, custody_with_zone_key, exchange
from tests.routing.world import sale

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Scripted:
    """The address of a simulated host."""

    def __init__(self, port: int) -> None:
        self.port = port


@asynccontextmanager
async def scripted(
    folder: Path, *overrides: str, **script: Any
) -> AsyncIterator[tuple[Running, BankHost]]:
    """A gateway before a host with this script."""
    keys: dict[str, Any] = {}
    if "zone_key_file" in script:
        custody, wrapped = await custody_with_zone_key()
        keys = {"custody": custody, "keys": wrapped}
        overrides = (*overrides, *exchange(folder))
    with Book(folder / "book") as book:
        host = BankHost(HostScript(port=0, **script), book)
        port = await host.bind()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(host.serve)
            async with gateway(folder, Scripted(port), *overrides, **keys) as running:  # type: ignore[arg-type]
                yield running, host
            nursery.cancel_scope.cancel()


def links(running: Running) -> Any:
    return running.switch.hosts["bank"].links


SIGN_ON = ("host.0.sign_on=true", "host.0.sign_on_retry_s=0.1")


async def test_a_host_that_demands_a_sign_on_gets_it_and_refuses_it_first(tmp_path: Path) -> None:
    script = {"sign_on_demanded": True, "sign_ons_refused": 2}
    async with scripted(tmp_path, *SIGN_ON, **script) as (running, _):
        terminal = await running.terminal()
        assert (await terminal.asks(sale()))[39] == "00"
        assert links(running).counts["sign-on refused"] == 2
        await terminal.vanish()


async def test_a_host_that_signs_off_in_mid_traffic_gets_nothing_until_it_is_back(
    tmp_path: Path,
) -> None:
    async with scripted(tmp_path) as (running, host):
        terminal = await running.terminal()
        assert (await terminal.asks(sale(stan=1)))[39] == "00"
        await host.announce("sign-off")
        await running.until(lambda: not links(running).usable())
        assert (await terminal.asks(sale(stan=2)))[39] == "91"
        assert "1 charge" in host.summary()
        await host.announce("sign-on")
        await running.until(links(running).usable)
        assert (await terminal.asks(sale(stan=3)))[39] == "00"
        await terminal.vanish()


async def test_in_a_hosts_cut_over_new_charges_get_90(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (running, host):
        terminal, day = await running.terminal(), links(running).day

        def cuts_over() -> bool:
            over: bool = day.is_cutting_over(SystemClock().now().monotonic)
            return over

        await host.announce("cut-over begins")
        await running.until(cuts_over)
        assert (await terminal.asks(sale(stan=1)))[39] == "90"
        await host.announce("cut-over ends")
        await running.until(lambda: not cuts_over())
        assert (await terminal.asks(sale(stan=2)))[39] == "00"
        await terminal.vanish()


async def test_keys_are_handed_out_with_a_wrong_check_value_first_asked_for_and_not(
    tmp_path: Path,
) -> None:
    zone = tmp_path / "zone"
    zone.write_text(ZMK.hex())
    script = {"mac_algorithm": "x9.19", "zone_key_file": str(zone), "wrong_check_values": 1}
    async with scripted(tmp_path, **script) as (running, host):
        terminal, exchanged = await running.terminal(), links(running).exchange
        assert (await terminal.asks(sale(stan=1)))[39] == "00"
        assert exchanged.results == {"wrong check value": 1, "changed": 1}
        await host.announce("key change")
        await running.until(lambda: exchanged.results["changed"] == 2)
        assert (await terminal.asks(sale(stan=2)))[39] == "00"
        assert exchanged.mac_errors == 0
        await terminal.vanish()
