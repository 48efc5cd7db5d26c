"""`kill -9` while an account is opened and terminals sell: each charge is on one account.

Real processes: the host's own list says which DE 42 each charge and each reversal of it came under.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from codec import Message, build
from tests.adversity.peers import APPROVE, DECLINE, ISO87, SILENT, Host, Terminal, sale
from tests.adversity.stage import Stage, wait_until
from tests.adversity.test_accounts import Killer, asked, state_of
from tests.adversity.test_desk import isogate

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

MERCHANT: Final = "MERCHANT0000001"
NUMBERS: Final = {"": MERCHANT, "2": "MERCHANT0000002"}
PEOPLE: Final = (
    '[{name="clara", roles=["clerk"]}, {name="rita", roles=["reviewer"]},'
    ' {name="tech", roles=["technician"]}]'
)
TERMINALS: Final = tuple(f"T000000{number}" for number in range(1, 5))
AMOUNTS: Final = (APPROVE, APPROVE, DECLINE, APPROVE, SILENT)
HASH: Final = "ab" * 32
WAIT_S: Final = 60.0


def on_it(stage: Stage, verb: str, who: str, number: str, **record: Any) -> dict[str, Any]:
    return asked(stage, verb, who, record={"request": number, **record})[1]


def opened(stage: Stage) -> str:
    """The second account is open; what a kill cut off is asked for again."""
    about: dict[str, Any] = {"merchant": MERCHANT}
    _, told = asked(stage, "enquire", "clara", file="MERCH2", action="5", record=about)
    whole = {"name": "Shop", "contact": "010 555 000", "licence": "91350100M000100Y43"}
    plan = {"rules": [{"account": "2", "terminal": list(TERMINALS[:2])}]}
    record = {**about, **whole, "number": NUMBERS["2"], "plan": plan, "token": told["token"]}
    wanted = {"file": "MERCH2", "action": "1", "key": "one"}
    number = str(asked(stage, "request", "clara", record=record, **wanted)[1]["request"])
    on_it(stage, "approve", "rita", number)
    wait_until(lambda: state_of(stage, number) == "AGREEMENT", WAIT_S, "the agreement is due")
    on_it(stage, "resume", "clara", number, docs={"agreement": HASH})
    wait_until(lambda: state_of(stage, number) == "TESTING", WAIT_S, "it is tested")
    for stan in range(900_000, 900_020):
        if tried(stage, stan):
            break
    wait_until(lambda: state_of(stage, number) == "TESTED", WAIT_S, "the test was passed")
    on_it(stage, "report", "tech", number, what="safety", evidence="sheet 12")
    wait_until(lambda: state_of(stage, number) == "OPEN", WAIT_S, "it is open")
    return number


def tried(stage: Stage, stan: int) -> bool:
    """A test charge; False if a kill came in between."""
    message = Message(sale(stan, f"{1:012d}", TERMINALS[3]), ISO87)
    fields = message.to_dict() | {63: "2"}
    try:
        with Terminal(stage.port) as conn:
            return conn.ask(build(ISO87, "0200", fields).raw) == "00"
    except OSError:
        time.sleep(0.2)
        return False


class Till(threading.Thread):
    """A terminal that sells, whatever happens to the gateway."""

    def __init__(self, stage: Stage, number: int) -> None:
        super().__init__(daemon=True)
        self._stage, self._number = stage, number
        self.over = threading.Event()
        self.asked = 0

    def run(self) -> None:
        """Until it is over."""
        while not self.over.is_set():
            self.asked += 1
            stan = 1_000 * self._number + self.asked
            amount = AMOUNTS[self.asked % len(AMOUNTS)]
            try:
                with Terminal(self._stage.port) as conn:
                    conn.sock.settimeout(3.0)
                    conn.ask(sale(stan, amount, TERMINALS[self._number]))
            except OSError:
                time.sleep(0.05)


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_anywhere_each_charge_is_on_one_account(tmp_path: Path, seed: int) -> None:
    settings = {
        "accounts__people": PEOPLE,
        "accounts__look_every_s": 0.1,
        "host__0__answer_timeout_s": 1.0,
        "service__delivery_proof_s": 3,
        "reversal__schedule_s": "[0.0, 0.3, 0.5]",
    }
    with Stage(tmp_path, **settings) as stage, Host(stage.host_port) as host:
        killer = Killer(stage, seed)
        killer.start()
        opened(stage)
        killer.join(WAIT_S)
        assert killer.failed is None
        again = Killer(stage, seed + 100, killer.process)
        tills = [Till(stage, number) for number in range(len(TERMINALS))]
        for till in tills:
            till.start()
        again.start()
        again.join(WAIT_S)
        time.sleep(0.5)
        for till in tills:
            till.over.set()
            till.join(WAIT_S)
        assert (again.failed, again.kills) == (None, killer.kills)
        wait_until(lambda: isogate(stage, "audit")[1]["open"] == 0, WAIT_S, "all came to an end")
        _, report = isogate(stage, "audit", "--each")
        assert report["violations"] == []
        under = {each[11]: each[42] for each in host.seen if each.mti == "0200"}
        for each in host.seen:
            if each.mti in ("0200", "0420", "0421") and not each[4].endswith("00001"):
                second = each[41] in TERMINALS[:2]
                assert each[42] == NUMBERS["2" if second else ""], each
            if each.mti in ("0420", "0421"):
                # What was killed before it left is reversed, too: the host knows nothing of it.
                assert each[42] == under.get(each[90][4:10], each[42])
        found = json.loads(stage.ask("accounts/totals")[1])
        assert found["adds_up"]
        assert {each["account"] for each in found["parts"]} == {"main", "2"}
        assert sum(each["money"] for each in found["parts"]) == report["money"]["charges"]
