"""Cancelling an account: what stands against it, who decides, what happens to money on the way."""

from __future__ import annotations

from typing import Any

import pytest

from codec import build, dialect
from routing.accounts.asked import Action, File, Outcome, Verb
from routing.accounts.dossier import Change, Contract
from routing.accounts.rules import RuleSet, Window
from routing.entries import MerchantEntry, TerminalEntry
from tests.routing.accounts.street import (
    CASHIER,
    HASH,
    OWNER,
    Street,
    file_action,
    record_in,
)
from tests.routing.world import (
    BATCH,
    HEADER,
    ISO,
    MERCHANT,
    POS,
    TERMINAL,
    answer,
    reversal,
    sale,
)

DAY_S = 86_400.0
_ENQUIRE_FIRST = {
    "en": "Enquire for a confirm token and pass the named checks.",
    "zh": "请先查询获取确认码并完成验证。",
}


def filed(street: Street, **change: Any) -> None:
    """Something is on file of the merchant."""
    reply = street.says_so(Verb.FILE, "clara", merchant=MERCHANT, change=Change(**change))
    assert reply.outcome is Outcome.DONE


def settled(street: Street, amount: int = 1000, count: int = 1) -> None:
    """The terminal settles its batch."""
    block = f"{amount:012d}{count:03d}" + "0" * 12 + "0000"
    fields = {11: "000900", 41: TERMINAL, 42: MERCHANT, 48: block + "0" * 31}
    fields |= {60: "00" + BATCH + "201", 63: "01 "}
    street.says(1, build(dialect(POS), "0500", fields, HEADER))


def test_an_enquiry_names_every_obstacle_at_once() -> None:
    closed = {"*": (Window(days=(7,), opens="03:00", closes="04:00"),)}
    rules = RuleSet(
        version="2026-07",
        windows=closed,
        documents={"cancellation": ("licence", "identity"), "cancellation@north": ("tax",)},
        verifications={"*": ("phone",)},
        fee={"cancellation": 5000},
    )
    street = Street(POS, rules)
    street.approved(1)
    street.acknowledge(1)
    street.reversal_due(3)
    street.says(1, sale(POS, 2))
    ends = street.wall + 100 * DAY_S
    contract = Contract(number="C-7", ends=ends)
    filed(street, contract=contract, region="north", policy="POL-1", sync_pending=True)
    street.says_so(Verb.FILE, "sec", merchant=MERCHANT, what="lock", reason="phishing")
    reply = street.enquires()
    assert reply.codes == "P1,P2,P3,P4,P5,P6,P7,P8,P9,P10"
    told = {each.code: each for each in reply.obstacles}
    assert told["P5"].about.startswith("C-7 until ")
    assert told["P7"].about == "identity,licence,tax"
    assert told["P6"].until > street.wall
    assert told["P9"].about == "phone"
    assert told["P10"].about == "phishing"
    assert (told["P3"].count, told["P3"].amount) == (1, 1000)
    assert reply.facts["fee"] == 5000
    assert reply.token
    assert len(reply.sentences(language := "zh")) == 10, language  # type: ignore[arg-type]


def test_a_merchant_with_nothing_open_is_cancelled_by_two_persons() -> None:
    street = Street()
    asked = street.requests(reason="shop closes")
    assert (asked.outcome, asked.state) == (Outcome.DONE, "UNDER_REVIEW")
    own = street.says_so(Verb.APPROVE, "clara", asked.request)
    assert (own.outcome, own.codes) == (Outcome.REFUSED, "P1")
    approved = street.says_so(Verb.APPROVE, "rita", asked.request)
    assert approved.state == "APPROVED"
    street.wait(3)
    assert street.the(asked.request).state == "CANCELLED"
    street.says(1, sale(POS, 1))
    assert street.codes(1) == ["03"]
    street.restart()
    street.says(2, sale(POS, 2))
    assert street.codes(2) == ["03"]
    assert not street.charges_sent


def test_one_of_a_merchants_terminals_is_cancelled_and_told_58() -> None:
    street = Street()
    asked = street.requests(file=File.TERMINAL, terminal=TERMINAL, reason="shop got smaller")
    street.says_so(Verb.APPROVE, "rita", asked.request)
    street.wait(3)
    street.says(1, sale(POS, 1))
    street.says(2, sale(POS, 2, de41="T0000002"))
    assert street.codes(1) == ["58"]
    assert len(street.charges_sent) == 1


def test_closing_bars_new_business_and_waits_for_money() -> None:
    street = Street()
    asked = street.requests(reason="shop closes")
    street.approved(1)
    street.says_so(Verb.APPROVE, "rita", asked.request)
    street.wait(2)
    known = street.the(asked.request)
    assert (known.state, [each.code for each in known.obstacles]) == ("CLOSING", ["P2"])
    street.says(1, sale(POS, 2))
    assert street.codes(1)[-1] == "03"
    street.acknowledge(1)
    street.wait(2)
    assert [each.code for each in street.the(asked.request).obstacles] == ["P3"]
    settled(street)
    street.wait(2)
    assert street.the(asked.request).state == "CANCELLED"


def test_a_reversal_is_taken_from_a_merchant_that_closes() -> None:
    street = Street()
    asked = street.requests(reason="shop closes")
    request = street.approved(1)
    street.says_so(Verb.APPROVE, "rita", asked.request)
    street.wait(2)
    street.says(1, reversal(request))
    assert street.codes(1)[-1] == "00"
    street.answers(answer(street.reversals_sent[-1]))
    street.wait(2)
    assert street.the(asked.request).state == "CANCELLED"


def test_an_obstructed_request_goes_on_when_its_obstacles_are_gone() -> None:
    street = Street(POS, RuleSet(version="v2", documents={"cancellation": ("licence",)}))
    street.approved(1)
    asked = street.requests(reason="shop closes")
    assert (asked.outcome, asked.state, asked.codes) == (
        Outcome.REFUSED,
        "PRECHECK_FAILED",
        "P2,P7",
    )
    street.acknowledge(1)
    settled(street)
    street.wait(6)
    assert [each.code for each in street.the(asked.request).obstacles] == ["P7"]
    resumed = street.says_so(Verb.RESUME, "clara", asked.request, docs={"licence": HASH})
    assert resumed.state == "UNDER_REVIEW"
    assert street.the(asked.request).rule_version == "v2"


@pytest.mark.parametrize("name", [POS, ISO, "iso93-ascii"])
def test_a_terminal_enquires_and_requests_in_every_dialect(name: str) -> None:
    street = Street(name)
    street.says(1, file_action(name, "5", "TERMINAL", state="CANCELLED"))
    first = street.told[-1].message
    good = "300" if name.startswith("iso93") else "00"
    assert (first[39], first.get(44)) == (good, None)
    token = record_in(first)["token"]
    street.says(1, file_action(name, "3", "TERMINAL", 701, token=token, reason="closing"))
    second = street.told[-1].message
    assert second[39] == good
    assert record_in(second)["state"] == "UNDER_REVIEW"
    assert "Another person approves" in second[63]
    assert second.mti == ("1314" if name.startswith("iso93") else "0310")


def test_a_terminal_without_the_token_or_with_the_wrong_menu_item_changes_nothing() -> None:
    street = Street()
    street.says(1, file_action(POS, "3", reason="closing"))
    assert (street.told[-1].message[39], street.told[-1].message[44]) == ("29", "P9")
    street.says(1, file_action(POS, "3", "NOTHING", 701))
    assert street.codes(1)[-1] == "30"
    street.says(1, file_action(POS, "2", "MERCHANT", 702))
    assert street.codes(1)[-1] == "27"
    street.says(1, file_action(POS, "5", "SETTLEACC", 703))
    assert street.codes(1)[-1] == "24"
    street.says(1, file_action(POS, "3", "MERCHANT", 704, raeson="x"))
    assert (street.codes(1)[-1], street.told[-1].message[44]) == ("27", "record")
    street.says(1, file_action(POS, "5", "MERCHANT", 705), mac_good=False)
    assert street.codes(1)[-1] == "A0"
    assert not len(street.switch.office.shelf)


def test_an_unknown_operator_is_told_58_and_it_is_audited() -> None:
    street = Street()
    street.says(1, file_action(POS, "5", operator="99"))
    assert street.codes(1) == ["58"]
    assert [each["why"] for each in street.audited("account request denied")] == ["not known"]


def test_a_repeated_message_gets_the_stored_answer_even_after_a_restart() -> None:
    street = Street()
    token = street.enquires(OWNER).token
    message = file_action(POS, "3", token=token, reason="closing")
    street.says(1, message)
    first = street.told[-1].message
    street.restart()
    street.says_so(Verb.REJECT, "rita", record_in(first)["request"], what="P21")
    street.says(2, message)
    assert street.told[-1].message.raw == first.raw
    assert len(list(street.switch.office.shelf.all())) == 1


def test_a_cashier_needs_a_grant_and_the_same_request_goes_on_with_it() -> None:
    street = Street()
    asked = street.requests(CASHIER, reason="the owner is away")
    assert (asked.state, asked.codes) == ("PRECHECK_FAILED", "P1")
    said: dict[str, Any] = {"what": "account.cancel.request", "hours": 2.0, "reason": "owner away"}
    grant = street.requests(CASHIER, File.GRANT, Action.ADD, **said)
    assert grant.state == "REQUESTED"
    assert street.says_so(Verb.APPROVE, "rita", grant.request).codes == "P1"
    assert street.says_so(Verb.APPROVE, "sam", grant.request).state == "IN_FORCE"
    assert street.the(asked.request).state == "UNDER_REVIEW"
    street.restart()
    assert street.switch.office.people.may(CASHIER, "account.cancel.request", street.wall)  # type: ignore[arg-type]
    street.wait(2 * 3_600 + 1, step_s=600)
    assert not street.switch.office.people.grants
    assert not [key for kind, key in street.journal.kept if kind == "grant"]


def test_a_rejection_needs_a_code_and_its_appeal_another_party() -> None:
    street = Street()
    asked = street.requests(reason="shop closes")
    bare = street.says_so(Verb.REJECT, "both", asked.request, reason="we lose the fees")
    assert (bare.outcome, bare.wrong) == (Outcome.WRONG_FIELD, ("what",))
    assert street.the(asked.request).state == "UNDER_REVIEW"
    assert street.says_so(Verb.REJECT, "both", asked.request, what="P5").state == "REJECTED"
    assert street.says_so(Verb.APPEAL, "clara", asked.request).state == "APPEALED"
    assert street.says_so(Verb.APPROVE, "both", asked.request).codes == "P1"
    assert street.says_so(Verb.APPROVE, "anna", asked.request).state == "UNDER_REVIEW"
    assert street.says_so(Verb.APPROVE, "rita", asked.request).state == "APPROVED"


def test_what_an_appeal_waives_stays_waived() -> None:
    street = Street()
    ends = street.wall + 100 * DAY_S
    filed(street, contract=Contract(number="C-7", ends=ends))
    asked = street.requests(reason="shop closes")
    assert street.says_so(Verb.APPEAL, "clara", asked.request).state == "APPEALED"
    assert street.says_so(Verb.APPROVE, "anna", asked.request).state == "UNDER_REVIEW"
    assert street.the(asked.request).facts["waived"] == ["P5"]
    assert street.says_so(Verb.APPROVE, "rita", asked.request).state == "APPROVED"


def test_a_contract_that_runs_on_is_negotiated() -> None:
    street = Street()
    ends = street.wall + 100 * DAY_S
    asked = street.requests(reason="shop closes")
    filed(street, contract=Contract(number="C-7", ends=ends, early_fee=900))
    held = street.says_so(Verb.APPROVE, "rita", asked.request)
    assert (held.state, held.codes) == ("PRECHECK_FAILED", "P5")
    filed(street, contract=Contract(number="C-7", ends=ends, consented=True))
    street.wait(6)
    proposal = street.says_so(Verb.COUNTER, "rita", asked.request, reason="end of the month")
    assert proposal.state == "NEGOTIATING"
    assert street.says_so(Verb.ACCEPT, "clara", asked.request).state == "UNDER_REVIEW"
    assert street.the(asked.request).facts["waived"] == ["P5"]


def test_a_dead_terminals_batch_is_settled_by_hand_with_evidence() -> None:
    street = Street()
    asked = street.requests(reason="burnt down", evidence="letter of the owner")
    street.approved(1)
    street.acknowledge(1)
    street.says_so(Verb.APPROVE, "rita", asked.request)
    street.wait(3)
    said = {"what": "batch settled"}
    bare = street.says_so(Verb.REPORT, "ron", asked.request, **said)
    assert bare.wrong == ("evidence",)
    assert street.says_so(Verb.REPORT, "clara", asked.request, **said, evidence="x").codes == "P1"
    street.says_so(Verb.REPORT, "ron", asked.request, **said, evidence="host statement 12")
    street.wait(3)
    assert street.the(asked.request).state == "CANCELLED"


def test_the_same_again_is_a_duplicate_and_names_the_one_under_way() -> None:
    street = Street()
    asked = street.requests(reason="shop closes")
    again = street.requests(OWNER, reason="shop closes")
    assert (again.outcome, again.request, again.codes) == (
        Outcome.DUPLICATE,
        asked.request,
        "P18",
    )


def test_what_waits_too_long_is_reminded_of_and_escalated() -> None:
    street = Street(POS, RuleSet(version="v", due_h={"review": 2.0}))
    asked = street.requests(reason="shop closes")
    street.wait(3_700, step_s=60)
    assert street.switch.office.progress.nudges == {"reminder": 1}
    street.wait(3_700, step_s=60)
    assert street.switch.office.progress.nudges == {"reminder": 1, "overdue": 1}
    assert street.switch.office.overdue(street.wall) == [street.the(asked.request)]
    whats = [line.what for line in street.the(asked.request).history]
    assert whats == ["OPENED", "PASSED", "reminder", "overdue"]


def test_untrained_people_decide_nothing() -> None:
    street = Street()
    asked = street.requests(reason="shop closes")
    assert street.says_so(Verb.APPROVE, "novice", asked.request).codes == "P1"


@pytest.mark.parametrize("name", [POS, ISO, "iso93-ascii"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_terminal_is_told_what_to_do_in_its_registry_entrys_language(
    name: str, language: str
) -> None:
    street = Street(name)
    entry = TerminalEntry(merchant=MERCHANT, id=TERMINAL, language=language)  # type: ignore[arg-type]
    street.switch.life.registry.load([MerchantEntry(id=MERCHANT)], [entry], "", street.now)
    street.settle()
    street.says(1, file_action(name, "3", reason="closing"))
    told = street.told[-1].message[63].encode("latin-1")
    assert len(told) <= 160
    said = told.decode("gbk").removeprefix("01 ")
    assert said == _ENQUIRE_FIRST[language]
