"""The registry beside a running gateway: its file, over HTTP, and over a restart."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from gateway.audit import Audit
from gateway.config import load
from gateway.desk.registrar import LOADED_AT_ONCE_MAX
from gateway.journal.desk_reader import DeskReader
from gateway.registry_file import Document, as_toml
from routing.charge import State
from routing.entries import MerchantEntry, TerminalEntry
from routing.keeper import KeptKind
from tests.gateway.test_gateway import Bank, gateway
from tests.gateway.test_gateway import bank as bank  # noqa: PLC0414 - the fixture
from tests.routing.world import MERCHANT, TERMINAL, confirmation, reversal, sale

SHOP = f"/registry/merchants/{MERCHANT}"
TILL = f"{SHOP}/terminals/{TERMINAL}"
REQUIRED = "registry.required=true"


def registry_file(folder: Path) -> str:
    """One shop with one till, as an override of the configuration."""
    path = folder / "registry.toml"
    shop, till = MerchantEntry(id=MERCHANT), TerminalEntry(merchant=MERCHANT, id=TERMINAL)
    path.write_text(as_toml(Document(merchant=(shop,), terminal=(till,))))
    return f"registry.file={path}"


def audit_log(folder: Path) -> list[Any]:
    """The lines of the audit log, after its chain was verified."""
    config = load(folder / "gateway.toml", [f"journal.path={folder / 'isogate.db'}"])
    with Audit(config) as books:
        assert books.log().broken == ""
        return list(books.log_lines())


async def test_a_file_is_loaded_once_and_then_the_journal_counts(
    tmp_path: Path, bank: Bank
) -> None:
    file = registry_file(tmp_path)
    async with gateway(tmp_path, bank, file, REQUIRED) as running:
        terminal = await running.terminal()
        assert (await terminal.asks(sale()))[39] == "00"
        stranger = await terminal.asks(sale(stan=2, de41="T0000002"))
        assert stranger[39] == "97"
        changed = await running.http.patch(
            TILL, json={"version": 1, "changes": {"state": "SUSPENDED"}, "who": "Ana"}
        )
        assert changed.status_code == 200
        await terminal.vanish()
    async with gateway(tmp_path, bank, file, REQUIRED) as running:
        terminal = await running.terminal()
        assert (await terminal.asks(sale(stan=3)))[39] == "58"
        assert (await running.http.get(TILL)).json()["version"] == 2
        await terminal.vanish()
    lines = audit_log(tmp_path)
    assert [(line.kind, line.who) for line in lines] == [
        ("merchant changed", ""),
        ("terminal changed", ""),
        ("registry loaded", ""),
        ("terminal changed", "Ana"),
    ]


async def test_entries_are_put_changed_and_read_over_http(tmp_path: Path, bank: Bank) -> None:
    async with gateway(tmp_path, bank, REQUIRED) as running:
        http = running.http
        assert (await http.get(SHOP)).status_code == 404
        orphan = await http.put(TILL, json={"version": 0, "entry": {}})
        assert (orphan.status_code, "merchant is not registered" in orphan.text) == (400, True)
        put = await http.put(SHOP, json={"version": 0, "entry": {"name": "Corner shop"}})
        assert (put.status_code, put.json()["version"]) == (200, 1)
        entry = {"proof": "confirmation", "window_s": 30, "limits": {"amount_max": 5_000}}
        put = await http.put(TILL, json={"version": 0, "entry": entry, "who": "Ana"})
        assert put.json()["entry"] == {"merchant": MERCHANT, "id": TERMINAL, **entry}
        patch = {"version": 1, "changes": {"limits": {"day_count_max": 9}, "serial": "SN-1"}}
        patched = (await http.patch(TILL, json=patch)).json()
        assert patched["version"] == 2
        assert patched["entry"]["limits"] == {"amount_max": 5_000, "day_count_max": 9}
        back = {"version": 2, "changes": {"limits": None, "serial": None}}
        assert "limits" not in (await http.patch(TILL, json=back)).json()["entry"]
        assert (await http.get(TILL)).json()["version"] == 3
        assert [each["entry"]["id"] for each in (await http.get(f"{SHOP}/terminals")).json()] == [
            TERMINAL
        ]
        listed = (await http.get("/registry/merchants")).json()
        assert [(each["version"], each["entry"]["name"]) for each in listed] == [(1, "Corner shop")]
        assert (await http.get(f"/registry/merchants?after={MERCHANT}")).json() == []
        terminal = await running.terminal()
        assert (await terminal.asks(sale()))[39] == "00"
        assert (await terminal.asks(confirmation(sale())))[39] == "00"
        await running.until(lambda: running.state() is State.SERVED)
        await terminal.vanish()
    who = [line.who for line in audit_log(tmp_path)]
    assert who == ["", "Ana", "", ""]


@pytest.mark.parametrize(
    ("verb", "place", "body", "status", "why"),
    [
        ("PUT", SHOP, {"version": 0, "entry": {}}, 409, "version is 1"),
        ("PUT", SHOP, {"version": 7, "entry": {}}, 409, "version is 1"),
        ("PATCH", TILL, {"version": 9, "changes": {"serial": "x"}}, 409, "version is 1"),
        ("PATCH", f"{SHOP}/terminals/NONE", {"version": 0, "changes": {}}, 404, "not registered"),
        ("PATCH", TILL, {"version": 1, "changes": {"id": "OTHER"}}, 400, "does not change"),
        ("PATCH", TILL, {"version": 1, "changes": {"merchant": "OTHER"}}, 400, "does not change"),
        ("PATCH", TILL, {"version": 1, "changes": {"state": "GONE"}}, 400, "state"),
        ("PATCH", TILL, {"version": 1, "changes": {"colour": "red"}}, 400, "colour"),
        ("PATCH", TILL, {"version": 1, "changes": {"proof": "confirmation"}}, 400, "window_s"),
        ("PATCH", TILL, {"changes": {}}, 400, "version"),
        ("PUT", TILL, {"version": 1, "entry": {"batch": "x"}}, 400, "batch"),
        ("PUT", TILL, {"version": 1, "entry": {"serial": "x" * 300_000}}, 400, "longer than"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*ByteStream:pytest.PytestUnraisableExceptionWarning")
async def test_what_can_not_be_changed_so_stays_as_it_is(
    tmp_path: Path, bank: Bank, verb: str, place: str, body: Any, status: int, why: str
) -> None:
    async with gateway(tmp_path, bank, registry_file(tmp_path)) as running:
        refused = await running.http.request(verb, place, json=body)
        assert (refused.status_code, why in refused.json()["error"]) == (status, True), refused.text
        if status == 409:
            assert refused.json()["version"] == 1
            assert "gateway_registry_stale_total 1.0" in (await running.http.get("/metrics")).text
        for entry in (SHOP, TILL):
            assert (await running.http.get(entry)).json()["version"] == 1
        running.node.pipeline.kick()
        await running.node.pipeline.settled()
    assert len(audit_log(tmp_path)) == 3


async def test_with_a_token_for_each_person_nobody_else_changes_anything(
    tmp_path: Path, bank: Bank
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"ana: sha256:{hashlib.sha256(b'a-token').hexdigest()}\n")
    override = f"admin.token_file={tokens}"
    async with gateway(tmp_path, bank, override) as running:
        body = {"version": 0, "entry": {}}
        assert (await running.http.put(SHOP, json=body)).status_code == 401
        bearer = {"authorization": "Bearer a-token"}
        as_ben = await running.http.put(SHOP, json=body | {"who": "ben"}, headers=bearer)
        assert as_ben.status_code == 401
        assert (await running.http.put(SHOP, json=body, headers=bearer)).status_code == 200
        assert (await running.http.get(SHOP)).status_code == 200
    assert [line.who for line in audit_log(tmp_path)] == ["ana"]


async def test_a_load_over_http_is_bounded_and_whole(tmp_path: Path, bank: Bank) -> None:
    async with gateway(tmp_path, bank) as running:
        shops = [{"id": f"SHOP{number}"} for number in range(LOADED_AT_ONCE_MAX + 1)]
        asked = {"request": {"do": "load entries", "merchants": shops}}
        refused = await running.http.post("/desk", json=asked)
        assert (refused.status_code, "at once" in refused.text) == (400, True)
        asked["request"]["merchants"] = [*shops[:3], {"id": "A|B"}]
        assert (await running.http.post("/desk", json=asked)).status_code == 400
        assert (await running.http.get("/registry/merchants")).json() == []
        asked["request"]["merchants"] = shops[:150]
        assert (await running.http.post("/desk", json=asked)).json()["facts"] == {"changed": 150}
        first = (await running.http.get("/registry/merchants")).json()
        last = first[-1]["entry"]["id"]
        rest = (await running.http.get(f"/registry/merchants?after={last}")).json()
        assert (len(first), len(rest)) == (100, 50)


async def test_money_of_a_suspended_till_comes_back(tmp_path: Path, bank: Bank) -> None:
    async with gateway(tmp_path, bank, registry_file(tmp_path), REQUIRED) as running:
        terminal = await running.terminal()
        await terminal.asks(sale())
        change = {"version": 1, "changes": {"state": "SUSPENDED", "why": "VIOLATION"}}
        assert (await running.http.patch(TILL, json=change)).status_code == 200
        assert (await terminal.asks(sale(stan=2)))[39] == "58"
        assert (await terminal.asks(reversal(sale())))[39] == "00"
        await running.until(lambda: running.state() is State.REVERSED)
        text = (await running.http.get("/metrics")).text
        assert 'gateway_registry_terminals{state="SUSPENDED"} 1.0' in text
        assert 'gateway_registry_refused_total{code="58"} 1.0' in text
        await terminal.vanish()
    config = load(tmp_path / "gateway.toml", [f"journal.path={tmp_path / 'isogate.db'}"])
    with DeskReader(config) as reader:
        (kept,) = reader.kept(KeptKind.TERMINAL)
    assert (kept.version, kept.data and kept.data["why"]) == (2, "VIOLATION")
