"""When as much waits as may wait: what is new is told 96 at once, everything else goes on."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from gateway import intake, questions
from gateway.journal.redo import SystemFile
from routing.charge import State
from tests.gateway.test_gateway import Bank, gateway
from tests.gateway.test_gateway import bank as bank  # noqa: PLC0414 - the fixture
from tests.routing.world import confirmation, reversal, sale

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.gateway.test_gateway import Running

OTHER = "T0000002"


async def metric(running: Running, name: str) -> float:
    """What a scrape says."""
    text = (await running.http.get("/metrics")).text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return float(lines[name])


@contextmanager
def held_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within this context the journal takes nothing: its disk does not sync."""
    goes_on, sync = Event(), SystemFile.sync

    def waits(file: SystemFile) -> None:
        goes_on.wait()
        sync(file)

    with monkeypatch.context() as patched:
        patched.setattr(SystemFile, "sync", waits)
        try:
            yield
        finally:
            goes_on.set()


async def test_when_full_a_host_is_heard_and_a_new_sale_is_told_96_and_taken_later(
    tmp_path: Path, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_sale = sale(stan=2, de41=OTHER)
    bank.decides = lambda message: None if message.mti == "0200" else "00"
    async with gateway(tmp_path, bank, "host.0.answer_timeout_s=30") as running:
        terminal, other = await running.terminal(), await running.terminal()
        await terminal.send(sale())
        await running.until(lambda: bank.with_mti("0200"))
        with monkeypatch.context() as full:
            full.setattr(intake, "WAITING_EFFECTS_MAX", -1)
            assert (await other.asks(other_sale))[39] == "96"
            bank.answer_late(bank.with_mti("0200")[0])
            assert (await terminal.hear())[39] == "00"
        assert await metric(running, "gateway_messages_refused_full_total") == 1
        assert await metric(running, "gateway_messages_dropped_total") == 0
        assert len(bank.with_mti("0200")) == 1
        bank.decides = lambda _: "00"
        assert (await other.asks(other_sale))[39] == "00"
        assert running.state(1) in (State.APPROVED, State.PRESUMED_SERVED)
        await terminal.vanish()
        await other.vanish()


async def test_when_full_reversals_and_confirmations_are_taken(
    tmp_path: Path, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed = sale(stan=2, de41=OTHER, de42="CONFIRMS0000001")
    async with gateway(tmp_path, bank) as running:
        terminal, other = await running.terminal(), await running.terminal()
        assert (await terminal.asks(sale()))[39] == "00"
        assert (await other.asks(confirmed))[39] == "00"
        monkeypatch.setattr(intake, "WAITING_EFFECTS_MAX", -1)
        assert (await terminal.asks(reversal(sale())))[39] == "00"
        assert (await other.asks(confirmation(confirmed)))[39] == "00"
        await running.until(lambda: running.state(1) is State.REVERSED)
        assert running.state(2) is State.SERVED
        assert len(bank.with_mti("04")) == 1
        await terminal.vanish()
        await other.vanish()


@pytest.mark.parametrize("forgets", [False, True])
async def test_whoever_is_refused_waits_for_no_journal(
    tmp_path: Path, bank: Bank, monkeypatch: pytest.MonkeyPatch, forgets: bool
) -> None:
    async with gateway(tmp_path, bank, "host.0.answer_timeout_s=30") as running:
        running.switch.life.book.forgets = forgets
        terminals = [await running.terminal() for _ in range(3)]
        monkeypatch.setattr(intake, "WAITING_EFFECTS_MAX", 0)
        with held_up(monkeypatch):
            await terminals[0].send(sale(stan=1))
            await running.until(lambda: not running.node.pipeline.idle)
            await running.until(lambda: not running.switch.has_effects)
            await terminals[1].send(sale(stan=2, de41=OTHER))
            await running.until(lambda: running.switch.has_effects)
            assert (await terminals[2].asks(sale(stan=3, de41="T0000003")))[39] == "96"
            assert bank.with_mti("0200") == []
        assert [(await each.hear())[39] for each in terminals[:2]] == ["00", "00"]
        for each in terminals:
            await each.vanish()


async def test_where_too_many_questions_wait_for_the_journal_nobody_is_told_what_is_not_known(
    tmp_path: Path, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(tmp_path, bank) as running:
        running.switch.life.book.forgets = True
        terminal = await running.terminal()
        with monkeypatch.context() as full:
            full.setattr(intake, "WAITING_EFFECTS_MAX", -1)
            full.setattr(questions, "WAITING_MAX", 0)
            await terminal.send(sale())
            await running.until(lambda: running.node.pipeline._metrics.dropped)
        assert await metric(running, "gateway_messages_dropped_total") == 1
        assert (await terminal.asks(sale()))[39] == "00"
        await terminal.vanish()


async def test_a_repeat_that_only_the_journal_knows_is_answered_while_the_gateway_is_full(
    tmp_path: Path, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        told = await terminal.asks(sale())
        await running.until(lambda: running.state() is State.PRESUMED_SERVED)
        await running.node.pipeline.settled()
        book = running.switch.life.book
        book.remove(next(iter(book.newest())))
        book.forgets = True
        monkeypatch.setattr(intake, "WAITING_EFFECTS_MAX", -1)
        assert (await terminal.asks(sale())).raw == told.raw
        assert len(bank.with_mti("0200")) == 1
        await terminal.vanish()


async def test_several_may_wait_until_all_is_durable(
    tmp_path: Path, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(tmp_path, bank, "host.0.answer_timeout_s=30") as running:
        terminal = await running.terminal()
        pipeline = running.node.pipeline
        async with trio.open_nursery() as nursery:
            with held_up(monkeypatch):
                await terminal.send(sale())
                await running.until(lambda: not pipeline.idle)
                for _ in range(3):
                    nursery.start_soon(pipeline.settled)
                await trio.testing.wait_all_tasks_blocked()
                assert nursery.child_tasks
        assert (await terminal.hear())[39] == "00"
        await terminal.vanish()
