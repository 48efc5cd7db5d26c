"""Case 1, accounts that can't be cancelled: each row at the counter and at the desk."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tests.adversity.peers import PAN
from tests.adversity.stage import wait_until
from tests.adversity.test_desk import isogate
from tests.scenarios.town import CASHIER, HASH, WAIT_S, Rows

if TYPE_CHECKING:
    from typing import Any

    from codec import Message
    from tests.scenarios.town import Shop

_OLD: Final = bytes.fromhex("6000030000601900000000")
_DAY_S: Final = 86_400.0
ROWS: Final = Rows()


def _asked(shop: Shop, who: str = "clara", **record: Any) -> str:
    """A cancellation that is under review: its number."""
    told = shop.requests(who, reason="shop closes", **record)
    assert (told.status, told["state"]) == (200, "UNDER_REVIEW")
    return str(told["request"])


@ROWS.plays("0.1")
def a_fault_on_the_way(shop: Shop) -> None:
    number = _asked(shop)
    shop.hangs_up()
    shop.town.is_killed()
    assert shop.story(number)["state"] == "UNDER_REVIEW"
    shop.decides("approve", "rita", number)
    shop.until(number, "CANCELLED")
    assert shop.sells()[0] == "03"


@ROWS.plays("0.2", "1.26", "1.28")
def keyed_wrongly(shop: Shop) -> None:
    assert shop.asks("5", "TERMINAL", state="DEACTIVATED") == "00"
    token = shop.told["token"]
    said = {"state": "DEACTIVATED", "kind": "BORED", "token": token, "reason": "x"}
    assert shop.asks("2", "TERMINAL", **said) == "27"
    assert shop.codes == "kind,contact"


@ROWS.plays("0.3")
def rights(shop: Shop) -> None:
    assert shop.asks("5", operator=CASHIER) == "00"
    assert shop.codes == "P1"
    assert shop.enquires("rita")["codes"] == "P1"
    assert shop.enquires("mallory").status == 403


@ROWS.plays("0.4")
def why(shop: Shop) -> None:
    number = _asked(shop)
    shop.decides("reject", "rita", number, what="P5,P7")
    last = shop.story(number)["story"][-1]
    assert (last["who"], last["codes"]) == ("rita", "P5,P7")
    assert "contract term" in last["en"]


@ROWS.plays("0.5", "1.6")
def support(shop: Shop) -> None:
    assert shop.asks("2", what="support", reason="why was I refused?") == "00"
    assert shop.told["state"] == "OPEN"
    answered = {"what": "answer", "reason": "settle the batch first"}
    assert shop.decides("report", "rita", shop.told["request"], **answered)["state"] == "ANSWERED"


@ROWS.plays("0.6")
def the_procedure(shop: Shop) -> None:
    number = _asked(shop)
    for verb in ("accept", "appeal"):
        assert shop.decides(verb, "clara", number)["codes"] == "P18"
    assert shop.story(number)["state"] == "UNDER_REVIEW"


@ROWS.plays("0.7")
def a_grant(shop: Shop) -> None:
    assert shop.asks("5", operator=CASHIER) == "00"
    token = shop.told["token"]
    assert shop.asks("3", operator=CASHIER, token=token, reason="the owner is away") == "29"
    shop.decides("withdraw", "clara", shop.told["request"])
    told = shop.requests("casey", reason="the owner is away")
    assert (told["state"], told["codes"]) == ("PRECHECK_FAILED", "P1")
    said = {"what": "account.cancel.request", "hours": 2.0, "reason": "owner away"}
    grant = shop.person("request", "casey", "GRANT", "1", **said)["request"]
    assert shop.decides("approve", "rita", grant)["codes"] == "P1"
    assert shop.decides("approve", "sam", grant)["state"] == "IN_FORCE"
    assert shop.story(told["request"])["state"] == "UNDER_REVIEW"


@ROWS.plays("0.8", "1.42")
def coming_in(shop: Shop) -> None:
    shop.merchant = "NEW" + shop.merchant[3:]
    said = {"merchant": shop.merchant, "name": "Corner Shop", "contact": "010 555 000"}
    assert shop.sells()[0] in ("00", "03")
    merchant = shop.person("request", "clara", "MERCHANT", "1", **said)["request"]
    shop.decides("report", "rita", merchant, what="called")
    assert shop.decides("approve", "ron", merchant)["state"] == "ACTIVE"
    said |= {"terminal": shop.terminal}
    terminal = shop.person("request", "clara", "TERMINAL", "1", **said)["request"]
    shop.decides("report", "rita", terminal, what="called")
    shop.decides("approve", "ron", terminal)
    shop.decides("report", "clara", terminal, what="shipped")
    before = shop.town.metric("gateway_terminal_unknown_serial_total")
    strange = shop.decides("report", "tech", terminal, what="registered", serial="ZZ-1")
    assert strange["wrong"] == ["serial"]
    assert shop.town.metric("gateway_terminal_unknown_serial_total") == before + 1
    number = f"SN-{shop.terminal}"
    shop.decides("report", "tech", terminal, what="registered", serial=number)
    assert shop.sells()[0] == "58"
    shop.manages("0800", "001")
    shop.until(terminal, "ACTIVE")
    assert shop.sells()[0] == "00"


@ROWS.plays("0.9", "0.10", "0.24", "1.16")
def too_old(shop: Shop) -> None:
    for header, codes in ((_OLD, "P14"), (None, "")):
        message = shop.file_action("5", "TERMINAL", state="CANCELLED")
        if header is not None:
            message.set_header(header)
        assert shop.says(message) == "00"
        assert shop.codes == codes
    on_paper = {"reason": "old device", "evidence": "letter 12"}
    told = shop.requests("clara", "3", "TERMINAL", **on_paper)
    assert told["state"] == "UNDER_REVIEW"


@ROWS.plays("0.11")
def a_dead_terminal(shop: Shop) -> None:
    sold(shop)
    told = shop.wants_off("FAULT", evidence="letter of the owner")
    number = told["request"]
    shop.decides("approve", "rita", number)
    shop.until(number, "DRAINING")
    waits_for(shop, number, "P3")
    settled = {"what": "batch settled", "evidence": "host statement 12"}
    assert shop.decides("report", "clara", number, **settled)["codes"] == "P1"
    shop.decides("report", "ron", number, **settled)
    shop.until(number, "DEACTIVATED")


def sold(shop: Shop) -> Message:
    """A sale that was delivered."""
    code, request = shop.sells()
    assert code == "00"
    fields = {"P2"}

    def delivered() -> bool:
        return not fields & set(shop.enquires()["codes"].split(","))

    wait_until(delivered, WAIT_S, "the sale is delivered")
    return request


def waits_for(shop: Shop, number: str, code: str) -> None:
    wait_until(lambda: shop.story(number)["codes"] == code, WAIT_S, f"it waits for {code}")


@ROWS.plays("0.13")
def wrong_menu_item(shop: Shop) -> None:
    assert shop.asks("3", reason="closing") == "29"
    assert shop.codes == "P9"
    assert shop.asks("3", "NOTHING") == "30"
    assert shop.asks("2", "MERCHANT") == "27"
    assert shop.enquires()["request"] == ""


@ROWS.plays("0.14")
def wrong_particulars(shop: Shop) -> None:
    assert shop.asks("5", merchant="OTHER0000000001") == "29"
    assert shop.told["about"] == {"P13": "merchant"}
    shop.files(name="Corner Shop")
    assert shop.enquires(name="Another Shop")["codes"] == "P13"


@ROWS.plays("0.15")
def a_policy(shop: Shop) -> None:
    shop.files(policy="POL-1")
    told = shop.enquires()
    assert (told["codes"], told["obstacles"][0]["about"]) == ("P1", "policy POL-1")


@ROWS.plays("0.16")
def no_channel(shop: Shop) -> None:
    assert shop.asks("5", operator="99") == "58"
    assert shop.says(shop.file_action("5", "MERCHANT"), signed=False) == "A0"


@ROWS.plays("0.17")
def cut_off(shop: Shop) -> None:
    assert shop.asks("5") == "00"
    request = shop.file_action("3", "MERCHANT", token=shop.told["token"], reason="closing")
    assert shop.says(request) == "00"
    first = shop.last
    shop.hangs_up()
    assert shop.says(request) == "00"
    assert shop.last.raw == first.raw


@ROWS.plays("0.18", "1.11")
def traceable(shop: Shop) -> None:
    number = _asked(shop)
    shop.decides("reject", "rita", number, what="P21")
    story = shop.story(number)["story"]
    assert [each["who"] for each in story] == ["clara", "clara", "rita"]
    assert [each["seq"] for each in story] == sorted({each["seq"] for each in story})
    status, verified = isogate(shop.town.stage, "audit", "--log")
    assert (status, verified["broken"]) == (0, "")


@ROWS.plays("0.19", "0.36", "0.50")
def untrained_staff(shop: Shop) -> None:
    before = shop.town.metric("gateway_account_mistakes_total")
    assert shop.asks("3", reason="closing") == "29"
    assert shop.text[3:].strip()
    assert shop.town.metric("gateway_account_mistakes_total") == before + 1


@ROWS.plays("0.20", "1.8", "1.30")
def nothing_forgotten(shop: Shop) -> None:
    said = {"merchant": shop.merchant, "what": "complaint:delay", "reason": "no word for a week"}
    number = shop.person("request", "clara", "MERCHANT", "2", **said)["request"]
    (row,) = [each for each in shop.town.listed() if each["request"] == number]
    assert (row["owner"], bool(row["due"])) == ("clerk", True)
    assert shop.town.is_told(number, "account_overdue")["owner"] == "clerk"
    assert shop.town.metric("gateway_account_requests_overdue") >= 1
    words = [each["what"] for each in shop.story(number)["story"]]
    assert words[-2:] == ["reminder", "overdue"]


@ROWS.plays("0.21")
def an_unclear_contract(shop: Shop) -> None:
    number = _asked(shop)
    shop.decides("approve", "rita", number)
    shop.until(number, "CANCELLED")


@ROWS.plays("0.22", "0.32")
def rules_change(shop: Shop) -> None:
    version = f"law-{shop.terminal}"
    rules = {"version": version, "valid_from": "2099-01-01"}
    told = shop.person("request", "sam", "RULES", "1", rules=rules)
    assert told["state"] == "REQUESTED"
    assert shop.decides("approve", "sam", told["request"])["codes"] == "P1"
    assert shop.decides("approve", "rita", told["request"])["state"] == "IN_FORCE"
    in_force = shop.enquires()["rules"]
    assert in_force != version
    assert shop.story(_asked(shop))["rules"] == in_force


@ROWS.plays("0.23", "0.38", "0.31")
def papers(shop: Shop) -> None:
    shop.files(region="north")
    told = shop.requests(reason="shop closes")
    assert (told["codes"], told["obstacles"][0]["about"]) == ("P7", "licence,tax")
    number = told["request"]
    half = shop.decides("resume", "clara", number, docs={"licence": HASH})
    assert (half["codes"], half["obstacles"][0]["about"]) == ("P7", "tax")
    whole = shop.decides("resume", "clara", number, docs={"tax": HASH, "legal-opinion": HASH})
    assert whole["state"] == "UNDER_REVIEW"
    assert shop.story(number)["documents"] == dict.fromkeys(
        ("licence", "tax", "legal-opinion"), HASH
    )


@ROWS.plays("0.25")
def a_vendor(shop: Shop) -> None:
    said = {"merchant": shop.merchant, "what": "complaint:vendor", "reason": "reader fails"}
    bare = shop.person("request", "clara", "MERCHANT", "2", **said)
    assert (bare.status, bare["wrong"]) == (422, ["contact"])
    told = shop.person(
        "request", "clara", "MERCHANT", "2", **said, contact="hotline@vendor.example"
    )
    assert (told["state"], bool(told["due"])) == ("OPEN", True)
    assert shop.town.is_told(told["request"], "OPEN")["contact"] == "hotline@vendor.example"
    assert shop.story(told["request"])["category"] == "vendor"


@ROWS.plays("0.26")
def the_network(shop: Shop) -> None:
    for connection in range(2):
        for _ in range(1 + connection):
            assert shop.manages("0820", "301") == "00"
        shop.hangs_up()
    told = shop.enquires(terminal=shop.terminal, state="DEACTIVATED")
    assert (told["connects"], told["echoes"], told["resent"]) == (2, 3, 0)
    assert 0 < told["rtt_ms"] < 1_000
    assert shop.town.metric("gateway_terminal_rtt_seconds_count") >= 3


@ROWS.plays("0.27")
def training(shop: Shop) -> None:
    number = _asked(shop)
    assert shop.decides("approve", "novice", number)["codes"] == "P1"
    assert shop.decides("approve", "rita", number)["state"] == "APPROVED"


@ROWS.plays("0.28", "0.29")
def a_clear_flow(shop: Shop) -> None:
    number = _asked(shop)
    told = shop.enquires()
    assert told["title"] == {"en": "under review", "zh": "审核中"}
    assert told["next"]["en"] == ["Another person approves or rejects it."]
    (row,) = [each for each in shop.town.listed() if each["request"] == number]
    assert (row["owner"], row["state"]) == ("reviewer", "UNDER_REVIEW")


@ROWS.plays("0.30", "1.10")
def told_in_time(shop: Shop) -> None:
    number = _asked(shop)
    notice = shop.town.is_told(number, "UNDER_REVIEW")
    assert (notice["merchant"], notice["owner"]) == (shop.merchant, "reviewer")
    shop.decides("approve", "rita", number)
    assert shop.town.is_told(number, "CANCELLED")["title_zh"] == "已注销"


@ROWS.plays("0.33", "1.39")
def the_regulator(shop: Shop) -> None:
    assert shop.files(filing="R-2026-17")["changed"] == "filing"


@ROWS.plays("0.34")
def tied_to_the_books(shop: Shop) -> None:
    sold(shop)
    told = shop.enquires()
    assert [(each["code"], each["amount"]) for each in told["obstacles"]] == [("P3", 1_000)]
    told = shop.requests(reason="shop closes")
    assert shop.settles(1_000, 1) == "00"
    number = told["request"]
    assert shop.decides("resume", "clara", number)["state"] == "UNDER_REVIEW"
    _, late = shop.sells()
    shop.decides("approve", "rita", number)
    shop.until(number, "CLOSING")
    assert shop.sells()[0] == "03"
    assert shop.reverses(late) == "00"
    shop.until(number, "CANCELLED")


@ROWS.plays("0.35", "0.41")
def checked_twice(shop: Shop) -> None:
    shop.files(risk="high")
    told = shop.requests(reason="shop closes")
    assert (told["codes"], bool(told["due"])) == ("P9", True)
    number = told["request"]
    assert shop.decides("report", "clara", number, what="verified:phone")["codes"] == "P1"
    shop.decides("report", "rita", number, what="verified:phone")
    assert shop.decides("resume", "clara", number)["state"] == "UNDER_REVIEW"
    assert shop.decides("approve", "rita", number)["state"] == "UNDER_REVIEW"
    assert shop.decides("approve", "rita", number)["codes"] == "P1"
    assert shop.decides("approve", "ron", number)["state"] == "APPROVED"


@ROWS.plays("0.37")
def a_time_window(shop: Shop) -> None:
    later = (time.gmtime(time.time() + 8 * 3_600 + 86_400).tm_wday) + 1
    closed = {"cancellation": [{"days": [later], "opens": "00:00", "closes": "24:00"}]}
    _rule(shop, "closed", closed)
    try:
        told = shop.requests(reason="shop closes")
        assert (told["codes"], told["state"]) == ("P6", "PRECHECK_FAILED")
        until = told["obstacles"][0]["until"]
        assert until > time.strftime("%Y-%m-%d", time.gmtime())
    finally:
        _rule(shop, "open", {})
    assert shop.decides("resume", "clara", told["request"])["state"] == "UNDER_REVIEW"


def _rule(shop: Shop, name: str, windows: dict[str, Any]) -> None:
    """Other windows from today on."""
    rules = {**shop.town.rules, "version": f"{name}-{shop.terminal}", "windows": windows}
    told = shop.person("request", "sam", "RULES", "1", rules=rules)
    assert shop.decides("approve", "rita", told["request"])["state"] == "IN_FORCE"


@ROWS.plays("0.39")
def a_provider_that_resists(shop: Shop) -> None:
    number = _asked(shop)
    bare = shop.decides("reject", "rita", number, reason="we lose the fees")
    assert (bare.status, bare["wrong"]) == (422, ["what"])
    assert shop.decides("reject", "rita", number, what="P5")["state"] == "REJECTED"
    assert shop.decides("appeal", "clara", number)["state"] == "APPEALED"
    assert shop.decides("approve", "rita", number)["codes"] == "P1"
    assert shop.decides("approve", "anna", number)["state"] == "UNDER_REVIEW"


@ROWS.plays("0.40", "0.43", "1.43")
def a_long_contract(shop: Shop) -> None:
    ends = time.time() + 100 * _DAY_S
    number = _asked(shop)
    shop.files(contract={"number": "C-7", "ends": ends, "early_fee": 900})
    assert shop.enquires()["obstacles"][0]["about"].startswith("C-7 until ")
    assert shop.decides("approve", "rita", number)["codes"] == "P5"
    shop.files(contract={"number": "C-7", "ends": ends, "consented": True})
    assert shop.decides("resume", "clara", number)["state"] == "UNDER_REVIEW"
    assert shop.decides("counter", "rita", number, reason="month's end")["state"] == "NEGOTIATING"
    assert shop.decides("accept", "clara", number)["state"] == "UNDER_REVIEW"
    assert shop.decides("approve", "ron", number)["state"] == "APPROVED"


@ROWS.plays("0.42", "1.25")
def learning(shop: Shop) -> None:
    told = shop.enquires(terminal=shop.terminal, state="DEACTIVATED")
    assert (told["fee"], told["days"]) == (500, 3)
    assert shop.asks("5", "TERMINAL", state="DEACTIVATED") == "00"
    assert (shop.told["facts"]["fee"], shop.told["facts"]["days"]) == (500, 3)


@ROWS.plays("0.44")
def on_site(shop: Shop) -> None:
    said = {"merchant": shop.merchant, "what": "complaint:on-site", "reason": "install a printer"}
    bare = shop.person("request", "clara", "TERMINAL", "2", **said)
    assert bare["wrong"] == ["terminal"]
    told = shop.person("request", "clara", "TERMINAL", "2", **said, terminal=shop.terminal)
    number = told["request"]
    done = {"what": "answer", "reason": "installed"}
    assert shop.decides("report", "tech", number, **done)["wrong"] == ["evidence"]
    assert shop.decides("report", "tech", number, **done, evidence="WO-17")["state"] == "ANSWERED"
    assert shop.story(number)["work_order"] == "WO-17"
    assert shop.decides("accept", "clara", number)["state"] == "CLOSED"


@ROWS.plays("0.45")
def no_card_data(shop: Shop) -> None:
    shop.sells()
    for text in (f"card {PAN}", "4761 7390 0101 0119"):
        told = shop.requests(reason=text)
        assert (told.status, told["wrong"]) == (422, ["reason"])
    for path in shop.town.stage.folder.rglob("*"):
        if path.is_file():
            assert PAN.encode() not in path.read_bytes(), path


@ROWS.plays("0.48")
def a_lock(shop: Shop) -> None:
    locked = {"merchant": shop.merchant, "what": "lock"}
    assert shop.person("file", "rita", **locked, reason="x")["codes"] == "P1"
    shop.person("file", "sec", **locked, reason="phishing mail")
    assert shop.asks("5") == "00"
    assert shop.codes == "P10"
    said = {"merchant": shop.merchant, "what": "unlock", "reason": "owner called back"}
    unlock = shop.person("request", "clara", "MERCHANT", "2", **said)["request"]
    assert shop.decides("approve", "clara", unlock)["codes"] == "P1"
    assert shop.decides("approve", "sam", unlock)["state"] == "IN_FORCE"
    assert shop.enquires()["codes"] == ""
