"""Account services of a running gateway: over the wire, over HTTP, by command, through a kill."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import pytest
from typer.testing import CliRunner

from codec import MacKey, Message, build, dialect, mac
from gateway.backups import BackupError, opened, sums_of
from gateway.cli import app
from gateway.config import load
from gateway.notices import body_of
from routing.accounts.backup import Evidence
from routing.effects import Kept, Noted
from routing.states import State
from tests.gateway.test_gateway import CONFIG, Bank, Running, gateway
from tests.routing.world import ISO, MERCHANT, TERMINAL, sale

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.journal import Journal
    from routing.effects import Record

PEOPLE: Final = (
    "accounts.people=["
    f'{{name="{MERCHANT}/01", roles=["merchant"]}},'
    '{name="clara", roles=["clerk"]},'
    '{name="rita", roles=["reviewer"]},'
    '{name="tech", roles=["technician"]}]'
)
KEY: Final = "31" * 16


@pytest.fixture
def bank() -> Iterator[Bank]:
    with closing(Bank()) as made:
        yield made


def with_mac(folder: Path) -> tuple[str, ...]:
    """Settings of a listener whose messages carry MACs, and of people."""
    path = folder / "mac.key"
    path.write_text(KEY)
    path.chmod(0o600)
    mac = f'listener.0.mac={{algorithm="aes-cmac", key_file="{path}"}}'
    return (mac, PEOPLE)


def on_paper(folder: Path, *arguments: str) -> tuple[int, Any]:
    """A command on the journal that no gateway uses."""
    settings = ["--set", f"journal.path={folder / 'isogate.db'}", "--set", PEOPLE]
    where = [arguments[0], str(folder / "gateway.toml"), *arguments[1:]]
    done = CliRunner().invoke(app, ["account", *where, *settings, "--json"])
    return done.exit_code, json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else None


async def post(running: Running, verb: str, who: str, **body: Any) -> tuple[int, dict[str, Any]]:
    """A person asks over HTTP."""
    told = await running.http.post(f"/accounts/{verb}", json={"who": who, **body})
    return told.status_code, told.json()


async def test_an_account_is_cancelled_over_http_and_its_story_told(
    tmp_path: Path, bank: Bank
) -> None:
    about = {"file": "MERCHANT", "record": {"merchant": MERCHANT}}
    async with gateway(tmp_path, bank, PEOPLE) as running:
        status, told = await post(running, "enquire", "clara", action="5", **about)
        assert (status, told["codes"]) == (200, "")
        record = {"merchant": MERCHANT, "token": told["token"], "reason": "shop closes"}
        wanted: dict[str, Any] = {"file": "MERCHANT", "action": "3", "record": record}
        status, asked = await post(running, "request", "clara", key="k-1", **wanted)
        assert (status, asked["state"]) == (200, "UNDER_REVIEW")
        again = await post(running, "request", "clara", key="k-1", **wanted)
        assert again == (200, asked)
        number = asked["request"]
        on_it = {"record": {"request": number}}
        assert (await post(running, "approve", "clara", **on_it))[0] == 409
        assert (await post(running, "approve", "mallory", **on_it))[0] == 403
        assert (await post(running, "approve", "rita", **on_it))[1]["state"] == "APPROVED"
        office = running.switch.office
        await running.until(lambda: office.shelf.get(number).state == "CANCELLED")  # type: ignore[union-attr]
        terminal = await running.terminal()
        assert (await terminal.asks(sale()))[39] == "03"
        await terminal.vanish()
        story = (await running.http.get(f"/accounts/{number}")).json()
        assert [line["what"] for line in story["story"]] == [
            "OPENED",
            "PASSED",
            "APPROVED",
            "BEGUN",
            "CLEARED",
        ]
        assert story["story"][2]["en"] == "rita approved it -> approved"
        assert story["story"][2]["zh"] == "rita: 批准 -> 已批准"
        (row,) = (await running.http.get("/accounts?all")).json()
        assert (row["request"], row["state"]) == (number, "CANCELLED")
    async with gateway(tmp_path, bank, PEOPLE) as running:
        terminal = await running.terminal()
        assert (await terminal.asks(sale(stan=2)))[39] == "03"
        await terminal.vanish()


async def test_without_a_mac_a_terminal_may_ask_for_nothing(tmp_path: Path, bank: Bank) -> None:
    fields = {7: "1123171500", 11: "000700", 41: TERMINAL, 42: MERCHANT, 91: "5", 101: "MERCHANT"}
    message = build(dialect(ISO), "0300", fields | {120: '{"who":"01"}'})
    async with gateway(tmp_path, bank, PEOPLE) as running:
        terminal = await running.terminal()
        told = await terminal.asks(Message(message.raw, dialect(ISO)))
        assert (told.mti, told[39]) == ("0310", "58")
        await terminal.vanish()


def test_commands_ask_and_decide_on_a_journal_that_no_gateway_uses(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(CONFIG)
    (tmp_path / "licence.pdf").write_bytes(b"a licence")
    assert CliRunner().invoke(app, ["account", "--help"]).exit_code == 0
    (tmp_path / "isogate.db.key").write_text(KEY * 2)
    (tmp_path / "isogate.db.key").chmod(0o600)
    clara, rita = ("--who", "clara"), ("--who", "rita")
    code, told = on_paper(tmp_path, "enquire", MERCHANT, *clara)
    assert (code, told["status"]) == (0, 200)
    token = ("--token", told["facts"]["token"])
    document = ("--document", str(tmp_path / "licence.pdf"))
    reason = ("--reason", "shop closes")
    code, told = on_paper(tmp_path, "request", MERCHANT, *clara, *token, *reason, *document)
    assert (code, told["facts"]["state"]) == (0, "UNDER_REVIEW")
    number = told["facts"]["request"]
    code, told = on_paper(tmp_path, "reject", number, *rita)
    assert (code, told["facts"]["wrong"]) == (1, ["what"])
    code, told = on_paper(tmp_path, "reject", number, *rita, "--what", "P5,P7")
    assert (code, told["facts"]["state"]) == (0, "REJECTED")
    settings = ["--set", f"journal.path={tmp_path / 'isogate.db'}", "--set", PEOPLE]
    where = [str(tmp_path / "gateway.toml"), number, *settings]
    done = CliRunner().invoke(app, ["account", "explain", *where])
    assert "clara asked for it -> asked for" in done.stdout
    assert "rita rejected it -> rejected (P5 contract term not over, P7 documents" in done.stdout
    assert "Next (merchant, until " in done.stdout
    done = CliRunner().invoke(app, ["account", "explain", *where, "--lang", "zh"])
    assert "rita: 拒绝 -> 已拒绝 (P5 合同未到期, P7 材料缺失)" in done.stdout


async def test_a_terminal_goes_out_of_service_behind_a_verified_enciphered_backup(
    tmp_path: Path, bank: Bank
) -> None:
    folder = f"backups.folder={tmp_path / 'backups'}"
    about = {"merchant": MERCHANT, "terminal": TERMINAL}
    record: dict[str, Any] = {**about, "state": "DEACTIVATED", "kind": "FAULT"}
    record |= {"reason": "printer jams", "contact": "010 555 000"}
    async with gateway(tmp_path, bank, PEOPLE, folder) as running:
        terminal = await running.terminal()
        assert (await terminal.asks(sale()))[39] == "00"
        await running.until(lambda: running.state() is State.PRESUMED_SERVED)
        wanted: dict[str, Any] = {"file": "TERMINAL", "record": record}
        _, told = await post(running, "enquire", "clara", action="5", **wanted)
        wanted["record"] = record | {"token": told["token"]}
        status, asked = await post(running, "request", "clara", action="2", **wanted)
        assert (status, asked["state"]) == (200, "UNDER_REVIEW")
        number = asked["request"]
        await post(running, "approve", "rita", record={"request": number})
        office = running.switch.office
        await running.until(lambda: office.shelf.get(number).state == "DEACTIVATED")  # type: ignore[union-attr]
        assert (await terminal.asks(sale(stan=2)))[39] == "58"
        await terminal.vanish()
        story = (await running.http.get(f"/accounts/{number}")).json()["story"]
        assert story[-1]["remark"] == "1 transactions, 1000"
    (file,) = (tmp_path / "backups").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    held = file.read_bytes()
    assert sale()[2].encode() not in held
    assert b"PRESUMED_SERVED" not in held
    config = load(tmp_path / "gateway.toml", [f"journal.path={tmp_path / 'isogate.db'}", folder])
    (row,) = opened(file, config)
    assert (row["stan"], row["amount"], row["state"]) == ("000001", 1000, "PRESUMED_SERVED")
    assert sale()[2] not in str(row)
    file.write_bytes(held[:-1] + bytes([held[-1] ^ 1]))
    with pytest.raises(BackupError, match="made under another key, or not what was written"):
        opened(file, config)


def test_what_was_not_written_whole_is_no_evidence() -> None:
    rows = [{"amount": 5, "approved_amount": 0}, {"amount": 7, "approved_amount": 6}]
    whole, part = sums_of(rows), sums_of(rows[:1])
    assert (whole.transactions, whole.money) == (2, 11)
    assert Evidence(whole, whole, "f").matches
    assert not Evidence(whole, part, "f").matches
    assert Evidence(whole, part, "f").told() == "1 of 2 transactions, or other contents"


async def test_a_terminal_cancels_its_account_over_its_socket_with_macs(
    tmp_path: Path, bank: Bank
) -> None:
    key = MacKey("aes-cmac", bytes.fromhex(KEY))

    def action(stan: int, digit: str, **record: Any) -> Message:
        fields = {7: "1123171500", 11: f"{stan:06d}", 41: TERMINAL, 42: MERCHANT, 91: digit}
        fields |= {101: "TERMINAL", 120: json.dumps({"who": "01", **record})}
        message = build(dialect(ISO), "0300", fields)
        mac.sign(message, key)
        return message

    async with gateway(tmp_path, bank, *with_mac(tmp_path)) as running:
        terminal = await running.terminal()
        unsigned = build(dialect(ISO), "0300", {11: "000001", 41: TERMINAL, 42: MERCHANT, 91: "5"})
        assert (await terminal.asks(unsigned))[39] == "A0"
        told = await terminal.asks(action(2, "5", state="CANCELLED"))
        assert (told.mti, told[39], mac.verify(told, key)) == ("0310", "00", True)
        token = json.loads(told[120])["token"]
        wanted = action(3, "3", token=token, reason="shop got smaller")
        told = await terminal.asks(wanted)
        assert (told[39], json.loads(told[120])["state"]) == ("00", "UNDER_REVIEW")
        assert (await terminal.asks(wanted)).raw == told.raw
        number = json.loads(told[120])["request"]
        again = await terminal.asks(action(4, "3", token=token, reason="shop got smaller"))
        assert (again[39], again[44]) == ("26", "P18")
        await post(running, "approve", "rita", record={"request": number})
        office = running.switch.office
        await running.until(lambda: office.shelf.get(number).state == "CANCELLED")  # type: ignore[union-attr]
        refused = sale(stan=9)
        mac.sign(refused, key)
        assert (await terminal.asks(refused))[39] == "58"
        await terminal.vanish()


def test_a_request_is_explained_from_journal_audit_log_and_log(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(CONFIG)
    (tmp_path / "isogate.db.key").write_text(KEY * 2)
    (tmp_path / "isogate.db.key").chmod(0o600)
    told = on_paper(tmp_path, "enquire", MERCHANT, "--who", "clara")[1]
    asks = ("--who", "clara", "--token", told["facts"]["token"], "--reason", "shop closes")
    number = on_paper(tmp_path, "request", MERCHANT, *asks)[1]["facts"]["request"]
    line = {"at": time.time(), "level": "info", "event": "account: passed", "request": number}
    (tmp_path / "isogate.log").write_text(json.dumps(line) + "\n")
    settings = [f"journal.path={tmp_path / 'isogate.db'}", f"log.file={tmp_path / 'isogate.log'}"]
    options = [option for each in settings for option in ("--set", each)]
    where = ["explain", str(tmp_path / "gateway.toml"), number, *options, "--json"]
    lines = json.loads(CliRunner().invoke(app, where).stdout)
    assert {each["source"] for each in lines} == {"journal", "audit", "log"}
    (stands,) = [each for each in lines if each["source"] == "journal"]
    assert (stands["state"], "owner reviewer" in stands["more"]) == ("UNDER_REVIEW", True)


def test_a_notice_of_a_request_has_what_its_reader_needs_in_both_languages() -> None:
    said: dict[str, str | int | float] = {"told": "account_step", "by": 1_790_000_000.0}
    said |= {"request": "A1-1", "title": "under review", "title_zh": "审核中"}
    body = body_of(Noted(0, 1, 1_789_999_000.0, "notice", "A1-1-step", "", said))
    assert (body["key"], body["told"], body["request"]) == ("A1-1-step", "account_step", "A1-1")
    assert body["by"] == "2026-09-21 14:13:20.000Z"
    assert (body["title"], body["title_zh"]) == ("under review", "审核中")


class SlowToKeep:
    """A journal that takes its time for what is kept."""

    keeps_nothing = False

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def append(self, records: Sequence[Record]) -> Any:
        """As it does, later."""
        if any(isinstance(each, Kept) for each in records):
            time.sleep(0.2)
        return self._journal.append(records)


async def test_nobody_is_told_of_a_request_before_it_is_durable(tmp_path: Path, bank: Bank) -> None:
    about = {"file": "MERCHANT", "record": {"merchant": MERCHANT}}
    async with gateway(tmp_path, bank, PEOPLE, wrap=SlowToKeep) as running:  # type: ignore[arg-type]
        _, told = await post(running, "enquire", "clara", action="5", **about)
        record = {"merchant": MERCHANT, "token": told["token"], "reason": "shop closes"}
        _, asked = await post(
            running, "request", "clara", file="MERCHANT", action="3", record=record
        )
        story = (await running.http.get(f"/accounts/{asked['request']}")).json()
        assert story["state"] == "UNDER_REVIEW"
