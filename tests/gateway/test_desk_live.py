"""The desk beside a running gateway: over HTTP, with a webhook's receiver and test charges."""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from routing.charge import State
from tests.gateway.test_gateway import Bank, Running, audited, gateway
from tests.gateway.test_gateway import bank as bank  # noqa: PLC0414 - the fixture
from tests.routing.world import reversal, sale

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PERSON = {"who": "Ana"}
OTHER = {"who": "Ben"}


async def sold(running: Running, stan: int = 1, **changes: Any) -> None:
    """A sale that was approved, delivered, and is presumed served."""
    terminal = await running.terminal()
    assert (await terminal.asks(sale(stan=stan, **changes)))[39] == "00"
    await running.until(lambda: running.state(stan) is State.PRESUMED_SERVED)
    await terminal.vanish()


async def test_a_dispute_is_decided_by_two_persons_over_http(tmp_path: Path, bank: Bank) -> None:
    async with gateway(tmp_path, bank) as running:
        await sold(running)
        http = running.http
        frozen = await http.post("/charges/1/dispute", json=PERSON | {"why": "never got it"})
        assert (frozen.status_code, frozen.json()["state"]) == (200, "CASE")
        text = (await http.get("/metrics")).text
        assert 'gateway_disputed_money{currency="840"} 1000.0' in text
        assert 'gateway_cases{reason="disputed"} 1.0' in text
        first = await http.post("/cases/1/close", json=PERSON | {"how": "retry"})
        assert first.status_code == 202
        (case,) = (await http.get("/cases")).json()
        assert (case["proposed"], case["proposed_by"]) == ("retry", "Ana")
        assert (await http.post("/cases/1/confirm", json=PERSON)).status_code == 403
        assert (await http.post("/cases/1/confirm", json=OTHER)).status_code == 200
        await running.until(lambda: running.state() is State.REVERSED)
        story = (await http.get("/charges/1/story")).json()
        assert {"Ana", "Ben", "host bank"} <= {line["who"] for line in story}
        assert (await http.get("/charges/77/story")).status_code == 404
    report = audited(tmp_path)
    assert (report.reversed, report.violations) == (1, [])


async def test_a_complaint_gets_the_money_back_and_is_timed(tmp_path: Path, bank: Bank) -> None:
    small = "cases.complaint_reverses_up_to={840 = 1000}"
    async with gateway(tmp_path, bank, small) as running:
        await sold(running)
        http = running.http
        rrn = {"rrn": "RRN000000042"}
        verdict = await http.post("/complaints", json=PERSON | rrn)
        assert (verdict.status_code, verdict.json()["said"]) == (200, "reversal begun")
        await running.until(lambda: running.state() is State.REVERSED)
        text = (await http.get("/metrics")).text
        assert 'gateway_complaints_total{verdict="reversal begun"} 1.0' in text
        assert "gateway_complaint_to_money_back_seconds_count 1.0" in text
        again = await http.post("/complaints", json=PERSON | {"charge": 1})
        assert again.json()["said"] == "reversed"
        assert (await http.post("/complaints", json={"amount": 5})).status_code == 400
        assert (await http.post("/complaints", json={"rrn": "x"})).status_code == 404


async def test_differences_are_found_once_and_counted(tmp_path: Path, bank: Bank) -> None:
    async with gateway(tmp_path, bank) as running:
        await sold(running)
        asked = {
            "request": {
                "do": "difference",
                "host": "bank",
                "kind": "we_approved_they_not",
                "key": "bank|1",
                "charge": 1,
            },
            "who": "Ana",
        }
        assert (await running.http.post("/desk", json=asked)).json()["said"] == "case opened"
        assert (await running.http.post("/desk", json=asked)).json()["said"] == "known"
        text = (await running.http.get("/metrics")).text
        assert 'gateway_recon_diffs_total{kind="we_approved_they_not"} 1.0' in text
        asked["request"]["key"] = "4761739001010119"  # type: ignore[index]
        assert (await running.http.post("/desk", json=asked)).status_code == 400
        asked["request"]["kind"] = "magic"  # type: ignore[index]
        assert (await running.http.post("/desk", json=asked)).status_code == 400
        (card,) = (await running.http.get("/hosts")).json()
        assert (card["charges"], card["differences"]) == (1, 1)
        assert (await running.http.get("/merchants?days=x")).status_code == 400
        assert (await running.http.get("/merchants?days=1")).json()[0]["charges"] == 1
        assert (await running.http.get("/differences")).json() == []


async def test_limits_change_while_the_gateway_runs(tmp_path: Path, bank: Bank) -> None:
    async with gateway(tmp_path, bank) as running:
        limits = {"do": "limits", "limits": {"amount_max": 500}}
        propose = await running.http.post("/desk", json={"request": limits, "who": "Ana"})
        assert propose.status_code == 202
        confirm = {"request": {"do": "confirm limits"}, "who": "Ben"}
        assert (await running.http.post("/desk", json=confirm)).status_code == 200
        assert (await running.http.get("/limits")).json()["in_force"]["amount_max"] == 500
        terminal = await running.terminal()
        assert (await terminal.asks(sale()))[39] == "61"
        text = (await running.http.get("/metrics")).text
        assert 'gateway_limit_rejects_total{code="61"} 1.0' in text
        await terminal.vanish()
    async with gateway(tmp_path, bank) as running:
        assert running.switch.life.limits.settings.amount_max == 500


async def test_who_reported_a_service_is_written_down(tmp_path: Path, bank: Bank) -> None:
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        await terminal.asks(sale(de42="CONFIRMS0000001"))
        await running.until(lambda: running.state() is State.DELIVERED)
        waiting = {"served": None, "reason": "papers are missing", "who": "till 6"}
        assert (await running.http.post("/charges/1/service", json=waiting)).status_code == 200
        assert running.state() is State.DELIVERED
        report = {"served": False, "reason": "ORDER_CANCELLED", "who": "till 7"}
        assert (await running.http.post("/charges/1/service", json=report)).status_code == 200
        story = (await running.http.get("/charges/1/story")).json()
        assert {"till 6", "till 7"} <= {line["who"] for line in story}
        assert "papers are missing" in [line["remark"] for line in story]
        assert (await running.http.post("/charges/1/service", json=waiting)).status_code == 409
        text = (await running.http.get("/metrics")).text
        assert 'gateway_not_served_total{reason="ORDER_CANCELLED"} 1.0' in text
        await terminal.vanish()


# What operators see


async def test_money_at_risk_is_what_waits_for_its_service(tmp_path: Path, bank: Bank) -> None:
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        await terminal.asks(sale(de42="CONFIRMS0000001"))
        await running.until(lambda: running.state() is State.DELIVERED)
        text = (await running.http.get("/metrics")).text
        assert 'gateway_money_at_risk{currency="840"} 1000.0' in text
        assert float(_value(text, "gateway_service_pending_age_seconds")) > 0
        served = {"served": True}
        assert (await running.http.post("/charges/1/service", json=served)).status_code == 200
        text = (await running.http.get("/metrics")).text
        assert "gateway_money_at_risk{" not in text
        assert _value(text, "gateway_service_pending_age_seconds") == "0.0"
        await terminal.vanish()


def _value(text: str, name: str) -> str:
    return next(line.split()[1] for line in text.splitlines() if line.startswith(name + " "))


async def test_what_is_undone_is_counted_by_why_and_timed(tmp_path: Path, bank: Bank) -> None:
    bank.decides = lambda m: "51" if m.mti == "0200" and m[11].endswith("2") else "00"
    async with gateway(tmp_path, bank, "merchant.0.window_s=0.2") as running:
        await taken_back(running)
        terminal = await running.terminal()
        await terminal.asks(sale(stan=2))
        await terminal.asks(sale(stan=3, de42="CONFIRMS0000001"))
        await running.until(lambda: running.state(3) is State.REVERSED)
        text = (await running.http.get("/metrics")).text
        await terminal.vanish()
    for line in (
        'gateway_reversals_total{reason="terminal_reversal"} 1.0',
        'gateway_reversals_total{reason="not_confirmed"} 1.0',
        "gateway_reversal_latency_seconds_count 2.0",
        "gateway_merchant_silent_total 1.0",
        'gateway_breaker_open{host="bank"} 0.0',
    ):
        assert line in text


async def test_charges_that_a_stop_cut_off_are_counted_in_the_next_life(
    tmp_path: Path, bank: Bank
) -> None:
    bank.decides = lambda message: None if message.mti == "0200" else "00"
    async with gateway(tmp_path, bank, "host.0.answer_timeout_s=30") as running:
        terminal = await running.terminal()
        await terminal.send(sale())
        await running.until(lambda: bank.got)
        await terminal.vanish()
    async with gateway(tmp_path, bank) as running:
        await running.until(lambda: running.state() is State.REVERSED)
        text = (await running.http.get("/metrics")).text
    assert "gateway_orphans_found_total 1.0" in text
    assert 'gateway_reversals_total{reason="restart"} 1.0' in text


async def test_a_decline_takes_nothing_and_is_counted_by_its_code(
    tmp_path: Path, bank: Bank
) -> None:
    bank.decides = lambda message: "51" if message.mti == "0200" else "00"
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        assert (await terminal.asks(sale()))[39] == "51"
        await terminal.asks(reversal(sale()))
        text = (await running.http.get("/metrics")).text
        assert 'gateway_declines_total{code="51",host="bank"} 1.0' in text
        assert bank.with_mti("04") == []
        await terminal.vanish()


# Notices


class Receiver:
    """A webhook's other end: takes what it gets, or answers what a test says."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["content-length"])
                body = json.loads(self.rfile.read(size))
                receiver.got.append((self.headers["idempotency-key"], body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/notices"


@contextmanager
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


async def taken_back(running: Running, stan: int = 1) -> None:
    """A sale that its terminal reversed."""
    terminal = await running.terminal()
    await terminal.asks(sale(stan=stan))
    await terminal.asks(reversal(sale(stan=stan)))
    await running.until(lambda: running.state(stan) is State.REVERSED)
    await terminal.vanish()


async def test_a_customer_is_told_that_money_comes_back_and_by_when(
    tmp_path: Path, bank: Bank
) -> None:
    with receiver() as hook:
        async with gateway(tmp_path, bank, f"notices.url={hook.url}") as running:
            await taken_back(running)
            await running.until(lambda: len(hook.got) == 2)
            await running.until(lambda: running.notices.results["taken"] == 2)
            text = (await running.http.get("/metrics")).text
            assert 'gateway_notices_total{result="taken"} 2.0' in text
    (first_key, first), (_, second) = hook.got
    assert (first["told"], second["told"]) == ("being_reversed", "reversed")
    assert first["by"] > first["at"]
    assert second["by"] is None
    assert (first["card"], first["amount"], first["key"]) == ("476173******0119", 1000, first_key)
    assert sale()[2] not in str(hook.got)


async def test_a_notice_is_posted_until_it_is_taken_over_a_restart(
    tmp_path: Path, bank: Bank
) -> None:
    with receiver() as hook:
        hook.answers = [500, 503, 429]
        settings = (f"notices.url={hook.url}", "notices.retry_s=0.01", "notices.retry_max_s=0.02")
        async with gateway(tmp_path, bank, "notices.url=http://127.0.0.1:1/") as running:
            await taken_back(running)
            await running.until(lambda: running.notices.results["failed"] >= 1)
        async with gateway(tmp_path, bank, *settings) as running:
            await running.until(lambda: running.notices.results["taken"] == 2)
            assert running.notices.results["failed"] == 3
        async with gateway(tmp_path, bank, *settings) as running:
            await running.until(lambda: running.notices.looks > 1)
            assert running.notices.waiting == 0
    keys = [key for key, _ in hook.got]
    assert len(keys) == 5
    assert keys[0] == keys[1] == keys[2] == keys[3] != keys[4]


async def test_a_notice_that_is_refused_does_not_hold_up_the_next(
    tmp_path: Path, bank: Bank
) -> None:
    with receiver() as hook:
        hook.answers = [422]
        async with gateway(tmp_path, bank, f"notices.url={hook.url}") as running:
            await taken_back(running)
            await running.until(lambda: running.notices.results["taken"] == 1)
            assert running.notices.results["refused"] == 1


async def test_a_receiver_that_talks_garbage_costs_nobody_else(tmp_path: Path, bank: Bank) -> None:
    garbage = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        with garbage.accept()[0] as conn:
            conn.recv(65_536)
            conn.sendall(b"this is no HTTP\r\n\r\n")

    thread = threading.Thread(target=talk)
    thread.start()
    url = f"notices.url=http://127.0.0.1:{garbage.getsockname()[1]}/"
    async with gateway(tmp_path, bank, url, "notices.timeout_s=1") as running:
        await taken_back(running)
        await running.until(lambda: running.notices.results["failed"] >= 1)
        await taken_back(running, 2)
    thread.join()
    garbage.close()


async def test_a_canary_whose_line_is_cut_says_so(tmp_path: Path, bank: Bank) -> None:
    settings = (*canary_settings(tmp_path), "wire.connections_max=1")
    async with gateway(tmp_path, bank, *settings) as running:
        takes_the_place = await running.terminal()
        assert (await takes_the_place.asks(sale()))[39] == "00"
        flown = await running.http.post("/desk", json={"request": {"do": "canary"}, "who": ""})
        assert (flown.status_code, bool(flown.json()["facts"]["bank"])) == (409, True)
        await takes_the_place.vanish()


async def test_a_notice_that_is_too_old_is_given_up(tmp_path: Path, bank: Bank) -> None:
    old = ("notices.url=http://127.0.0.1:1/", "notices.age_max_s=0.2", "notices.retry_s=0.05")
    async with gateway(tmp_path, bank, *old) as running:
        await taken_back(running)
        await running.until(lambda: running.notices.results["given_up"] >= 1)


# Test charges


def canary_settings(folder: Path) -> tuple[str, ...]:
    card = folder / "card"
    card.write_text("6200000000000005\n")
    return (
        f"canary.card_files={{bank = '{card}'}}",
        "canary.currency='840'",
        "canary.timeout_s=3",
        "reversal.schedule_s=[0, 0.1]",
    )


async def test_a_test_charge_goes_all_the_way_and_back_and_is_nobodys_sale(
    tmp_path: Path, bank: Bank
) -> None:
    settings = (*canary_settings(tmp_path), "notices.url=http://127.0.0.1:1/")
    async with gateway(tmp_path, bank, *settings) as running:
        asked = {"request": {"do": "canary"}, "who": "Ana"}
        for _ in range(2):
            flown = await running.http.post("/desk", json=asked)
            assert (flown.status_code, flown.json()["said"]) == (200, "ok")
        text = (await running.http.get("/metrics")).text
        assert 'gateway_canary_ok{host="bank"} 1.0' in text
        assert not re.search(r"gateway_notices_written_total{.*} [1-9]", text)
        asked["request"] = {"do": "canary", "host": "nobody"}
        assert (await running.http.post("/desk", json=asked)).status_code == 404
    charged, _ = bank.with_mti("0200")
    assert (charged[42], charged[4]) == ("CANARY000000001", "000000000001")
    assert len(bank.with_mti("042")) == 2
    report = audited(tmp_path, *settings)
    assert (report.canaries, report.charges, report.violations) == (2, 0, [])


async def test_a_test_charge_that_is_declined_is_told(tmp_path: Path, bank: Bank) -> None:
    bank.decides = lambda _: "91"
    settings = canary_settings(tmp_path)
    async with gateway(tmp_path, bank, *settings) as running:
        flown = await running.http.post("/desk", json={"request": {"do": "canary"}, "who": ""})
        assert flown.status_code == 409
        assert flown.json()["facts"] == {"bank": "the charge was answered 91"}
        assert 'gateway_canary_ok{host="bank"} 0.0' in (await running.http.get("/metrics")).text


async def test_a_flight_that_was_missed_is_made_up_for_and_flown_once_a_day(
    tmp_path: Path, bank: Bank
) -> None:
    settings = (*canary_settings(tmp_path), "canary.at=00:00")
    async with gateway(tmp_path, bank, *settings) as running:
        await running.until(lambda: running.canary.ok.get("bank") and running.node.pipeline.idle)
    async with gateway(tmp_path, bank, *settings) as running:
        assert running.canary.ok == {"bank": True}
        assert not running.canary.flown
    assert len(bank.with_mti("0200")) == 1


@pytest.mark.parametrize(
    "wrong",
    ["canary.at=25:00", "canary.listener=nobody", "canary.card_files={nobody = 'x'}"],
)
def test_a_canary_that_cannot_fly_is_told_before(tmp_path: Path, wrong: str) -> None:
    from gateway.config import load  # noqa: PLC0415
    from gateway.config_overrides import ConfigError  # noqa: PLC0415

    path = tmp_path / "gateway.toml"
    path.write_text("[[listener]]\n[[host]]\n")
    with pytest.raises(ConfigError, match="canary"):
        load(path, [wrong])
