"""`kill -9` in the middle of account requests: nothing is half done, nothing is done twice."""

from __future__ import annotations

import json
import random
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.backups import opened
from gateway.config import load
from gateway.desk.accounts import explained
from gateway.journal import audit_log
from gateway.journal.desk_reader import DeskReader
from tests.adversity.peers import APPROVE, Host, Terminal, sale
from tests.adversity.stage import RELAY, Stage, wait_until
from tests.adversity.test_desk import isogate

pytestmark = pytest.mark.slow

PEOPLE: Final = (
    '[{name="clara", roles=["clerk"]}, {name="rita", roles=["reviewer"]},'
    ' {name="tech", roles=["technician"]}]'
)
MERCHANT: Final = "MERCHANT0000001"
KILLS: Final = 4
TERMINALS: Final = tuple(f"T000000{number}" for number in range(1, 6))
STEPS: Final = ("UNDER_REVIEW", "APPROVED", "DRAINING", "BACKUP", "DEACTIVATED")
WAIT_S: Final = 60.0


def asked(stage: Stage, verb: str, who: str, **body: Any) -> tuple[int, dict[str, Any]]:
    """A person asks over HTTP, again and again until the gateway lives to answer."""
    data = json.dumps({"who": who, **body}).encode()
    url = f"http://127.0.0.1:{stage.admin_port}/accounts/{verb}"
    headers = {"content-type": "application/json"}
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        request = urllib.request.Request(url, data, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10) as told:  # noqa: S310
                return told.status, json.load(told)
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 503:
                    return error.code, json.load(error)
        except (OSError, HTTPException):
            time.sleep(0.02)
    pytest.fail(f"no answer to {verb} within {WAIT_S} s")


def state_of(stage: Stage, number: str) -> str:
    """Where a request stands, as its journal says."""
    return str(explained(load(RELAY, _overrides(stage)), number).get("state", ""))


def _overrides(stage: Stage) -> list[str]:
    return [each.removeprefix("--set=") for each in stage.command("audit") if "--set=" in each]


class Killer(threading.Thread):
    """Kills the gateway at random moments, and starts it again each time."""

    def __init__(
        self, stage: Stage, seed: int, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        super().__init__(daemon=True)
        self._stage, self._chance = stage, random.Random(seed)  # noqa: S311
        self.process = process or stage.gateway()
        self.kills = 0
        self.failed: BaseException | None = None

    def run(self) -> None:
        """So many times."""
        try:
            for _ in range(KILLS):
                time.sleep(self._chance.uniform(0.05, 0.8))
                self.process.kill()
                self.process.wait()
                self.kills += 1
                self.process = self._stage.gateway()
        except BaseException as error:
            self.failed = error


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_anywhere_terminals_go_out_of_service_once_and_whole(
    tmp_path: Path, seed: int
) -> None:
    settings = {"accounts__people": PEOPLE, "backups__folder": tmp_path / "backups"}
    with Stage(tmp_path, **settings) as stage, Host(stage.host_port):
        killer = Killer(stage, seed)
        with Terminal(stage.port) as conn:
            for number, terminal in enumerate(TERMINALS, 1):
                assert conn.ask(sale(number, APPROVE, terminal)) == "00"
        killer.start()
        numbers = {}
        for terminal in TERMINALS:
            about = {"merchant": MERCHANT, "terminal": terminal, "state": "DEACTIVATED"}
            about |= {"kind": "UPGRADE", "reason": "new model", "contact": "010 555 000"}
            _, told = asked(stage, "enquire", "clara", file="TERMINAL", action="5", record=about)
            wanted = {"file": "TERMINAL", "action": "2", "key": f"one-{terminal}"}
            record = about | {"token": told["token"]}
            status, told = asked(stage, "request", "clara", record=record, **wanted)
            assert (status, told["state"]) == (200, "UNDER_REVIEW")
            number = numbers[terminal] = told["request"]
            # An approval whose answer was lost in a kill is told to be out of turn: it was taken.
            status, told = asked(stage, "approve", "rita", record={"request": number})
            assert told["state"] in STEPS[1:], told
        killer.join(WAIT_S)
        assert (killer.failed, killer.kills) == (None, KILLS)
        for number in numbers.values():
            wait_until(lambda n=number: state_of(stage, n) == "DEACTIVATED", WAIT_S, number)
        config = load(RELAY, _overrides(stage))
        for terminal, number in numbers.items():
            story = [line["what"] for line in explained(config, number)["story"]]
            for once in ("OPENED", "APPROVED", "BEGUN", "CLEARED", "BACKED_UP"):
                assert story.count(once) == 1, story
            (file,) = (tmp_path / "backups").glob(f"*-{terminal}-{number}.backup")
            assert [row["terminal"] for row in opened(file, config)] == [terminal]
        with Terminal(stage.port) as conn:
            assert conn.ask(sale(99, APPROVE, TERMINALS[0])) == "58"
        with DeskReader(config) as reader:
            assert audit_log.verify(reader.snapshot()).broken == ""
        _, listed = isogate(stage, "audit")
        assert listed["violations"] == []
        with suppress(ProcessLookupError):
            killer.process.terminate()
