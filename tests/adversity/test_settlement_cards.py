"""`kill -9` of gateway and bank while settlement cards change: both come to the same, once."""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.card_door import seal_keyed
from gateway.config import load
from gateway.desk import payouts
from gateway.desk.accounts import explained
from gateway.journal import audit_log
from gateway.journal.desk_reader import DeskReader
from gateway.simulators.settlement_bank import key_in
from tests.adversity.peers import APPROVE, Host, Terminal, sale
from tests.adversity.stage import RELAY, Stage, accepts, free_ports, wait_until
from tests.adversity.test_accounts import WAIT_S, asked, state_of
from tests.gateway.test_settlement_cards import BINS
from tests.routing.accounts.card_street import DEBIT_1, HOLDER, OLD_CARD, OLD_MASK
from tests.routing.accounts.test_settlement_card import mask

if TYPE_CHECKING:
    import subprocess

pytestmark = pytest.mark.slow

MERCHANTS: Final = tuple(f"MERCHANT000000{number}" for number in range(1, 6))
KILLS: Final = 4
_STOPPED: Final = 503
CURRENCY: Final = "840"
REGISTERED: Final = """
[[merchant]]
id = "{id}"
name = "{holder}"
accounts = [{{bank = "ICBC", holder = "{holder}", token = "{token}", masked = "{masked}"}}]
[[terminal]]
merchant = "{id}"
id = "T0000001"
"""
PEOPLE: Final = '[{name="clara", roles=["clerk"]}, {name="rita", roles=["reviewer"]}]'


class Bank:
    """The bank that settles, as a process: it fails, loses answers, dies and comes back."""

    def __init__(self, stage: Stage, port: int) -> None:
        self._stage, self._port = stage, port
        self.book = stage.folder / "settled.jsonl"
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """One life of it."""
        command = [sys.executable, "-m", "gateway", "settlement-bank"]
        command += ["--listen", f"127.0.0.1:{self._port}", "--book", str(self.book)]
        command += ["--key-file", str(self._stage.folder / "bank.key")]
        command += ["--fail-every", "3", "--lose-every", "2"]
        process = self._stage.run(command, "settlement-bank.log")
        wait_until(lambda: accepts(self._port), WAIT_S, "the bank listens")
        return process


class Killer(threading.Thread):
    """Kills the gateway and the bank, in turn, at random moments; starts them again each time."""

    def __init__(self, stage: Stage, bank: Bank, seed: int) -> None:
        super().__init__(daemon=True)
        self._stage, self._bank = stage, bank
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self.gateway = stage.gateway()
        self.kills = 0
        self.failed: BaseException | None = None

    def run(self) -> None:
        """So many times."""
        try:
            for number in range(KILLS):
                time.sleep(self._chance.uniform(0.05, 0.8))
                victim = self._bank.process if number % 2 else self.gateway
                victim.kill()
                victim.wait()
                self.kills += 1
                if number % 2:
                    self._bank.process = self._bank.start()
                else:
                    self.gateway = self._stage.gateway()
        except BaseException as error:
            self.failed = error


def page(stage: Stage, path: str, body: dict[str, Any] | None = None) -> Any:
    """A page, again and again until the gateway lives to answer."""
    url = f"http://127.0.0.1:{stage.admin_port}{path}"
    data = None if body is None else json.dumps(body).encode()
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        request = urllib.request.Request(url, data, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as told:  # noqa: S310
                return json.load(told)
        except urllib.error.HTTPError as error:
            with error:
                if error.code != _STOPPED:
                    pytest.fail(f"{path}: {error.code} {error.read().decode()}")
        except (OSError, HTTPException):
            time.sleep(0.02)
    pytest.fail(f"no answer to {path} within {WAIT_S} s")


def change(stage: Stage, merchant: str) -> str:
    """A change that is approved; its number."""
    about: dict[str, Any] = {"merchant": merchant}
    wanted = {"file": "SETTLEACC"}
    _, told = asked(stage, "enquire", "clara", **wanted, action="5", record=about)
    card = seal_keyed(DEBIT_1, DEBIT_1, page(stage, "/settlement/card-key"))
    record = about | {"token": told["token"], "name": HOLDER, "card": card}
    key = f"one-{merchant}"
    status, told = asked(stage, "request", "clara", **wanted, action="2", record=record, key=key)
    assert (status, told["state"]) == (200, "UNDER_REVIEW")
    number = str(told["request"])
    asked(stage, "approve", "rita", record={"request": number})
    return number


def served(stage: Stage) -> bool:
    """Whether the one sale stands."""
    return bool(stage.audit()[1]["served"])


def run_sees_the_old_cards(stage: Stage) -> None:
    """A settlement run of today: the new ones begin at a cut-over."""
    told = page(stage, "/settlement/run", {"who": "clara", "currency": CURRENCY})
    seen = {each["merchant"]: (each["masked"], each["held"]) for each in told["payouts"]}
    assert seen == {MERCHANTS[0]: (OLD_MASK, "")}


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_anywhere_bank_and_gateway_come_to_the_same_cards(tmp_path: Path, seed: int) -> None:
    (port,) = free_ports(1)
    (tmp_path / "bins.csv").write_text(BINS)
    (tmp_path / "registry.toml").write_text(
        "".join(
            REGISTERED.format(id=each, holder=HOLDER, token=OLD_CARD, masked=OLD_MASK)
            for each in MERCHANTS
        )
    )
    key_in(tmp_path / "bank.key")
    settings = {
        "accounts__people": PEOPLE,
        "registry__file": tmp_path / "registry.toml",
        "settlement__url": f"http://127.0.0.1:{port}",
        "settlement__key_file": tmp_path / "bank.key.pub",
        "settlement__bin_file": tmp_path / "bins.csv",
        "settlement__retry_s": 0.1,
        "settlement__retry_max_s": 0.4,
        "settlement__compare_at": "",
        "settlement__cut_over_at": "00:00",
    }
    with Stage(tmp_path, **settings) as stage, Host(stage.host_port):
        bank = Bank(stage, port)
        killer = Killer(stage, bank, seed)
        with Terminal(stage.port) as conn:
            assert conn.ask(sale(1, APPROVE)) == "00"
            wait_until(lambda: served(stage), WAIT_S, "the sale counts as served")
        killer.start()
        numbers = {}
        for merchant in MERCHANTS:
            numbers[merchant] = change(stage, merchant)
            run_sees_the_old_cards(stage)
        killer.join(WAIT_S)
        assert (killer.failed, killer.kills) == (None, KILLS)
        for number in numbers.values():
            wait_until(lambda n=number: state_of(stage, n) == "SYNCED", WAIT_S, number)
        run_sees_the_old_cards(stage)
        config = load(RELAY, [x[6:] for x in stage.command("audit") if x.startswith("--set=")])
        for merchant, number in numbers.items():
            story = [line["what"] for line in explained(config, number)["story"]]
            for once in ("OPENED", "APPROVED", "SENT_TO_BANK", "SYNCED"):
                assert story.count(once) == 1, (merchant, story)
        lines = [json.loads(line) for line in bank.book.read_text().splitlines()]
        assert sorted(each["merchant"] for each in lines) == list(MERCHANTS)
        assert {(each["version"], each["masked"]) for each in lines} == {(2, mask(DEBIT_1))}
        rows = payouts.cards(config)
        assert {(x["bank_version"], x["waits"], x["mismatch"]) for x in rows} == {(2, False, "")}
        with DeskReader(config) as reader:
            assert audit_log.verify(reader.snapshot()).broken == ""
    for file in (each for each in tmp_path.iterdir() if each.suffix != ".key"):
        assert DEBIT_1.encode() not in file.read_bytes(), file.name
