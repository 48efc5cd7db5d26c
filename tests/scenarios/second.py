"""Case 4, second accounts: each row at the counter and at the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routing.accounts.licence import check_character
from tests.adversity.stage import wait_until
from tests.adversity.test_desk import isogate
from tests.scenarios.town import HASH, WAIT_S, Rows

if TYPE_CHECKING:
    from tests.scenarios.town import Reply, Shop

ROWS: Final = Rows()
NAMES_TWO: Final = "01 2"
CODE: Final[dict[str, Any]] = {"account": "2", "channel": ["code"]}
SAFE: Final = {"what": "safety", "evidence": "sheet 12"}
_OLD: Final = bytes.fromhex("6000030000601900000000")


def licence(shop: Shop) -> str:
    """A licence number that is this shop's alone."""
    body = f"91350100M0{shop.terminal[1:]}"
    return body + check_character(body)


def whole(shop: Shop, **record: Any) -> dict[str, Any]:
    """Everything that an application needs."""
    said = {"name": "Corner Shop", "contact": "010 555 000", "licence": licence(shop)}
    return {**said, "number": number_of(shop), "docs": {"licence-copy": HASH}, **record}


def number_of(shop: Shop) -> str:
    """DE 42 of its second account."""
    return "2" + shop.merchant[1:]


def applies(shop: Shop, who: str = "clara", **record: Any) -> Reply:
    """Everything in one request, or what is given."""
    return shop.requests(who, "1", "MERCH2", **(record or whole(shop)))


def reviewed(shop: Shop, number: str) -> Reply:
    """Marked and approved."""
    shop.decides("report", "rita", number, what="marks", marks={"business": 80})
    return shop.decides("approve", "rita", number)


def in_testing(shop: Shop, **record: Any) -> str:
    """An application that only lacks its test."""
    number = str(applies(shop, **whole(shop, **record))["request"])
    reviewed(shop, number)
    shop.until(number, "AGREEMENT")
    shop.decides("resume", "clara", number, docs={"agreement": HASH})
    shop.until(number, "TESTING")
    return number


def opened(shop: Shop, **record: Any) -> str:
    """The whole way."""
    number = in_testing(shop, **record)
    assert shop.sells(1, de63=NAMES_TWO)[0] == "00"
    shop.until(number, "TESTED")
    assert shop.decides("report", "tech", number, **SAFE)["state"] == "OPEN"
    return number


def at_the_host(shop: Shop) -> list[str]:
    """DE 42 of what the host got of this shop, the test charge left out."""
    numbers = (shop.merchant, number_of(shop))
    return [x[42] for x in shop.town.host.seen if x.get(42) in numbers and x[4] != f"{1:012d}"]


@ROWS.plays("3.1", "3.2", "3.8", "3.10")
def two_accounts(shop: Shop) -> None:
    opened(shop, plan={"rules": [CODE]})
    assert shop.sells(1_000)[0] == "00"
    assert shop.sells(1_500, de22="031")[0] == "00"
    assert shop.last[42] == shop.merchant
    code, back = shop.sells(700, de22="031")
    assert (code, shop.reverses(back)) == ("00", "00")
    wait_until(lambda: len(at_the_host(shop)) == 4, WAIT_S, "the reversal left")
    assert at_the_host(shop) == [shop.merchant, *[number_of(shop)] * 3]
    assert shop.settles(2_500, 2) == "00"
    found = shop.town.get(f"accounts/totals?merchant={shop.merchant}")
    served = {(x["account"], x["channel"]): x["served"] for x in found["parts"]}
    assert (found["adds_up"], found["whole"][0]["served"]) == (True, 2_500)
    assert served == {("2", "code"): 1_500, ("2", "stripe"): 0, ("main", "stripe"): 1_000}


@ROWS.plays("3.3")
def not_qualified(shop: Shop) -> None:
    number = str(applies(shop)["request"])
    told = shop.decides("report", "rita", number, what="marks", marks={"business": 40})
    assert (told["state"], told["codes"]) == ("REJECTED", "P21")
    assert told["obstacles"][0]["about"] == "business 40 < 60"
    assert shop.asks("5", "MERCH2") == "00"
    assert (shop.codes, shop.told["state"]) == ("P21", "REJECTED")
    assert applies(shop)["state"] == "QUALIFICATION_REVIEW"
    assert reviewed(shop, number)["state"] == "CAPABILITY_CHECK"


def _can(shop: Shop, *capabilities: str) -> None:
    changes = {"capabilities": list(capabilities)}
    said = {"merchant": shop.merchant, "terminal": shop.terminal, "changes": changes}
    asked = {"request": {"do": "change entry", **said}, "who": "clara"}
    assert shop.town.post("desk", asked).status == 200


@ROWS.plays("3.4", "3.14")
def terminals_that_can_not(shop: Shop) -> None:
    _can(shop, "chip")
    number = str(applies(shop)["request"])
    reviewed(shop, number)
    wait_until(lambda: shop.story(number)["codes"] == "P19", WAIT_S, "P19")
    _can(shop, "chip", "accounts")
    shop.until(number, "AGREEMENT")


@ROWS.plays("3.5")
def slow_support(shop: Shop) -> None:
    number = str(applies(shop)["request"])
    said = {"merchant": shop.merchant, "what": "support", "reason": "nobody answers"}
    told = shop.person("request", "clara", "MERCHANT", "2", request=number, **said)
    shop.town.is_told(told["request"], "account_overdue")
    answer = {"what": "answer", "reason": "a reviewer looks today"}
    assert shop.decides("report", "rita", told["request"], **answer)["state"] == "ANSWERED"


@ROWS.plays("3.6")
def left_lying(shop: Shop) -> None:
    number = str(applies(shop, name="Corner Shop")["request"])
    shop.town.is_told(number, "account_reminder")
    shop.hangs_up()
    shop.town.is_killed()
    waiting = {x["stage"]: x["waiting"] for x in shop.town.get("accounts/funnel")}
    assert waiting["DOCS"] >= 1
    docs = {"licence-copy": HASH}
    shop.decides("resume", "clara", number, licence=licence(shop), contact="010 555", docs=docs)
    assert shop.story(number)["state"] == "QUALIFICATION_REVIEW"


@ROWS.plays("3.7")
def tried_on_what_was_charged(shop: Shop) -> None:
    for amount in (1_000, 2_000, 3_000):
        assert shop.sells(amount)[0] == "00"
    plan = {"rules": [{"account": "2", "amount_min": 2_000}]}
    body = {"merchant": shop.merchant, "plan": plan}
    trial = shop.town.post("accounts/dry-run", body)
    assert trial["money_by_account"] == {"main": 1_000, "2": 5_000}
    assert at_the_host(shop) == [shop.merchant] * 3


@ROWS.plays("3.9")
def limits_of_an_account(shop: Shop) -> None:
    opened(shop, plan={"rules": [CODE], "limits": {"2": {"day_amount_max": 2_000}}})
    assert shop.sells(1_500, de22="031")[0] == "00"
    assert shop.sells(1_500, de22="031")[0] == "61"
    assert shop.sells(1_500)[0] == "00"


@ROWS.plays("3.12")
def papers(shop: Shop) -> None:
    good = licence(shop)
    bad = good[:-1] + ("0" if good[-1] != "0" else "1")
    assert shop.asks("5", "MERCH2") == "00"
    token = shop.told["token"]
    assert shop.asks("1", "MERCH2", token=token, licence=bad) == "27"
    assert shop.codes == "licence"
    assert shop.asks("1", "MERCH2", token=token, licence=good) == "29"
    assert (shop.codes, shop.told["state"]) == ("P7", "DOCS")
    other = shop.town.shop()
    told = applies(other, **whole(other, licence=good))
    assert (told["state"], told["codes"]) == ("DOCS", "P13")


@ROWS.plays("3.13")
def two_where_there_is_a_risk(shop: Shop) -> None:
    shop.files(risk="high")
    number = str(applies(shop)["request"])
    shop.decides("report", "rita", number, what="verified:phone")
    shop.decides("resume", "clara", number)
    assert reviewed(shop, number)["state"] == "QUALIFICATION_REVIEW"
    assert shop.decides("approve", "ron", number)["state"] == "CAPABILITY_CHECK"


@ROWS.plays("3.15")
def simple(shop: Shop) -> None:
    shop.files(documents={"licence-copy": HASH})
    assert applies(shop, **whole(shop, docs={}))["state"] == "QUALIFICATION_REVIEW"


@ROWS.plays("3.17")
def why_it_is_not_open(shop: Shop) -> None:
    assert shop.sells(de63=NAMES_TWO)[0] == "03"
    assert shop.codes == "P20"
    applies(shop, name="Corner Shop")
    assert shop.sells(de63=NAMES_TWO)[0] == "58"
    assert shop.codes == "P7"
    assert shop.text[3:].strip()
    assert shop.asks("5", "MERCH2") == "00"
    assert (shop.codes, shop.told["state"]) == ("P7", "DOCS")
    assert at_the_host(shop) == []


@ROWS.plays("3.19")
def an_agent(shop: Shop) -> None:
    assert applies(shop, "agnes")["state"] == "QUALIFICATION_REVIEW"
    assert shop.requests("agnes", reason="close it")["codes"] == "P1"
    assert shop.person("file", "agnes", merchant=shop.merchant, change={}).status == 409


@ROWS.plays("3.20")
def licences(shop: Shop) -> None:
    shop.files(licences={"payment": 1_000_000.0})
    told = applies(shop)
    assert (told["codes"], told["obstacles"][0]["about"]) == ("P17", "ended: payment")


@ROWS.plays("3.21")
def a_broken_part(shop: Shop) -> None:
    shop.manages("0820", "362", de62="011040")
    assert shop.town.open_of(shop)["kind"] == "deactivation"


@ROWS.plays("3.22")
def old_software(shop: Shop) -> None:
    asked = shop.file_action("5", "MERCH2")
    asked.set_header(_OLD)
    assert shop.says(asked) == "00"
    assert shop.codes == "P7,P14"


@ROWS.plays("3.23", "3.24")
def a_weak_network(shop: Shop) -> None:
    shop.manages("0820", "301")
    shop.hangs_up()
    shop.manages("0820", "301")
    told = shop.enquires(terminal=shop.terminal, state="DEACTIVATED")
    assert (told["connects"], told["echoes"]) == (2, 2)


@ROWS.plays("3.25")
def untrained(shop: Shop) -> None:
    before = shop.town.metric("gateway_account_mistakes_total")
    assert shop.asks("1", "MERCH2", licence="not one") == "27"
    assert shop.town.metric("gateway_account_mistakes_total") == before + 1


@ROWS.plays("3.26")
def out_of_turn(shop: Shop) -> None:
    number = str(applies(shop)["request"])
    assert shop.decides("report", "tech", number, **SAFE)["codes"] == "P18"
    assert shop.decides("appeal", "clara", number)["codes"] == "P18"
    assert shop.story(number)["state"] == "QUALIFICATION_REVIEW"


@ROWS.plays("3.27")
def sabotage(shop: Shop) -> None:
    shop.manages("0820", "362", de62="060")
    assert shop.sells()[0] == "58"
    assert shop.town.open_of(shop)["state"] == "SUSPENDED"


@ROWS.plays("3.28", "3.36")
def inspections_and_drills(shop: Shop) -> None:
    said = {"merchant": shop.merchant, "evidence": "sheet 3"}
    told = shop.person("file", "tech", what="inspection", terminal=shop.terminal, **said)
    assert told["on file"] == f"inspection {shop.terminal}"
    assert shop.enquires(terminal=shop.terminal, state="DEACTIVATED")["inspected_at"] > 0
    assert shop.person("file", "clara", what="drill", **said)["on file"] == "drill"


@ROWS.plays("3.30")
def safety(shop: Shop) -> None:
    number = in_testing(shop)
    assert shop.sells(1, de63=NAMES_TWO)[0] == "00"
    shop.until(number, "TESTED")
    unsafe = {**SAFE, "ok": False, "reason": "bare wires"}
    assert shop.decides("report", "tech", number, **unsafe)["codes"] == "P15"
    assert shop.sells(de63=NAMES_TWO)[0] == "58"
    assert shop.decides("report", "tech", number, **SAFE)["state"] == "OPEN"
    assert shop.sells(de63=NAMES_TWO)[0] == "00"


@ROWS.plays("3.31", "3.32")
def backups(shop: Shop) -> None:
    assert shop.sells()[0] == "00"
    code, made = isogate(shop.town.stage, "backup", "make")
    assert (code, made["charges"] > 0) == (0, True)
    code, tried = isogate(shop.town.stage, "backup", "test", made["file"])
    assert (code, tried["audit_head"]) == (0, made["audit_head"])


@ROWS.plays("3.33")
def no_power(shop: Shop) -> None:
    opened(shop, plan={"rules": [CODE]})
    code, request = shop.sells(1_200, de22="031")
    assert code == "00"
    shop.hangs_up()
    shop.town.is_killed()
    assert shop.reverses(request) == "00"
    wait_until(lambda: len(at_the_host(shop)) == 2, WAIT_S, "the reversal left")
    assert at_the_host(shop) == [number_of(shop)] * 2
    assert shop.sells(900, de22="031")[0] == "00"
    assert at_the_host(shop)[-1] == number_of(shop)


@ROWS.plays("3.34")
def a_robbery(shop: Shop) -> None:
    code, request = shop.sells()
    assert code == "00"
    said = {"merchant": shop.merchant, "what": "suspend shop"}
    told = shop.person("file", "sec", reason="robbery", **said)
    assert (told["suspended"], told["terminals"]) == (1, shop.terminal)
    assert shop.sells()[0] == "58"
    assert shop.reverses(request) == "00"
    assert shop.person("file", "clara", reason="robbery", **said)["codes"] == "P1"


@ROWS.plays("3.35", "3.38")
def policies(shop: Shop) -> None:
    version = f"policy-{shop.terminal}"
    rules = {"version": version, "valid_from": "2099-01-01", "qualification": {"business": 99}}
    told = shop.person("request", "sam", "RULES", "1", rules=rules)
    assert shop.decides("approve", "sam", told["request"])["codes"] == "P1"
    assert shop.decides("approve", "rita", told["request"])["state"] == "IN_FORCE"
    number = str(applies(shop)["request"])
    assert shop.story(number)["rules"] != version
    assert reviewed(shop, number)["state"] == "CAPABILITY_CHECK"
