"""Simulated terminals with keys of their own: they sign in, sell, settle and sign off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from codec.keys import Secret, WorkingKeys, working_key_block
from gateway.clock import SystemClock
from gateway.simulators import book as books
from gateway.simulators.book import Book
from gateway.simulators.host import BankHost
from gateway.simulators.host_script import HostScript
from gateway.simulators.terminal_options import TerminalOptions
from gateway.simulators.terminal_plan import Misbehaviour
from gateway.simulators.terminal_session import Keyed, Session
from gateway.simulators.terminals import Fleet
from routing.sign_in import SignState
from tests.gateway.day_stage import MERCHANT, TMK, gateway
from tests.gateway.merchants_day import CONFIG, ISO, POS
from tests.routing.street import sign_in
from tests.routing.world import answer

if TYPE_CHECKING:
    from pathlib import Path

ALGORITHMS = {POS: "cup-ecb", ISO: "x9.19"}
COUNT = 6
BOUND_S = 30.0
KEYS = WorkingKeys(bytes(range(16)), bytes(range(16, 32)))


def session(dialect: str = POS) -> Session:
    return Session(Keyed(dialect, "cup-ecb", Secret(bytes.fromhex(TMK)), "003"))


def keys_told(block: bytes, code: str = "00") -> Any:
    return answer(sign_in(POS), code, de62=block.decode("latin-1"))


def test_keys_that_fit_are_taken_and_others_are_asked_for_again() -> None:
    block = working_key_block(bytes.fromhex(TMK), KEYS)
    till = session()
    assert not till.answered(keys_told(block, "A7"))
    assert not till.answered(keys_told(block[:-1] + b"\0"))
    assert not till.answered(keys_told(block[:-1]))
    assert till.due
    assert till.answered(keys_told(block))
    assert not till.due
    assert (till.batch, till.key is not None) == ("000007", True)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", [POS, ISO])
@pytest.mark.parametrize("misbehaves", [False, True])
async def test_a_street_signs_in_sells_settles_and_signs_off(
    tmp_path: Path, dialect: str, misbehaves: bool
) -> None:
    (tmp_path / "tmk").write_text(TMK)
    text = CONFIG.format(dialect=dialect, algorithm=ALGORITHMS[dialect])
    faults = {"vanish": 0.2, "service_fails": 0.2, "repeat_answered": 0.2} if misbehaves else {}
    tills = [f"{10_000_001 + number}" for number in range(COUNT)]
    with (
        Book(tmp_path / "sales.jsonl") as sales,
        Book(tmp_path / "host.jsonl") as decisions,
        trio.fail_after(BOUND_S),
    ):
        bank = BankHost(HostScript(port=0, dialect=ISO), decisions)
        port = await bank.bind()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bank.serve)
            async with gateway(tmp_path, text, port, tills, SystemClock()) as running:
                options = TerminalOptions(
                    port=running.config.listener[0].port,
                    dialect=dialect,
                    merchant=MERCHANT,
                    count=COUNT,
                    first=10_000_001,
                    terminals_are_numbers=True,
                    rate=40.0,
                    seconds=1.0,
                    settle_s=15.0,
                    timeout_s=2.0,
                    misbehaviour=Misbehaviour(**faults),
                    mac_algorithm=ALGORITHMS[dialect],  # type: ignore[arg-type]
                    tmk_file=str(tmp_path / "tmk"),
                    settles=True,
                )
                fleet = Fleet(options, sales)
                await fleet.run()
                sign_ins = running.switch.terminals.sign_ins
                ended = sum(fleet.ends[f"batches {how}"] for how in ("that balanced", "uploaded"))
                assert ended == sign_ins.states[SignState.OUT] == COUNT
                assert {each.batch for each in sign_ins.all()} == {2}
                assert not any(how.startswith("sign-in") for how in fleet.ends)
                if not misbehaves:
                    assert fleet.ends["batches that balanced"] == COUNT
            nursery.cancel_scope.cancel()
    told = {line["told"] for line in books.read(tmp_path / "sales.jsonl")}
    assert "00" in told
    assert not told & {"A0", "77", "97"}
