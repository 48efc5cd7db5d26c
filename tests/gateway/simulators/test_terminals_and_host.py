"""Simulated terminals at a simulated host, with nothing in between, over real sockets."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import trio

from gateway.simulators import book as books
from gateway.simulators.book import Book
from gateway.simulators.host import BankHost
from gateway.simulators.host_script import HostScript
from gateway.simulators.terminal_options import ServiceClass, TerminalOptions
from gateway.simulators.terminal_plan import Misbehaviour
from gateway.simulators.terminals import Fleet

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

Lines = list[dict[str, Any]]
BOUND_S = 30.0


@dataclass
class Ground:
    """A folder for the books, and how the two sides are set up."""

    folder: Path
    dialect: str = "iso87-ascii"
    service_class: ServiceClass = "approval"
    mac: tuple[str, str] = ("none", "")

    @property
    def common(self) -> dict[str, Any]:
        algorithm, key_file = self.mac
        return {"dialect": self.dialect, "mac_algorithm": algorithm, "mac_key_file": key_file}

    async def play(self, script: dict[str, Any], **misbehaviour: float) -> tuple[Lines, Lines]:
        """Half a second of traffic; the terminals' book and the host's."""
        terminals, host = self.folder / "terminals.jsonl", self.folder / "host.jsonl"
        with Book(terminals) as sales, Book(host) as decisions, trio.fail_after(BOUND_S):
            bank = BankHost(HostScript(port=0, **self.common, **script), decisions)
            port = await bank.bind()
            options = TerminalOptions(
                port=port,
                **self.common,
                service_class=self.service_class,
                count=40,
                rate=160.0,
                seconds=0.5,
                settle_s=15.0,
                timeout_s=0.4,
                misbehaviour=Misbehaviour(**misbehaviour),
            )
            async with trio.open_nursery() as nursery:
                nursery.start_soon(bank.serve)
                await Fleet(options, sales).run()
                nursery.cancel_scope.cancel()
        return books.read(terminals), books.read(host)


def money_kept(host: Lines) -> dict[tuple[str, int], int]:
    """What the host has of each sale, by terminal and amount."""
    kept: dict[tuple[str, int], int] = defaultdict(int)
    for line in host:
        key = (line["terminal"], line["amount"])
        if line["kind"] == "reversal":
            kept[key] -= line["gave_back"]
        elif line["code"] == "00" and not line["repeat"]:
            kept[key] += line["amount"]
    return kept


def assert_served_is_what_was_charged(sales: Lines, host: Lines) -> None:
    kept = money_kept(host)
    for sale in sales:
        expected = sale["amount"] if sale["served"] else 0
        assert kept[sale["terminal"], sale["amount"]] == expected, sale


@pytest.mark.parametrize("dialect", ["iso87-ascii", "unionpay-pos"])
@pytest.mark.parametrize("service_class", ["approval", "confirmation"])
async def test_in_peace_everything_is_served(
    tmp_path: Path, dialect: str, service_class: ServiceClass
) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("0123456789ABCDEF")
    ground = Ground(tmp_path, dialect, service_class, mac=("cup-ecb", str(key_file)))
    sales, host = await ground.play({})
    assert len(sales) >= 40
    assert all(sale["served"] and sale["told"] == "00" and not sale["repeats"] for sale in sales)
    assert_served_is_what_was_charged(sales, host)
    amounts = [(sale["terminal"], sale["amount"]) for sale in sales]
    assert len(amounts) == len(set(amounts)), "an amount names a sale"


@pytest.mark.parametrize("dialect", ["iso87-ascii", "unionpay-pos"])
async def test_with_faults_on_both_sides_nobody_is_charged_without_service(
    tmp_path: Path, dialect: str
) -> None:
    script = {"silent": 0.2, "late": 0.1, "late_s": 0.6, "decline": 0.1, "duplicate": 0.1}
    script |= {"reversal_silent": 0.3}
    misbehaviour = {"vanish": 0.2, "service_fails": 0.2, "repeat_answered": 0.2, "garbage": 0.1}
    sales, host = await Ground(tmp_path, dialect).play(script, **misbehaviour)
    assert_served_is_what_was_charged(sales, host)
    assert not any(sale["answers_differ"] or sale["how"] == "unresolved" for sale in sales)
    assert any(sale["repeats"] for sale in sales)
    assert any(sale["reversed_by_me"] for sale in sales)
    assert any(line["repeat"] for line in host if line["kind"] == "reversal")


async def test_a_lost_link_loses_nothing(tmp_path: Path) -> None:
    sales, host = await Ground(tmp_path).play({"drop_link_at": [0.2, 0.4], "delay_ms": 50})
    assert any(sale["repeats"] or sale["reversed_by_me"] for sale in sales)
    assert_served_is_what_was_charged(sales, host)


async def test_an_answer_with_a_wrong_mac_is_no_answer(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("0123456789ABCDEF0123456789ABCDEF")
    ground = Ground(tmp_path, mac=("aes-cmac", str(key_file)))
    sales, host = await ground.play({"wrong_mac": 0.3})
    assert any(line["fault"] == "wrong MAC" for line in host)
    assert any(sale["repeats"] or sale["reversed_by_me"] for sale in sales)
    assert_served_is_what_was_charged(sales, host)


async def test_the_host_ends_on_sigterm_with_its_book_written(tmp_path: Path) -> None:
    script = tmp_path / "host.toml"
    script.write_text(f'port = 0\nsilent = 0.5\nbook = "{tmp_path}/host.jsonl"\n')
    command = [sys.executable, "-m", "gateway", "host", "--script", str(script)]
    async with trio.open_nursery() as nursery:
        process = await trio.lowlevel.open_process(command, stderr=subprocess.PIPE)
        nursery.start_soon(_end_at_last, process)
        stderr = process.stderr
        assert stderr is not None
        with trio.fail_after(BOUND_S):
            said = b""
            while b"listens" not in said:
                said += await stderr.receive_some()
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        nursery.cancel_scope.cancel()
    assert (tmp_path / "host.jsonl").read_bytes() == b""


async def _end_at_last(process: trio.Process) -> None:
    try:
        await trio.sleep_forever()
    finally:
        process.kill()
