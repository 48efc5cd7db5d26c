"""Case 2, terminals that go out of service and come back: each row at the counter and the desk."""

from __future__ import annotations

import time
from typing import Final

from gateway.backups import opened
from gateway.config import load
from tests.adversity.peers import PAN
from tests.adversity.stage import RELAY, wait_until
from tests.scenarios.accounts import sold, waits_for
from tests.scenarios.town import HASH, WAIT_S, Rows, Shop

ROWS: Final = Rows()


@ROWS.plays("1.1", "1.14")
def a_faulty_device(shop: Shop) -> None:
    before = time.time()
    assert shop.manages("0820", "362", de62="011020031041051") == "00"
    row = shop.town.open_of(shop)
    assert (row["kind"], row["state"]) == ("deactivation", "UNDER_REVIEW")
    assert shop.town.metric('gateway_terminal_hw_fault{part="PIN pad"}') >= 1
    told = shop.enquires(terminal=shop.terminal, state="DEACTIVATED")
    assert (told["broken"], told["status_at"] >= before - 1) == ("PIN pad", True)


@ROWS.plays("1.2")
def an_attack(shop: Shop) -> None:
    for _ in range(5):
        assert shop.says(shop.file_action("5", "MERCHANT"), signed=False) == "A0"
    assert shop.sells()[0] == "58"
    row = shop.town.open_of(shop)
    assert (row["state"], row["owner"]) == ("SUSPENDED", "reviewer")
    decided = shop.decides("reject", "rita", row["request"], what="P21", reason="keys were old")
    assert decided["state"] == "TESTING"
    shop.passes_its_tests()
    shop.until(row["request"], "RESTORED")


@ROWS.plays("1.3", "1.18", is_slow=True)
def trouble_with_the_account(shop: Shop) -> None:
    shop.files(balance=-900)
    number = shop.off("ACCOUNT")
    assert shop.sells()[0] == "58"
    assert shop.codes == "ACCOUNT"
    shop.files(balance=0)
    shop.until(number, "TESTING")


@ROWS.plays("1.4", "1.19", is_slow=True)
def a_planned_window(shop: Shop) -> None:
    begins = time.time() + 1.0
    number = shop.wants_off("MAINTENANCE", begins=begins, ends=begins + 3.0)["request"]
    assert shop.decides("approve", "rita", number)["state"] == "APPROVED"
    shop.until(number, "DEACTIVATED")
    assert time.time() >= begins
    shop.until(number, "TESTING")
    assert time.time() >= begins + 3.0
    shop.passes_its_tests()
    shop.until(number, "RESTORED")


@ROWS.plays("1.5", "1.35")
def the_reason_is_told(shop: Shop) -> None:
    shop.off("STRATEGY")
    assert shop.sells(de63="07 ")[0] == "58"
    chinese = int(shop.terminal[1:]) % 2 == 0
    end = "已停用。请维修或消除原因后进行测试。"
    if not chinese:
        end = "out of service. Repair it or remove the cause, then have it tested."
    assert shop.codes == "STRATEGY"
    assert shop.text == f"07 {end}"


@ROWS.plays("1.7", "1.26", "1.28")
def numbers_and_a_contact(shop: Shop) -> None:
    assert shop.wants_off("FAULT", contact="", reason="")["wrong"] == ["reason", "contact"]
    assert shop.wants_off("BORED")["wrong"] == ["kind"]
    assert shop.wants_off("FAULT", begins=20.0, ends=10.0)["wrong"] == ["begins"]
    assert shop.asks("5", "TERMINAL", state="DEACTIVATED") == "00"
    said = {"state": "DEACTIVATED", "token": shop.told["token"], "kind": "FAULT"}
    assert shop.asks("2", "TERMINAL", **said) == "27"
    assert shop.codes == "reason,contact"


@ROWS.plays("1.9", "1.33", "1.34", "1.24")
def tested_before_it_is_back(shop: Shop) -> None:
    number = shop.off("STRATEGY")
    assert shop.decides("report", "tech", number, what="lifted")["state"] == "TESTING"
    assert shop.sells(5_000)[0] == "58"
    assert shop.manages("0800", "001") == "00"
    assert shop.manages("0820", "301") == "00"
    assert shop.sells(1_051)[0] == "51"
    assert shop.town.is_told(number, "account_test_declined")["owner"] == "technician"
    assert shop.story(number)["state"] == "TESTING"
    shop.passes_its_tests()
    assert shop.town.is_told(number, "RESTORED")["contact"] == "010 555 000"
    assert shop.sells()[0] == "00"


@ROWS.plays("0.12", "1.15")
def repaired(shop: Shop) -> None:
    number = shop.off("FAULT")
    assert shop.decides("report", "tech", number, what="lifted")["codes"] == "P15"
    assert shop.decides("report", "tech", number, what="repair")["wrong"] == ["evidence"]
    told = shop.decides("report", "tech", number, what="repair", evidence="WO-9")
    assert told["state"] == "UNDER_REPAIR"
    known = shop.story(number)
    assert (known["work_order"], known["owner"]) == ("WO-9", "technician")
    assert shop.decides("report", "tech", number, what="repaired")["state"] == "TESTING"
    failed = shop.decides("report", "tech", number, what="failed", reason="no paper feed")
    assert (failed["state"], failed["codes"]) == ("UNDER_REPAIR", "P15")


@ROWS.plays("1.12", "1.17")
def a_violation(shop: Shop) -> None:
    said = {"state": "SUSPENDED", "kind": "VIOLATION", "reason": "tampered"}
    number = shop.requests("sec", "2", "TERMINAL", **said, contact="010 555 000")["request"]
    assert shop.sells()[0] == "58"
    shop.decides("approve", "rita", number)
    shop.until(number, "DEACTIVATED")
    mends = {"what": "repair", "evidence": "x"}
    assert shop.decides("report", "tech", number, **mends)["codes"] == "P15"
    assert shop.decides("report", "tech", number, what="remedy")["state"] == "REMEDIATION"
    assert shop.decides("approve", "ron", number)["codes"] == "P7"
    shop.decides("resume", "clara", number, docs={"statement": HASH})
    assert shop.decides("approve", "rita", number)["codes"] == "P1"
    assert shop.decides("approve", "ron", number)["state"] == "TESTING"


@ROWS.plays("1.16", "1.20")
def an_upgrade(shop: Shop) -> None:
    number = shop.off("UPGRADE")
    assert (shop.sells()[0], shop.story(number)["why"]) == ("58", "UPGRADE")
    shop.decides("report", "tech", number, what="lifted")
    shop.passes_its_tests()
    shop.until(number, "RESTORED")


@ROWS.plays("1.21")
def what_it_would_mean(shop: Shop) -> None:
    sold(shop)
    sold(shop)
    told = shop.enquires(terminal=shop.terminal, state="DEACTIVATED")
    assert (told["sales_today"], told["money_today"]) == (2, 2_000)


@ROWS.plays("1.22", "1.23")
def another_device(shop: Shop) -> None:
    number = shop.off("REGULATION")
    assert shop.decides("report", "tech", number, what="lifted")["codes"] == "P15"
    shop.decides("report", "tech", number, what="repair", evidence="WO-3")
    taken = shop.decides("report", "tech", number, what="replaced", serial="SN-1")
    assert taken["wrong"] == ["serial"]
    serial = f"SN-{shop.terminal}"
    new = shop.decides("report", "tech", number, what="replaced", serial=serial)
    assert (new["state"], shop.story(number)["serial"]) == ("TESTING", serial)
    entry = shop.town.get(f"registry/merchants/{shop.merchant}/terminals/{shop.terminal}")
    assert (entry["entry"]["serial"], entry["entry"]["state"]) == (serial, "TESTING")


@ROWS.plays("1.27", "1.29")
def every_channel_the_same(shop: Shop) -> None:
    number = shop.wants_off("STRATEGY")["request"]
    assert shop.asks("5", "TERMINAL", request=number) == "00"
    assert (shop.told["request"], shop.told["state"]) == (number, "UNDER_REVIEW")
    assert shop.enquires(request=number)["state"] == "UNDER_REVIEW"
    assert shop.asks("5", "TERMINAL", state="DEACTIVATED") == "00"
    said = {"state": "DEACTIVATED", "token": shop.told["token"], "kind": "STRATEGY"}
    assert shop.asks("2", "TERMINAL", **said, reason="x", contact="010 555 000") == "26"


@ROWS.plays("1.31", "1.32")
def in_order_and_without_stranding_money(shop: Shop) -> None:
    sold(shop)
    late = shop.sells()[1]
    number = shop.wants_off("FAULT")["request"]
    shop.decides("approve", "rita", number)
    shop.until(number, "DRAINING")
    assert shop.sells()[0] == "58"
    assert shop.manages("0800", "001") == "58"
    assert shop.reverses(late) == "00"
    waits_for(shop, number, "P3")
    assert shop.settles(1_000, 1) == "00"
    assert shop.manages("0820", "002") == "00"
    shop.until(number, "DEACTIVATED")
    whats = [each["what"] for each in shop.story(number)["story"]]
    ordered = ("APPROVED", "BEGUN", "CLEARED", "BACKED_UP")
    assert [each for each in whats if each in ordered] == list(ordered)
    said = {"merchant": shop.merchant, "what": "complaint:device", "reason": "when is it back?"}
    told = shop.person("request", "clara", "MERCHANT", "2", **said, request=number)
    assert shop.story(told["request"])["about"] == number


@ROWS.plays("1.37", "1.38")
def backed_up_and_enciphered(shop: Shop) -> None:
    sold(shop)
    shop.settles(1_000, 1)
    number = shop.off("STRATEGY")
    backup = shop.story(number)["backup"]
    assert (backup["matches"], backup["transactions"], backup["money"]) == (True, 1, 1_000)
    path = shop.town.stage.folder / "backups" / backup["file"]
    assert PAN.encode() not in path.read_bytes()
    command = shop.town.stage.command("audit")
    overrides = [each.removeprefix("--set=") for each in command if each.startswith("--set=")]
    (row,) = opened(path, load(RELAY, overrides))
    assert (row["terminal"], row["amount"]) == (shop.terminal, 1_000)


@ROWS.plays("1.40")
def open_until_it_is_retired(shop: Shop) -> None:
    number = shop.off("STRATEGY")
    assert number in {each["request"] for each in shop.town.listed()}
    assert shop.decides("report", "tech", number, what="retired")["state"] == "RETIRED"
    wait_until(
        lambda: number not in {each["request"] for each in shop.town.listed()}, WAIT_S, "ended"
    )
    assert shop.sells()[0] == "58"
    assert shop.decides("report", "tech", number, what="lifted")["codes"] == "P18"


@ROWS.plays("1.41")
def complaints(shop: Shop) -> None:
    said = {"merchant": shop.merchant, "reason": "slow"}
    bad = shop.person("request", "clara", "MERCHANT", "2", **said, what="complaint:weather")
    assert bad["wrong"] == ["what"]
    told = shop.person("request", "clara", "MERCHANT", "2", **said, what="complaint:staff")
    number = told["request"]
    assert shop.story(number)["category"] == "staff"
    answer = {"what": "answer", "reason": "we talked to them"}
    assert shop.decides("report", "clara", number, **answer)["codes"] == "P1"
    assert shop.decides("report", "rita", number, **answer)["state"] == "ANSWERED"
    assert shop.decides("accept", "clara", number)["state"] == "CLOSED"
