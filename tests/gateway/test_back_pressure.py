"""When as much waits as may wait: terminals are let wait, hosts are heard, nothing is lost."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from gateway import intake
from routing.charge import State
from tests.gateway.test_gateway import Bank, gateway
from tests.routing.world import sale

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.gateway.test_gateway import Running


async def dropped(running: Running) -> float:
    """Messages of terminals that were not taken."""
    text = (await running.http.get("/metrics")).text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return float(lines["gateway_messages_dropped_total"])


async def test_at_the_bound_of_effects_a_host_is_heard_and_a_terminal_asks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_sale = sale(stan=2, de41="T0000002")
    with closing(Bank()) as bank:
        bank.decides = lambda message: None if message.mti == "0200" else "00"
        async with gateway(tmp_path, bank, "host.0.answer_timeout_s=30") as running:
            terminal, other = await running.terminal(), await running.terminal()
            await terminal.send(sale())
            await running.until(lambda: bank.with_mti("0200"))
            with monkeypatch.context() as full:
                full.setattr(intake, "WAITING_EFFECTS_MAX", -1)
                await other.send(other_sale)
                await running.until(lambda: running.node.pipeline._metrics.dropped)
                bank.answer_late(bank.with_mti("0200")[0])
                assert (await terminal.hear())[39] == "00"
            assert await dropped(running) == 1
            assert len(bank.with_mti("0200")) == 1
            bank.decides = lambda _: "00"
            assert (await other.asks(other_sale))[39] == "00"
            assert running.state(1) in (State.APPROVED, State.PRESUMED_SERVED)
            await terminal.vanish()
            await other.vanish()
