"""A second account of a running gateway: over the wire and HTTP, by command, through a restart."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import pytest
import trio
from typer.testing import CliRunner

from gateway.audit import Audit
from gateway.cli import app
from gateway.config import load
from gateway.desk.funnel import counted
from routing.states import State
from tests.gateway.journals import by_hand
from tests.gateway.test_accounts import PEOPLE, post
from tests.gateway.test_gateway import Bank, Running, Terminal, gateway
from tests.routing.accounts import test_second as second
from tests.routing.world import MERCHANT, refund, reversal, sale

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OTHER: Final = "MERCHANT0000002"
HASH: Final = "ab" * 32
RULES: Final = (
    'accounts.rules=[{version="2026", documents={second=["licence"]}, qualification={business=60}}]'
)
CODE: Final[dict[str, Any]] = {"rules": [{"account": "2", "channel": ["code"]}]}


@pytest.fixture
def bank() -> Iterator[Bank]:
    with closing(Bank()) as made:
        yield made


async def applied(running: Running, **record: Any) -> str:
    """Everything in one request; returns its number."""
    about = {"file": "MERCH2", "record": {"merchant": MERCHANT}}
    _, told = await post(running, "enquire", "clara", action="5", **about)
    record = {
        "merchant": MERCHANT,
        "token": told["token"],
        "name": "Shop",
        "contact": "010 555 000",
        "licence": "91350100M000100Y43",
        "number": OTHER,
        "docs": {"licence": HASH},
        **record,
    }
    status, told = await post(running, "request", "clara", file="MERCH2", action="1", record=record)
    assert (status, told["state"]) == (200, "QUALIFICATION_REVIEW")
    return str(told["request"])


async def opened(running: Running, terminal: Terminal, **record: Any) -> str:
    """The whole way, with a test charge over the wire."""
    number, office = await applied(running, **record), running.switch.office
    on_it = {"request": number}
    await post(
        running, "report", "rita", record={**on_it, "what": "marks", "marks": {"business": 70}}
    )
    await post(running, "approve", "rita", record=on_it)

    def stands_in(state: str) -> bool:
        known = office.shelf.get(number)
        return known is not None and known.state == state

    await running.until(lambda: stands_in("AGREEMENT"))
    await post(running, "resume", "clara", record={**on_it, "docs": {"agreement": HASH}})
    await running.until(lambda: stands_in("TESTING"))
    told = await terminal.asks(sale(stan=900, de63="2", de4="000000000001"))
    assert (told[39], told[42]) == ("00", MERCHANT)
    await running.until(lambda: stands_in("TESTED"))
    safe = {**on_it, "what": "safety", "evidence": "inspection 12"}
    assert (await post(running, "report", "tech", record=safe))[1]["state"] == "OPEN"
    return number


async def test_opened_over_http_charged_over_the_wire_and_everything_adds_up(
    tmp_path: Path, bank: Bank
) -> None:
    async with gateway(tmp_path, bank, PEOPLE, RULES) as running:
        terminal = await running.terminal()
        told = await terminal.asks(sale(stan=1, de63="2"))
        assert (told[39], told[44]) == ("03", "P20")
        await opened(running, terminal, plan=CODE)
        assert (await terminal.asks(sale(stan=2)))[39] == "00"
        told = await terminal.asks(sale(stan=3, de22="031"))
        assert (told[39], told[42]) == ("00", MERCHANT)
        taken_back = sale(stan=4, de22="031", de4="000000000500")
        assert (await terminal.asks(taken_back))[39] == "00"
        assert (await terminal.asks(reversal(taken_back)))[39] == "00"
        await running.until(lambda: running.state(4) is State.REVERSED)
        back = await terminal.asks(refund(sale(stan=3), 400))
        assert (back[39], back[42]) == ("00", MERCHANT)
        await running.until(lambda: running.state(60) is State.PRESUMED_SERVED)
        trial = {"merchant": MERCHANT, "plan": {"rules": [{"account": "2", "amount_min": 1000}]}}
        tried = (await running.http.post("/accounts/dry-run", json=trial)).json()
        found = (await running.http.get(f"/accounts/totals?merchant={MERCHANT}")).json()
        stages = (await running.http.get("/accounts/funnel")).json()
        await terminal.vanish()
    assert [each[42] for each in bank.with_mti("02")[1:] + bank.with_mti("04")].count(OTHER) == 5
    assert (tried["by_account"], tried["moved"]) == ({"2": 2, "main": 2}, 3)
    assert tried["money"] == sum(tried["money_by_account"].values()) == 2_501
    parts = {(each["account"], each["channel"]): each for each in found["parts"]}
    assert found["adds_up"]
    assert {key: each["money"] for key, each in parts.items()} == {
        ("main", "stripe"): 1_000,
        ("2", "code"): 1_500,
        ("2", "stripe"): 1,
    }
    code = parts["2", "code"]
    assert (code["served"], code["reversed"], code["refunded"]) == (600, 500, 400)
    assert {each["stage"]: each["reached"] for each in stages}["OPEN"] == 1


async def test_what_was_opened_and_charged_outlives_the_process(tmp_path: Path, bank: Bank) -> None:
    async with gateway(tmp_path, bank, PEOPLE, RULES) as running:
        terminal = await running.terminal()
        await opened(running, terminal, plan=CODE)
        assert (await terminal.asks(sale(stan=3, de22="031")))[39] == "00"
        await terminal.vanish()
    async with gateway(tmp_path, bank, PEOPLE, RULES) as running:
        terminal = await running.terminal()
        assert (await terminal.asks(reversal(sale(stan=3, de22="031"))))[39] == "00"
        await running.until(lambda: running.state(3) is State.REVERSED)
        assert (await terminal.asks(sale(stan=4, de22="031")))[39] == "00"
        await terminal.vanish()
    assert [each[42] for each in bank.got[-2:]] == [OTHER, OTHER]
    config = load(tmp_path / "gateway.toml", [f"journal.path={tmp_path / 'isogate.db'}"])
    with Audit(config) as books:
        assert books.report().violations == []
    changes = "kind = 'refund', original_id = 1, account = '3'"
    by_hand(tmp_path / "isogate.db", f"UPDATE charge SET {changes} WHERE id = 3")  # noqa: S608 - ours
    with Audit(config) as books:
        assert any("another account" in each for each in books.report().violations)


async def test_commands_try_rules_and_show_totals_and_where_requests_die(
    tmp_path: Path, bank: Bank
) -> None:
    async with gateway(tmp_path, bank, PEOPLE, RULES) as running:
        terminal = await running.terminal()
        await opened(running, terminal)
        for stan in (1, 2, 3):
            amount = f"{stan * 1000:012d}"
            assert (await terminal.asks(sale(stan=stan, de4=amount)))[39] == "00"
        await running.until(lambda: running.state(3) is State.PRESUMED_SERVED)
        await terminal.vanish()
    rules = tmp_path / "plan.json"
    rules.write_text('{"rules": [{"account": "2", "amount_min": 2000}, {"account": "3"}]}')

    async def runs(*arguments: str) -> tuple[int, Any]:
        settings = [f"journal.path={tmp_path / 'isogate.db'}", PEOPLE, RULES]
        where = [arguments[0], str(tmp_path / "gateway.toml"), *arguments[1:]]
        sets = [each for setting in settings for each in ("--set", setting)]
        words = ["account", *where, *sets, "--json"]
        done = await trio.to_thread.run_sync(CliRunner().invoke, app, words)
        told = json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.output
        return done.exit_code, told

    code, trial = await runs("plan", MERCHANT, str(rules), "--dry-run")
    assert (code, trial["by_account"], trial["not_open"]) == (0, {"2": 2, "3": 2}, 2)
    assert trial["money_by_account"] == {"2": 5_000, "3": 1_001}
    code, told = await runs("plan", MERCHANT, str(rules), "--who", "clara")
    assert (code, told["facts"]["wrong"]) == (1, ["account"])
    rules.write_text('{"rules": [{"account": "2", "amount_min": 2000}]}')
    code, told = await runs("plan", MERCHANT, str(rules), "--who", "clara")
    assert (code, told["facts"]["state"]) == (0, "REQUESTED")
    code, told = await runs("approve", told["facts"]["request"], "--who", "rita")
    assert (code, told["facts"]["state"]) == (0, "IN_FORCE")
    rules.write_text('{"rules": [{"account": "1"}]}')
    assert (await runs("plan", MERCHANT, str(rules)))[0] == 2
    code, found = await runs("totals", MERCHANT)
    assert (code, found["adds_up"], found["whole"][0]["money"]) == (0, True, 6_001)
    assert sum(each["money"] for each in found["parts"]) == 6_001
    code, stages = await runs("funnel")
    assert [each["reached"] for each in stages if each["stage"] != "DOCS"] == [1] * 7
    code, told = await runs("enquire", MERCHANT, "--file", "MERCH2", "--who", "clara")
    assert (code, told["facts"]["accounts"]) == (0, "2:OPEN")


async def test_a_shop_is_suspended_by_one_command_while_the_gateway_runs(
    tmp_path: Path, bank: Bank
) -> None:
    people = 'accounts.people=[{name="sec", roles=["security"]}]'
    async with gateway(tmp_path, bank, people) as running:
        terminal = await running.terminal()
        assert (await terminal.asks(sale(stan=1)))[39] == "00"
        record = {"merchant": MERCHANT, "what": "suspend shop", "reason": "robbery"}
        status, told = await post(running, "file", "sec", record=record)
        assert (status, told["suspended"]) == (200, 1)
        assert (await terminal.asks(sale(stan=2)))[39] == "58"
        await terminal.vanish()
    sets = [f"journal.path={tmp_path / 'isogate.db'}", people]
    words = ["account", "suspend", str(tmp_path / "gateway.toml"), MERCHANT, "--who", "sec"]
    words += ["--reason", "robbery", "--json", *(x for each in sets for x in ("--set", each))]
    done = await trio.to_thread.run_sync(CliRunner().invoke, app, words)
    assert (done.exit_code, json.loads(done.stdout)["facts"]["off already"]) == (0, 1)


def test_a_funnel_tells_where_requests_wait_and_where_they_end() -> None:
    shop = second.street()
    second.applies(shop, name="Shop")
    by_stage = {each.stage: each for each in counted(shop.switch.office.shelf.all())}
    assert (by_stage["APPLIED"].reached, by_stage["DOCS"].waiting) == (1, 1)
    for _ in range(31):
        shop.wait(86_400.0, step_s=43_200.0)
    by_stage = {each.stage: each for each in counted(shop.switch.office.shelf.all())}
    assert (by_stage["DOCS"].abandoned, by_stage["DOCS"].waiting) == (1, 0)
    assert (by_stage["QUALIFICATION_REVIEW"].reached, by_stage["DOCS"].share) == (0, 1.0)
