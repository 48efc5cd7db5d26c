"""Settlement cards of a running gateway: enciphered over the wire, told to a bank over HTTP."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import asynccontextmanager, closing, suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest
import trio
from typer.testing import CliRunner

from codec import MacKey, Message, build, dialect, mac
from gateway.card_door import seal_keyed
from gateway.cli import app
from gateway.config import load
from gateway.config_overrides import ConfigError
from gateway.journal.vault import load_key
from gateway.settlement_config import BinFileError, bins_in
from gateway.simulators.settlement_bank import BankScript, SettlementBank, key_in
from routing.accounts.bins import CardKind, Medium
from tests.gateway.test_accounts import KEY, post
from tests.gateway.test_gateway import Bank, Running, gateway
from tests.routing.accounts.card_street import CREDIT_1, DEBIT_1, DEBIT_2, DEBIT_3, HOLDER
from tests.routing.accounts.test_settlement_card import mask
from tests.routing.world import ISO, MERCHANT, TERMINAL, sale

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

PEOPLE: Final = (
    "accounts.people=["
    f'{{name="{MERCHANT}/01", roles=["merchant"]}},'
    '{name="clara", roles=["clerk"]},'
    '{name="rita", roles=["reviewer"]}]'
)
BINS: Final = """prefix,lengths,bank,kind,medium
# a sample
622202,19,ICBC,debit,both
622848,19,ABC,debit,chip
622575,16-19,CMB,credit,both
"""


@pytest.fixture
def bank() -> Iterator[Bank]:
    with closing(Bank()) as made:
        yield made


@asynccontextmanager
async def settling(folder: Path, **script: Any) -> AsyncIterator[SettlementBank]:
    """A bank that settles, on a port of its own."""
    made = SettlementBank(
        BankScript(port=0, **script), key_in(folder / "bank.key"), folder / "book.jsonl"
    )
    async with trio.open_nursery() as nursery:
        (where,) = await nursery.start(made.serve)
        made.script = msgspec.structs.replace(made.script, port=int(where.rpartition(":")[2]))
        yield made
        nursery.cancel_scope.cancel()


def settings(folder: Path, port: int, *more: str) -> tuple[str, ...]:
    """Of a gateway with that bank."""
    (folder / "bins.csv").write_text(BINS)
    key_in(folder / "bank.key")
    return (
        PEOPLE,
        f"settlement.url=http://127.0.0.1:{port}",
        f"settlement.key_file={folder / 'bank.key.pub'}",
        f"settlement.bin_file={folder / 'bins.csv'}",
        "settlement.retry_s=0.05",
        "settlement.retry_max_s=0.2",
        "accounts.look_every_s=0.05",
        *more,
    )


def with_mac(folder: Path) -> str:
    """Of a listener whose messages carry MACs."""
    path = folder / "mac.key"
    path.write_text(KEY)
    path.chmod(0o600)
    return f'listener.0.mac={{algorithm="aes-cmac", key_file="{path}"}}'


async def sealed(running: Running, digits: str, again: str = "") -> str:
    """A number as whoever sends it enciphers it."""
    told = await running.http.get("/settlement/card-key")
    return seal_keyed(digits, again or digits, told.json())


async def asked_for(
    running: Running, digits: str, merchant: str = MERCHANT
) -> tuple[int, dict[str, Any]]:
    """Enquire, and ask for a card."""
    about = {"file": "SETTLEACC", "record": {"merchant": merchant}}
    _, told = await post(running, "enquire", "clara", action="5", **about)
    record = {"merchant": merchant, "token": told["token"], "name": HOLDER}
    record["card"] = await sealed(running, digits)
    wanted: dict[str, Any] = {"file": "SETTLEACC", "action": "2", "record": record}
    return await post(running, "request", "clara", **wanted)


def state_of(running: Running, number: str) -> str:
    """Where a request stands."""
    request = running.switch.office.shelf.get(number)
    assert request is not None
    return request.state


async def comes_to(running: Running, number: str, state: str) -> None:
    """A request came there, durably."""
    await running.until(lambda: state_of(running, number) == state)
    running.node.pipeline.kick()
    await running.node.pipeline.settled()


async def approved(running: Running, digits: str = DEBIT_1, merchant: str = MERCHANT) -> str:
    """A request that is on its way to the bank."""
    status, asked = await asked_for(running, digits, merchant)
    assert (status, asked["state"], asked["masked"]) == (200, "UNDER_REVIEW", mask(digits))
    await post(running, "approve", "rita", record={"request": asked["request"]})
    return str(asked["request"])


def written_in(folder: Path) -> list[bytes]:
    """All that was ever written there, but keys."""
    return [each.read_bytes() for each in folder.iterdir() if each.suffix != ".key"]


async def test_a_card_goes_enciphered_to_the_bank_and_rests_nowhere_in_clear(
    tmp_path: Path, bank: Bank
) -> None:
    async with settling(tmp_path) as acquirer:
        more = settings(tmp_path, acquirer.script.port)
        async with gateway(tmp_path, bank, *more) as running:
            number = await approved(running)
            await comes_to(running, number, "SYNCED")
            told = (await running.http.get("/settlement/cards")).json()
            assert [each["merchant"] for each in told] == [MERCHANT]
            assert (told[0]["version"], told[0]["bank_version"], told[0]["waits"]) == (1, 1, False)
            metrics = (await running.http.get("/metrics")).text
            assert "gateway_settlement_sync_pending 0.0" in metrics
            story = (await running.http.get(f"/accounts/{number}")).text
        assert acquirer.cards[MERCHANT]["masked"] == mask(DEBIT_1)
        assert acquirer.cards[MERCHANT]["holder"] == HOLDER
    said = (*written_in(tmp_path), metrics.encode(), story.encode())
    for form in (DEBIT_1.encode(), bytes.fromhex(f"0{DEBIT_1}"), bytes.fromhex(f"{DEBIT_1}0")):
        assert not [each for each in said if form in each]


async def test_the_bank_is_told_until_it_answers_though_it_fails_and_loses_answers(
    tmp_path: Path, bank: Bank
) -> None:
    async with settling(tmp_path, fail_every=2, lose_every=2) as acquirer:
        more = settings(tmp_path, acquirer.script.port, "settlement.compare_at=")
        async with gateway(tmp_path, bank, *more) as running:
            for merchant in (MERCHANT, "MERCHANT0000002", "MERCHANT0000003"):
                number = await approved(running, DEBIT_1, merchant)
                await comes_to(running, number, "SYNCED")
            results = running.switch.office.settlement.sync.results
            assert results["taken"] == 3
            assert results["failed"] >= 2
        lines = (tmp_path / "book.jsonl").read_text().splitlines()
        assert [json.loads(line)["version"] for line in lines] == [1, 1, 1]


async def test_what_the_bank_was_to_be_told_outlives_the_process(
    tmp_path: Path, bank: Bank
) -> None:
    more = settings(tmp_path, 1)  # nobody listens there
    async with gateway(tmp_path, bank, *more) as running:
        number = await approved(running)
        await comes_to(running, number, "SYNC_RETRY")
    async with settling(tmp_path) as acquirer:
        more = settings(tmp_path, acquirer.script.port)
        async with gateway(tmp_path, bank, *more) as running:
            await comes_to(running, number, "SYNCED")


async def test_a_bank_that_refuses_a_card_says_why(tmp_path: Path, bank: Bank) -> None:
    async with settling(tmp_path, refuse={DEBIT_1[-4:]: "P13"}) as acquirer:
        more = settings(tmp_path, acquirer.script.port)
        async with gateway(tmp_path, bank, *more) as running:
            number = await approved(running)
            await comes_to(running, number, "REJECTED")
            told = (await running.http.get(f"/accounts/{number}")).json()
            assert told["story"][-1]["en"].endswith("(P13 holder or data differ)")
            told = (await running.http.get("/accounts/funnel?kind=settlement")).json()
            assert [each["reached"] for each in told] == [1, 1, 1, 1, 0, 0]
            assert told[3]["rejected"] == 1
            assert (await running.http.get("/accounts/funnel?kind=x")).status_code == 400
    assert acquirer.cards == {}


async def test_a_bank_that_wants_a_token_gets_it(tmp_path: Path, bank: Bank) -> None:
    (tmp_path / "token").write_text("secret\n")
    async with settling(tmp_path, token="secret") as acquirer:  # noqa: S106 - the simulated bank's
        more = settings(tmp_path, acquirer.script.port)
        async with gateway(tmp_path, bank, *more) as running:
            number = await approved(running)
            await comes_to(running, number, "SYNC_RETRY")
        more = (*more, f"settlement.token_file={tmp_path / 'token'}")
        async with gateway(tmp_path, bank, *more) as running:
            await comes_to(running, number, "SYNCED")


async def test_both_sides_are_compared_page_by_page_and_by_night(
    tmp_path: Path, bank: Bank
) -> None:
    async with settling(tmp_path) as acquirer:
        more = settings(tmp_path, acquirer.script.port)
        async with gateway(tmp_path, bank, *more) as running:
            sync = running.switch.office.settlement.sync
            await running.until(lambda: sync.compared_at > 0)  # the night before was missed
            number = await approved(running)
            await comes_to(running, number, "SYNCED")
            told = await running.http.post("/settlement/compare", json={"who": "rita"})
            assert told.status_code == 403
            told = await running.http.post("/settlement/compare", json={"who": "clara"})
            assert (told.status_code, told.json()["differ"]) == (200, {})
            acquirer.cards[MERCHANT]["masked"] = mask(DEBIT_2)
            strangers = {f"OTHER{number:010d}" for number in range(150)}
            for each in strangers:
                acquirer.cards[each] = {"merchant": each, "version": 1, "token": "T", "masked": "*"}
            told = await running.http.post("/settlement/compare", json={"who": "clara"})
            differ = told.json()["differ"]
            assert differ.pop(MERCHANT) == "another card at the bank"
            assert differ == dict.fromkeys(strangers, "unknown here")
            metrics = (await running.http.get("/metrics")).text
            assert "gateway_settlement_sync_mismatch 151.0" in metrics


async def test_a_settlement_run_adds_the_days_money_up_and_names_the_card(
    tmp_path: Path, bank: Bank
) -> None:
    async with settling(tmp_path) as acquirer:
        more = settings(tmp_path, acquirer.script.port)
        async with gateway(tmp_path, bank, *more) as running:
            terminal = await running.terminal()
            for stan in (1, 2):
                assert (await terminal.asks(sale(stan=stan)))[39] == "00"
            await running.until(lambda: running.state(2).value == "PRESUMED_SERVED")
            currency = sale()[49]
            body = {"who": "clara", "currency": currency}
            told = (await running.http.post("/settlement/run", json=body)).json()
            (payout,) = told["payouts"]
            assert (payout["merchant"], payout["amount"]) == (MERCHANT, 2_000)
            assert payout["held"] == "no card"
            late = await running.http.post("/settlement/run", json=body | {"day": "2999-01-01"})
            assert late.status_code == 409
            assert (
                await running.http.post("/settlement/run", json={"day": "x"})
            ).status_code == 403
            bad = await running.http.post("/settlement/run", json=body | {"day": "x"})
            assert bad.status_code == 400
            await terminal.vanish()


async def test_a_terminal_sends_its_card_enciphered_over_its_socket(
    tmp_path: Path, bank: Bank
) -> None:
    key = MacKey("aes-cmac", bytes.fromhex(KEY))

    def action(stan: int, digit: str, **record: Any) -> Message:
        fields = {7: "1123171500", 11: f"{stan:06d}", 41: TERMINAL, 42: MERCHANT, 91: digit}
        fields |= {101: "SETTLEACC", 120: json.dumps({"who": "01", **record})}
        message = build(dialect(ISO), "0300", fields)
        mac.sign(message, key)
        return message

    async with settling(tmp_path) as acquirer:
        more = settings(tmp_path, acquirer.script.port, with_mac(tmp_path))
        async with gateway(tmp_path, bank, *more) as running:
            terminal = await running.terminal()
            told = await terminal.asks(action(1, "5"))
            said = {"token": json.loads(told[120])["token"], "name": HOLDER}
            clear = await terminal.asks(action(2, "2", **said, card=DEBIT_1, again=DEBIT_1))
            assert (clear[39], clear[44]) == ("27", "card")
            other = await sealed(running, DEBIT_1, DEBIT_2)
            told = await terminal.asks(action(3, "2", **said, card=other))
            assert (told[39], told[44]) == ("27", "again")
            credit = await sealed(running, CREDIT_1)
            told = await terminal.asks(action(4, "5", **said, card=credit))
            assert (told[39], told[44]) == ("00", "P12")
            good = action(5, "2", **said, card=await sealed(running, DEBIT_3))
            told = await terminal.asks(good)
            assert (told[39], json.loads(told[120])["state"]) == ("00", "UNDER_REVIEW")
            assert (await terminal.asks(good)).raw == told.raw
            await terminal.vanish()


def paper(folder: Path) -> list[str]:
    """Settings of a journal that no gateway uses."""
    (folder / "gateway.toml").write_text('[[listener]]\nport=0\n[[host]]\nname="bank"\n')
    load_key(folder / "isogate.db.key")
    return [f"journal.path={folder / 'isogate.db'}", *settings(folder, 1)]


def isogate(folder: Path, *arguments: str) -> tuple[int, Any]:
    """A command on that journal."""
    overrides = [word for each in paper(folder) for word in ("--set", each)]
    where = [*arguments[:2], str(folder / "gateway.toml"), *arguments[2:], *overrides]
    done = CliRunner().invoke(app, where)
    is_json = done.stdout.startswith(("{", "["))
    return done.exit_code, json.loads(done.stdout) if is_json else done.output


def test_commands_tell_the_key_and_how_both_sides_stand(tmp_path: Path) -> None:
    code, key = isogate(tmp_path, "settlement", "key")
    assert (code, key["crv"], "d" in key) == (0, "X25519", False)
    code, told = isogate(tmp_path, "settlement", "run", "--who", "clara", "--json")
    assert (code, told["facts"]["payouts"]) == (0, [])
    code, told = isogate(tmp_path, "settlement", "show", "--json")
    assert (code, told) == (0, [])
    assert isogate(tmp_path, "settlement", "show")[0] == 0
    code, stages = isogate(tmp_path, "account", "funnel", "--kind", "settlement", "--json")
    assert (code, stages[-1]["stage"]) == (0, "EFFECTIVE")
    code, told = isogate(tmp_path, "settlement", "compare", "--who", "clara")
    assert (code, told) == (2, "isogate: only a running gateway with a settlement.url compares\n")
    assert isogate(tmp_path, "settlement", "run", "--who", "rita")[0] == 1


@pytest.mark.slow
def test_a_person_types_a_card_twice_and_nothing_of_it_is_seen(tmp_path: Path) -> None:
    about = ("MERCHANT0000001", "--file", "SETTLEACC")
    _, told = isogate(tmp_path, "account", "enquire", *about, "--who", "clara", "--json")
    arguments = ["account", "request", str(tmp_path / "gateway.toml"), *about, "--action", "2"]
    arguments += ["--token", told["facts"]["token"], "--with", f"name={HOLDER}", "--card"]
    arguments += ["--who", "clara", "--json"]
    arguments += [word for each in paper(tmp_path) for word in ("--set", each)]
    screen, keyboard = pty.openpty()
    command = [sys.executable, "-m", "gateway", *arguments]
    with subprocess.Popen(
        command, stdin=keyboard, stderr=keyboard, stdout=subprocess.PIPE
    ) as process:
        os.close(keyboard)  # the command has it: a screen without one ends
        seen = b""
        for prompt in (b"Card number: ", b"Once more: "):
            while prompt not in seen:
                seen += os.read(screen, 1_000)
            os.write(screen, f"{DEBIT_1[:4]} {DEBIT_1[4:]}\n".encode())
        assert process.stdout is not None
        told = json.loads(process.stdout.read())
        assert process.wait(30) == 0
    with suppress(OSError):
        while more := os.read(screen, 1_000):
            seen += more
    os.close(screen)
    assert (told["facts"]["state"], told["facts"]["masked"]) == ("UNDER_REVIEW", mask(DEBIT_1))
    assert DEBIT_1[4:].encode() not in seen


def test_a_table_of_bins_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "bins.csv"
    path.write_text(BINS)
    found = bins_in(path)
    assert [each.prefix for each in found] == ["622202", "622848", "622575"]
    assert found[2].lengths == (16, 17, 18, 19)
    assert (found[1].kind, found[1].medium) == (CardKind.DEBIT, Medium.CHIP)
    for line, why in (
        ("12x,19,B,debit,both", "row 5: prefix: 1 to 12 digits"),
        ("12,9,B,debit,both", "row 5: lengths: 13 to 19"),
        ("12,19,,debit,both", "row 5: bank: none given"),
        ("12,19,B,gold,both", "row 5: Invalid enum value 'gold' - at `$.kind`"),
        ("622848,19,B,debit,both", "622848 stands there twice"),
    ):
        path.write_text(BINS + line + "\n")
        with pytest.raises(BinFileError, match=why.replace("$", r"\$")):
            bins_in(path)
    path.write_text("prefix\n")
    with pytest.raises(BinFileError, match="the first line is prefix,lengths,bank,kind,medium"):
        bins_in(path)


def test_what_a_settlement_section_lacks_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text('[[listener]]\nport=0\n[[host]]\nname="bank"\n')
    places = ["settlement.url=bank", "settlement.cut_over_at=25:00", "settlement.timeout_s=0"]
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "gateway.toml", places)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "settlement.timeout_s = 0.0",
        "settlement.cut_over_at = '25",
        "settlement.url = 'bank'",
        "settlement.bin_file",
        "settlement.key_file = ''",
    ]
