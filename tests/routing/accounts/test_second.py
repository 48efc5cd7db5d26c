"""Opening a second account: as terminals and persons see it."""

from __future__ import annotations

from typing import Any, Final

import pytest

from routing.accounts.asked import Action, Asked, File, Outcome, Record, Reply, Verb
from routing.accounts.dossier import Change
from routing.accounts.licence import check_character, is_good
from routing.accounts.people import Person, Role
from routing.accounts.rules import RuleSet
from routing.accounts.second_states import MACHINE, THE_WAY
from routing.entries import MerchantEntry, TerminalEntry
from tests.routing.accounts.street import (
    CASHIER,
    HASH,
    OWNER,
    Street,
    file_action,
    record_in,
)
from tests.routing.world import ISO, MERCHANT, POS, TERMINAL, answer, reversal, sale

LICENCE: Final = "91350100M000100Y43"
OTHER_NUMBER: Final = "MERCHANT0000002"
ISO_93: Final = "iso93-ascii"
RULES: Final = RuleSet(
    version="2026",
    qualification={"business": 60, "credit": 70, "disputes": 50},
    documents={"second": ("licence copy",)},
    abandon_days=30.0,
    due_h={"fix": 240.0},
)
WHOLE: Final[dict[str, Any]] = {
    "name": "Shop",
    "contact": "010 555 000",
    "licence": LICENCE,
    "number": OTHER_NUMBER,
    "docs": {"licence-copy": HASH},
}
SAFE: Final = {"what": "safety", "evidence": "inspection 12"}
GOOD_MARKS: Final = {"business": 80, "credit": 75}


def rules(**changes: Any) -> RuleSet:
    known = {"documents": {"second": ("licence-copy",)}, "qualification": RULES.qualification}
    known |= {"due_h": RULES.due_h, **changes}
    return RuleSet(version="2026", **known)


def street(name: str = POS, **changes: Any) -> Street:
    return Street(name, rules(**changes))


def applies(shop: Street, who: str = "clara", **record: Any) -> Reply:
    """Enquire, and apply with everything in one request, or what of it is given."""
    return shop.requests(who, File.MERCH2, Action.ADD, **(record or WHOLE))


def reviewed(shop: Street, request: str, **marks: int) -> Reply:
    """Marked by one, approved by another."""
    shop.says_so(Verb.REPORT, "rita", request, what="marks", marks=marks or GOOD_MARKS)
    return shop.says_so(Verb.APPROVE, "rita", request)


def names(shop: Street, stan: int, account: str = "2", **changes: Any) -> Any:
    """A sale that names an account."""
    said = "01 " + account if shop.name == POS else account
    return sale(shop.name, stan, **{"de63": said, **changes})


def tried(shop: Street, stan: int = 900, account: str = "2") -> None:
    """The test charge: approved, delivered, reversed by the gateway."""
    shop.says(1, names(shop, stan, account, de4="000000000001"))
    shop.answers(answer(shop.charges_sent[-1]))
    shop.acknowledge(stan)
    shop.wait(3.0)
    shop.answers(answer(shop.reversals_sent[-1]))
    shop.wait(1.0)


def opened(shop: Street, account: str = "2", **record: Any) -> str:
    """The whole way; returns the request."""
    reply = applies(shop, **{**WHOLE, "account": account, **record})
    reviewed(shop, reply.request)
    shop.wait(3.0)
    shop.says_so(Verb.RESUME, "clara", reply.request, docs={"agreement": HASH})
    shop.wait(3.0)
    tried(shop, 900 + int(account), account)
    assert shop.the(reply.request).state == "TESTED"
    assert shop.says_so(Verb.REPORT, "tech", reply.request, **SAFE).state == "OPEN"
    return reply.request


def of_the_account(shop: Street, stan: int) -> str:
    return shop.charge(stan).account


def test_everything_in_one_request_and_step_by_step_to_an_open_account() -> None:
    shop = street()
    reply = applies(shop)
    assert (reply.outcome, reply.state) == (Outcome.DONE, "QUALIFICATION_REVIEW")
    assert reviewed(shop, reply.request).state == "CAPABILITY_CHECK"
    shop.wait(3.0)
    request = shop.the(reply.request)
    assert (request.state, [each.code for each in request.obstacles]) == ("AGREEMENT", ["P20"])
    shop.says_so(Verb.RESUME, "clara", reply.request, docs={"agreement": HASH})
    shop.wait(3.0)
    assert request.state == "TESTING"
    tried(shop)
    assert request.state == "TESTED"
    assert shop.says_so(Verb.REPORT, "tech", reply.request, **SAFE).state == "OPEN"
    shop.says(1, names(shop, 5))
    (sent,) = [each for each in shop.charges_sent if each[11] != "000900"][-1:]
    assert (sent[42], of_the_account(shop, 5)) == (OTHER_NUMBER, "2")
    shop.answers(answer(sent))
    assert (shop.told[-1].message[39], shop.told[-1].message[42]) == ("00", MERCHANT)


def test_a_licence_number_has_a_check_character() -> None:
    assert is_good(LICENCE)
    assert not is_good(LICENCE[:-1] + "4")
    assert not is_good(LICENCE[:-1])
    assert not is_good("O" + LICENCE[1:])
    assert check_character("91110000600037341") == "L"


@pytest.mark.parametrize("name", [POS, ISO, ISO_93])
def test_a_terminal_applies_and_asks_why_it_is_not_open(name: str) -> None:
    shop = street(name)
    shop.says(1, file_action(name, "5", "MERCH2"))
    token = record_in(shop.told[-1].message)["token"]
    said = {"token": token, "name": "Shop", "contact": "010 555 000", "licence": LICENCE}
    shop.says(1, file_action(name, "1", "MERCH2", stan=701, **said))
    told = shop.told[-1].message
    refused = {POS: "29", ISO: "29", ISO_93: "306"}[name]
    assert (told[39], told[44], record_in(told)["state"]) == (refused, "P7", "DOCS")
    assert record_in(told)["about"] == {"P7": "licence-copy"}
    shop.says(1, file_action(name, "5", "MERCH2", stan=702))
    told = shop.told[-1].message
    assert (told[44], record_in(told)["state"]) == ("P7", "DOCS")
    assert "Hand the named documents in" in told[63]
    said = {"token": token, "docs": {"licence-copy": HASH}}
    shop.says(1, file_action(name, "1", "MERCH2", stan=703, **said))
    told = shop.told[-1].message
    done = {POS: "00", ISO: "00", ISO_93: "300"}[name]
    assert (told[39], record_in(told)["state"]) == (done, "QUALIFICATION_REVIEW")
    shop.says(1, file_action(name, "1", "MERCH2", stan=704, **said))
    assert shop.told[-1].message[44] == "P18"


def test_what_can_not_be_right_is_named_and_nothing_is_kept() -> None:
    shop = street()
    wrong = {**WHOLE, "licence": LICENCE[:-1] + "4", "account": "1", "host": "nobody"}
    assert applies(shop, **wrong).wrong == ("licence", "account", "host")
    assert not list(shop.switch.office.shelf.all())
    reply = applies(shop, name="Shop")
    assert reply.codes == "P7"
    assert {each.about for each in reply.obstacles} == {"licence-copy", "contact,licence"}
    again = shop.says_so(Verb.RESUME, "clara", reply.request, licence=LICENCE[:-1] + "4")
    assert again.wrong == ("licence",)


def test_what_was_handed_in_is_kept_and_papers_on_file_are_used_again() -> None:
    shop = street()
    reply = applies(shop, name="Shop", contact="010 555 000")
    shop.restart()
    change = Change(documents={"licence-copy": HASH})
    shop.says_so(Verb.FILE, "clara", merchant=MERCHANT, change=change)
    reply = shop.says_so(Verb.RESUME, "clara", reply.request, licence=LICENCE)
    assert (reply.outcome, reply.state) == (Outcome.DONE, "QUALIFICATION_REVIEW")


def test_the_licence_of_another_merchant_is_found() -> None:
    shop = street()
    applies(shop)
    said = Record(merchant="MERCHANT0000009", **WHOLE)
    token = shop.asks(
        Asked(verb=Verb.ENQUIRE, file=File.MERCH2, action=Action.ENQUIRE, who="clara", record=said)
    ).token
    said = Record(merchant="MERCHANT0000009", token=token, **WHOLE)
    asked = Asked(verb=Verb.REQUEST, file=File.MERCH2, action=Action.ADD, who="clara", record=said)
    reply = shop.asks(asked)
    assert (reply.state, reply.codes) == ("DOCS", "P13")


def test_a_review_that_is_not_passed_names_each_item_and_is_mended_in_the_same_request() -> None:
    shop = street()
    reply = applies(shop)
    refused = shop.says_so(Verb.APPROVE, "rita", reply.request)
    assert (refused.codes, refused.obstacles[0].about) == ("P21", "not marked: business, credit")
    marks = {"business": 59, "credit": 10}
    own = shop.says_so(Verb.REPORT, "clara", reply.request, what="marks", marks=marks)
    assert own.codes == "P1"
    told = shop.says_so(Verb.REPORT, "rita", reply.request, what="marks", marks={"business": 101})
    assert told.wrong == ("marks",)
    told = shop.says_so(Verb.REPORT, "rita", reply.request, what="marks", marks=marks)
    assert (told.state, told.codes) == ("REJECTED", "P21")
    assert told.obstacles[0].about == "business 59 < 60, credit 10 < 70"
    assert applies(shop).state == "QUALIFICATION_REVIEW"
    assert shop.the(reply.request).facts["marks"] == {"disputes": 100}
    assert reviewed(shop, reply.request).state == "CAPABILITY_CHECK"


def test_what_the_books_show_is_marked_by_nobody_and_may_reject_at_once() -> None:
    shop = street()
    shop.says_so(Verb.FILE, "clara", merchant=MERCHANT, change=Change(disputes=3))
    reply = applies(shop)
    request = shop.the(reply.request)
    assert (request.state, request.obstacles[0].about) == ("REJECTED", "disputes 25 < 50")
    assert shop.says_so(Verb.APPEAL, "clara", request.id).state == "APPEALED"
    assert shop.says_so(Verb.APPROVE, "anna", request.id).state == "QUALIFICATION_REVIEW"
    assert shop.says_so(Verb.APPROVE, "rita", request.id).state == "CAPABILITY_CHECK"


def test_a_risky_merchant_needs_two_and_others_one() -> None:
    shop = street(approvals={"high": 2})
    shop.says_so(Verb.FILE, "clara", merchant=MERCHANT, change=Change(risk="high"))
    reply = applies(shop)
    assert reviewed(shop, reply.request).state == "QUALIFICATION_REVIEW"
    assert shop.says_so(Verb.APPROVE, "rita", reply.request).codes == "P1"
    assert shop.says_so(Verb.APPROVE, "ron", reply.request).state == "CAPABILITY_CHECK"


def registered(shop: Street, **terminals: dict[str, Any]) -> None:
    shop.switch.life.registry.load(
        [MerchantEntry(id=MERCHANT)],
        [TerminalEntry(merchant=MERCHANT, id=name, **said) for name, said in terminals.items()],
        "",
        shop.now,
    )
    shop.settle()


def test_terminals_that_can_not_use_it_are_named_and_asked_to_update() -> None:
    shop = street(accounts_software_min="32")
    registered(shop, T0000001={"software": "31"}, T0000002={"capabilities": ("chip",)})
    asked: list[tuple[str, str]] = []
    shop.switch.office.signals.ask = lambda subject, digit, _: asked.append((subject, digit))
    reply = applies(shop)
    reviewed(shop, reply.request)
    shop.wait(3.0)
    request = shop.the(reply.request)
    assert request.state == "CAPABILITY_CHECK"
    assert [(x.code, x.about) for x in request.obstacles] == [("P19", "T0000001,T0000002")]
    subjects = [f"{MERCHANT}|T000000{number}" for number in (1, 2)]
    assert sorted(asked) == [(each, "6") for each in subjects]
    assert shop.says_so(Verb.RESUME, "clara", request.id).codes == "P19"
    entry = TerminalEntry(merchant=MERCHANT, id=TERMINAL, software="32")
    shop.switch.life.registry.put(entry, None, "", shop.now)
    shop.wait(3.0)
    assert (request.state, request.facts["upgrade"]) == ("AGREEMENT", ["T0000002"])


def test_nobody_goes_on_it_is_reminded_of_given_up_and_taken_up_where_it_was() -> None:
    shop = street()
    reply = applies(shop)
    reviewed(shop, reply.request)
    shop.wait(3.0)
    request = shop.the(reply.request)
    day = 86_400.0
    for _ in range(31):
        shop.wait(day, step_s=day / 2)
    assert request.state == "ABANDONED"
    told = [line.what for line in request.history]
    assert told.count("reminder") == 1
    assert "overdue" in told
    assert request.facts["left_at"] == "AGREEMENT"
    shop.restart()
    shop.says(1, names(shop, 7))
    assert (shop.codes(1)[-1], shop.told[-1].message[44]) == ("58", "P20")
    reply = applies(shop, name="Shop", docs={"agreement": HASH})
    shop.wait(3.0)
    assert shop.the(reply.request).state == "TESTING"
    assert reply.request == request.id


def test_a_request_that_is_given_up_for_a_year_ends() -> None:
    shop = street()
    reply = applies(shop, name="Shop")
    for _ in range(80):
        shop.wait(5 * 86_400.0, step_s=86_400.0 * 2.5)
    assert shop.the(reply.request).state == "WITHDRAWN"


def test_only_one_small_charge_tests_an_account_and_it_is_reversed() -> None:
    shop = street()
    reply = applies(shop)
    reviewed(shop, reply.request)
    shop.says(1, names(shop, 1, de4="000000000001"))
    assert shop.codes(1)[-1] == "58"
    shop.says_so(Verb.RESUME, "clara", reply.request, docs={"agreement": HASH})
    shop.wait(5.0)
    assert shop.the(reply.request).state == "TESTING"
    shop.says(1, names(shop, 2, de4="000000000101"))
    assert (shop.codes(1)[-1], shop.told[-1].message[44]) == ("58", "P15")
    shop.says(1, names(shop, 3, de4="000000000100"))
    shop.says(2, names(shop, 4, de4="000000000100"))
    assert shop.codes(2)[-1] == "58"
    shop.answers(answer(shop.charges_sent[-1], "51"))
    shop.says(1, names(shop, 5, de4="000000000100"))
    shop.answers(answer(shop.charges_sent[-1]))
    shop.says(1, reversal(names(shop, 5, de4="000000000100")))
    shop.wait(1.0)
    (back,) = shop.reversals_sent
    assert back[42] == OTHER_NUMBER
    shop.answers(answer(back))
    assert shop.the(reply.request).state == "TESTED"


def test_it_opens_only_where_the_place_was_found_safe() -> None:
    shop = street()
    reply = applies(shop)
    reviewed(shop, reply.request)
    shop.wait(3.0)
    shop.says_so(Verb.RESUME, "clara", reply.request, docs={"agreement": HASH})
    shop.wait(3.0)
    assert shop.says_so(Verb.REPORT, "tech", reply.request, **SAFE).codes == "P18"
    tried(shop)
    assert shop.says_so(Verb.REPORT, "rita", reply.request, **SAFE).codes == "P1"
    told = shop.says_so(Verb.REPORT, "tech", reply.request, what="safety")
    assert told.wrong == ("evidence",)
    unsafe = {**SAFE, "ok": False, "reason": "bare wires"}
    told = shop.says_so(Verb.REPORT, "tech", reply.request, **unsafe)
    assert (told.state, told.codes, told.obstacles[0].about) == ("TESTED", "P15", "bare wires")
    assert shop.says_so(Verb.REPORT, "tech", reply.request, **SAFE).state == "OPEN"


def test_an_account_that_is_not_open_takes_nothing_and_the_terminal_is_told_why() -> None:
    shop = street()
    shop.says(1, names(shop, 1))
    told = shop.told[-1].message
    assert (told[39], told[44]) == ("03", "P20")
    assert told[63] == "01 Sign the agreement, then resume."
    applies(shop, name="Shop")
    shop.says(1, names(shop, 2))
    told = shop.told[-1].message
    assert (told[39], told[44]) == ("58", "P7")
    assert not shop.charges_sent
    shop.approved(3)
    assert of_the_account(shop, 3) == ""


def test_whoever_has_no_second_account_is_not_looked_up() -> None:
    shop = street()
    calls: list[Any] = []
    collecting = shop.switch.office.collecting
    chosen = collecting.choice
    collecting.choice = lambda *each: calls.append(each) or chosen(*each)  # type: ignore[method-assign]
    shop.approved(1)
    assert calls == []
    assert shop.charge(1).channel == ""


def test_an_agent_helps_the_merchants_that_it_acts_for_and_may_do_no_more() -> None:
    shop = street()
    helper = Person(name="agnes", roles=(Role.AGENT,), acts_for=(MERCHANT,))
    other = Person(name="arno", roles=(Role.AGENT,), acts_for=("MERCHANT0000009",))
    people = shop.switch.office.people
    people._known |= {each.name: each for each in (helper, other)}
    assert applies(shop, "arno").codes == "P1"
    assert shop.requests("agnes", reason="close it").codes == "P1"
    shop.says_so(Verb.WITHDRAW, "clara", next(iter(shop.switch.office.shelf.open())).id)
    shop.says_so(Verb.WITHDRAW, "clara", next(iter(shop.switch.office.shelf.open())).id)
    reply = applies(shop, "agnes")
    assert reply.state == "QUALIFICATION_REVIEW"
    assert shop.says_so(Verb.APPROVE, "agnes", reply.request).codes == "P1"
    assert shop.audited("account step")[-1]["kind"] == "second"


def test_steps_out_of_turn_change_nothing() -> None:
    shop = street()
    reply = applies(shop)
    for verb in (Verb.ACCEPT, Verb.COUNTER, Verb.APPEAL):
        assert shop.says_so(verb, "rita", reply.request).codes == "P18"
    for what in ("safety", "called", "batch settled"):
        assert shop.says_so(Verb.REPORT, "tech", reply.request, what=what).codes == "P18"
    assert shop.the(reply.request).state == "QUALIFICATION_REVIEW"


def test_the_way_of_a_request_is_in_its_table() -> None:
    assert set(THE_WAY) <= set(MACHINE.places)
    assert MACHINE.is_end("OPEN")
    assert applies(street(), CASHIER).codes == "P1"
    assert street().enquires(OWNER, File.MERCH2).facts["review"].startswith("business>=60")
