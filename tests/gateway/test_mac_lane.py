"""MACs that only a security module can check and make: sales go on, nobody else waits for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from codec import MacKey, Message, mac
from codec.keys import working_keys
from gateway import mac_lane
from gateway.clock import SystemClock
from gateway.keys.hsm import HsmCustody
from gateway.keys.settings import HsmSettings
from gateway.simulators.hsm import HsmScript, HsmServer
from routing.entries import MerchantEntry, TerminalEntry
from routing.key_ring import KeyPlace, RingKey
from routing.sign_in import Till
from routing.states import State
from tests.codec.samples import ISO87
from tests.gateway.custodies import behind
from tests.gateway.test_gateway import Bank, Running, Terminal, gateway
from tests.gateway.test_gateway import bank as bank  # noqa: PLC0414 - the fixture
from tests.routing.street import echo, sign_in
from tests.routing.world import ISO, MERCHANT, TERMINAL, reversal, sale

TMK = bytes.fromhex("31313131313131313232323232323232")
TILL = Till(MERCHANT, TERMINAL)
WORKING = ("listener.0.keys=working", "listener.0.mac.algorithm=x9.19", "keys.custody=hsm")


class Module(HsmServer):
    """A module that holds its answers back while a test says so."""

    custody: HsmCustody

    def __init__(self) -> None:
        super().__init__(HsmScript(port=0, late_every=1), sleep=self._while_held)
        self.may_answer = trio.Event()
        self.may_answer.set()

    async def _while_held(self, seconds: float) -> None:
        del seconds
        await self.may_answer.wait()


@asynccontextmanager
async def street(folder: Path, bank: Bank) -> AsyncIterator[tuple[Running, Module]]:
    """A gateway whose MAC keys are in a module, and one registered terminal."""
    module = Module()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(module.serve)
        custody = module.custody = HsmCustody(HsmSettings(port=port, timeout_s=60.0))
        await custody.greet()
        master = await behind(module, custody).known(TMK, "tmk", TILL.key)
        async with gateway(folder, bank, *WORKING, custody=custody) as running:
            now = SystemClock().now()
            switch = running.switch
            switch.life.registry.load(
                [MerchantEntry(id=MERCHANT)],
                [TerminalEntry(merchant=MERCHANT, id=TERMINAL)],
                "",
                now,
            )
            key = RingKey(str(master), master.check, 0.0, "file")
            switch.keys.hang(KeyPlace("tmk", TILL.key), key, now)
            yield running, module
        custody.wipe()
        nursery.cancel_scope.cancel()


async def signed_in(terminal: Terminal) -> MacKey:
    """A terminal signs in: its MAC key."""
    told = await terminal.asks(sign_in(ISO))
    assert told[39] == "00"
    return MacKey("x9.19", working_keys(TMK, bytes.fromhex(told[62])).mak)


def signed(key: MacKey, stan: int = 1) -> Message:
    message = sale(stan=stan)
    message.patch(64, "0" * 16)
    mac.sign(message, key)
    return message


async def test_a_sale_is_checked_and_answered_with_macs_of_the_module(
    tmp_path: Path, bank: Bank
) -> None:
    async with street(tmp_path, bank) as (running, _):
        terminal = await running.terminal()
        key = await signed_in(terminal)
        for stan in range(1, 6):
            told = await terminal.asks(signed(key, stan))
            assert told[39] == "00"
            assert mac.verify(told, key)
        assert len(bank.with_mti("0200")) == 5
        await terminal.vanish()


async def test_a_wrong_mac_is_answered_a0_and_nothing_leaves(tmp_path: Path, bank: Bank) -> None:
    async with street(tmp_path, bank) as (running, _):
        terminal = await running.terminal()
        await signed_in(terminal)
        for message in (signed(MacKey("x9.19", bytes(16))), sale(stan=2)):
            assert (await terminal.asks(message))[39] == "A0"
        assert bank.with_mti("0200") == []
        await terminal.vanish()


async def test_old_and_new_key_are_good_until_the_new_one_was_used(
    tmp_path: Path, bank: Bank
) -> None:
    async with street(tmp_path, bank) as (running, _):
        terminal = await running.terminal()
        old = await signed_in(terminal)
        assert (await terminal.asks(signed(old, 1)))[39] == "00"
        new = await signed_in(terminal)
        assert (await terminal.asks(signed(old, 2)))[39] == "00"
        assert (await terminal.asks(signed(new, 3)))[39] == "00"
        assert (await terminal.asks(signed(old, 4)))[39] == "A0"
        await terminal.vanish()


async def test_nobody_waits_for_the_module_but_who_needs_it(tmp_path: Path, bank: Bank) -> None:
    async with street(tmp_path, bank) as (running, module):
        terminal, other = await running.terminal(), await running.terminal()
        key = await signed_in(terminal)
        module.may_answer = trio.Event()
        before = module.commands
        await terminal.send(signed(key))
        await terminal.send(echo(ISO))
        await running.until(lambda: module.commands > before)
        assert (await other.asks(echo(ISO)))[39] == "00"
        assert bank.with_mti("0200") == []
        assert running.node.lane is not None
        assert running.node.lane.waiting > 0
        module.may_answer.set()
        assert {(await terminal.hear()).mti, (await terminal.hear()).mti} == {"0210", "0810"}
        assert running.node.lane.waiting == 0
        for each in (terminal, other):
            await each.vanish()


async def test_an_approval_that_gets_no_mac_is_reversed(tmp_path: Path, bank: Bank) -> None:
    async with street(tmp_path, bank) as (running, module):
        terminal = await running.terminal()
        key = await signed_in(terminal)
        module.module.disabled.add("M6")
        await terminal.send(signed(key))
        await running.until(lambda: bank.with_mti("04"))
        await running.until(lambda: running.state() is State.REVERSED)
        assert len(bank.with_mti("04")) == 1
        module.module.disabled.clear()
        assert (await terminal.asks(signed(key, 2)))[39] == "00"
        await terminal.vanish()


async def test_what_the_module_did_not_answer_is_told_96_at_once_and_taken_when_it_comes_again(
    tmp_path: Path, bank: Bank
) -> None:
    async with street(tmp_path, bank) as (running, module):
        terminal = await running.terminal()
        key = await signed_in(terminal)
        module.may_answer, before = trio.Event(), module.commands
        await terminal.send(signed(key))
        await running.until(lambda: module.commands > before)
        module.custody.link.close()
        assert (await terminal.hear())[39] == "96"
        module.may_answer.set()
        assert bank.with_mti("0200") == []
        assert (await terminal.asks(signed(key)))[39] == "00"
        assert len(bank.with_mti("0200")) == 1
        assert running.node.pipeline._metrics.dropped == 0
        await terminal.vanish()


async def test_a_repeat_that_the_module_cannot_be_asked_about_gets_no_answer(
    tmp_path: Path, bank: Bank
) -> None:
    async with street(tmp_path, bank) as (running, module):
        terminal = await running.terminal()
        key = await signed_in(terminal)
        told = await terminal.asks(signed(key))
        module.may_answer, before = trio.Event(), module.commands
        await terminal.send(signed(key))
        await running.until(lambda: module.commands > before)
        module.custody.link.close()
        await running.until(lambda: running.node.pipeline._metrics.dropped)
        module.may_answer.set()
        assert (await terminal.asks(signed(key)))[39] == told[39] == "00"
        assert len(bank.with_mti("0200")) == 1
        await terminal.vanish()


async def test_where_as_many_wait_as_may_a_sale_is_told_96_and_a_reversal_waits_and_is_taken(
    tmp_path: Path, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with street(tmp_path, bank) as (running, module):
        terminal, other = await running.terminal(), await running.terminal()
        key = await signed_in(terminal)
        assert (await terminal.asks(signed(key)))[39] == "00"
        await running.until(lambda: running.state() is State.PRESUMED_SERVED)
        monkeypatch.setattr(mac_lane, "_EACH_WAY_MAX", 0)
        module.may_answer = trio.Event()
        refused = await other.asks(signed(key, 2))
        assert (refused[39], refused.has(64)) == ("96", False)
        reverses = reversal(sale())
        reverses.patch(64, "0" * 16)
        mac.sign(reverses, key)
        await terminal.send(reverses)
        await running.until(lambda: running.node.lane and running.node.lane.waiting == 1)
        # What comes while another message of its terminal waits may be the same one: it waits, too.
        await other.send(signed(key, 3))
        await running.until(lambda: running.node.lane and running.node.lane.waiting == 2)
        module.may_answer.set()
        assert (await terminal.hear()).mti == "0410"
        await running.until(lambda: running.state() is State.REVERSED)
        assert (await other.hear())[39] == "00"
        assert running.switch.life.pressure.refused == 1
        for each in (terminal, other):
            await each.vanish()


async def test_above_the_highest_mark_a_reversal_is_told_96_and_stays_with_its_terminal(
    tmp_path: Path, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with street(tmp_path, bank) as (running, _):
        terminal = await running.terminal()
        key = await signed_in(terminal)
        assert (await terminal.asks(signed(key)))[39] == "00"
        reverses = reversal(sale())
        reverses.patch(64, "0" * 16)
        mac.sign(reverses, key)
        with monkeypatch.context() as full:
            full.setattr(mac_lane, "_EACH_WAY_MAX", 0)
            full.setattr(mac_lane, "RESOLVING_MAX", 0)
            assert (await terminal.asks(reverses))[39] == "96"
        assert (await terminal.asks(reverses))[39] == "00"
        await running.until(lambda: running.state() is State.REVERSED)
        assert len(bank.with_mti("04")) == 1
        await terminal.vanish()


async def test_a_mac_that_the_module_refuses_to_check_is_not_good(
    tmp_path: Path, bank: Bank
) -> None:
    async with street(tmp_path, bank) as (running, module):
        terminal = await running.terminal()
        key = await signed_in(terminal)
        module.module.disabled.add("M8")
        told = await terminal.asks(signed(key))
        assert told[39] == "A0"
        module.module.disabled.clear()
        assert (await terminal.asks(signed(key)))[39] == "00"
        await terminal.vanish()


@pytest.mark.parametrize("message", [sale(), signed(MacKey("x9.19", bytes(16)))])
def test_what_a_mac_covers_is_told_for_who_makes_it_elsewhere(message: Message) -> None:
    key = MacKey("x9.19", bytes(range(16)))
    theirs = message.copy()
    mac.sign(theirs, key)
    mac.put(message, key.compute(mac.covered(message)))
    assert message == theirs
    assert mac.standing(message) == key.compute(mac.covered(message))
    assert message.dialect is ISO87
