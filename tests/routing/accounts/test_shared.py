"""What all account cases share: rules, rights, tokens, files, complaints, coming in, abuse."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec import build, dialect
from routing.accounts.asked import Action, Asked, File, Outcome, Record, Reply, Verb
from routing.accounts.dossier import Change, Contract
from routing.accounts.machine import Event, Kind
from routing.accounts.office import CASES
from routing.accounts.refusals import MEANING, Code, Language, Refusal, advice, encoded, fitted
from routing.accounts.rules import RuleBook, RuleSet, Window
from routing.accounts.steps import is_overdue
from routing.accounts.tokens import Tokens
from routing.accounts.words import WHAT
from routing.entries import MerchantEntry
from tests.routing.accounts.street import CASHIER, OWNER, Street, file_action, record_in
from tests.routing.accounts.test_deactivation import network
from tests.routing.world import HEADER, MERCHANT, POS, TERMINAL, answer, refund, sale

DAY_S: Final = 86_400.0


def test_a_refusal_without_a_coded_reason_is_impossible() -> None:
    with pytest.raises(ValueError, match="needs a coded reason"):
        Refusal([])
    street = Street()
    asked = street.requests(reason="shop closes")
    request, progress = street.the(asked.request), street.switch.office.progress
    with pytest.raises(ValueError, match="needs a coded reason"):
        progress.apply(request, Event.REJECTED, "rita", street.now)
    assert request.state == "UNDER_REVIEW"


def test_every_reason_has_its_words_and_what_to_do_next_in_both_languages() -> None:
    assert set(MEANING) == set(Code)
    assert [code.value for code in Code] == [f"P{n}" for n in range(1, 22)]
    for meaning in MEANING.values():
        for words in meaning:
            assert words.en
            assert words.en.isascii()
            assert any("\u4e00" <= letter <= "\u9fff" for letter in words.zh)


@given(st.lists(st.sampled_from(list(Code)), min_size=1), st.sampled_from(list(Language)))
def test_what_a_terminal_is_told_fits_and_ends_with_a_whole_sentence(
    codes: list[Code], language: Language
) -> None:
    sentences = advice(Refusal.of(codes[0]).obstacles, language)
    more = [each for code in codes for each in advice(Refusal.of(code).obstacles, language)]
    told = fitted(sentences + more, language)
    assert 0 < len(encoded(told, language)) <= 160
    assert told.endswith((".", "。"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.machine.kind)
def test_a_table_leads_from_its_first_state_to_ends_and_names_nothing_else(case: Any) -> None:
    machine = case.machine
    places, reached, waiting = set(machine.places), {machine.first}, [machine.first]
    while waiting:
        for step in machine.table.get(waiting.pop(), {}).values():
            if step.next not in reached:
                reached.add(step.next)
                waiting.append(step.next)
    assert reached == places
    assert set(machine.table) <= places
    assert any(machine.is_end(place) for place in places)
    for row in machine.table.values():
        assert all(event.value in WHAT for event in row)


def test_rules_change_by_two_persons_from_a_day_on_and_decisions_keep_theirs() -> None:
    street = Street(POS, RuleSet(version="2026-01"))
    first = street.requests(reason="shop closes")
    street.says_so(Verb.WITHDRAW, "clara", first.request)
    assert street.the(first.request).rule_version == "2026-01"
    new = RuleSet(version="2026-10", valid_from="2026-10-01", documents={"*": ("tax",)})
    asked = street.requests("rita", File.RULES, Action.ADD, rules=new)
    assert asked.state == "REQUESTED"
    assert street.says_so(Verb.APPROVE, "rita", asked.request).codes == "P1"
    assert street.says_so(Verb.APPROVE, "ron", asked.request).state == "IN_FORCE"
    street.restart()
    assert street.enquires().codes == ""
    street.wall += 30 * DAY_S
    assert street.enquires().codes == "P7"
    again = street.requests(reason="shop closes")
    assert street.the(again.request).rule_version == "2026-10"
    assert street.the(first.request).rule_version == "2026-01"


def test_a_request_waits_for_its_window_and_goes_on_when_it_opens() -> None:
    opens = {"*": (Window(days=(1, 2, 3, 4, 5, 6, 7), opens="09:00", closes="17:00"),)}
    street = Street(POS, RuleSet(version="v", windows=opens))
    asked = street.requests(reason="shop closes")
    (obstacle,) = asked.obstacles
    assert obstacle.code is Code.OUTSIDE_WINDOW
    street.wait(obstacle.until - street.wall - 60, step_s=600)
    assert street.the(asked.request).state == "PRECHECK_FAILED"
    street.wait(120, step_s=10)
    assert street.the(asked.request).state == "UNDER_REVIEW"


@given(st.floats(0, 4e9), st.integers(0, 1439), st.integers(1, 1440), st.sets(st.integers(1, 7)))
def test_when_a_window_opens_is_when_it_is_open(
    wall: float, opens: int, length: int, days: set[int]
) -> None:
    closes = min(opens + length, 1440)
    if not days or opens >= closes:
        return
    window = Window(
        days=tuple(days),
        opens=f"{opens // 60:02d}:{opens % 60:02d}",
        closes=f"{closes // 60:02d}:{closes % 60:02d}",
    )
    rules = RuleSet(version="v", windows={"*": (window,)})
    at = rules.opens_at("cancellation", wall)
    if at:
        assert wall < at <= wall + 8 * DAY_S
        assert rules.opens_at("cancellation", at + 1.0) == 0.0


def test_the_newest_rules_whose_day_has_come_are_in_force() -> None:
    book = RuleBook(
        RuleSet(version=version, valid_from=f"2026-0{month}-01")
        for version, month in (("b", 3), ("a", 1))
    )
    assert book.at(0.0).version == "built in"
    assert book.at(RuleSet(valid_from="2026-02-01").start()).version == "a"
    assert book.at(RuleSet(valid_from="2026-03-01").start()).version == "b"


@given(st.text(min_size=1, max_size=40), st.floats(1_000, 4e9), st.floats(0, 900))
def test_a_token_is_good_for_what_it_was_given_for_and_not_for_long(
    about: str, wall: float, later: float
) -> None:
    tokens = Tokens(b"k" * 32, 900.0)
    token = tokens.token(about, wall)
    assert tokens.is_good(about, token, wall + later)
    assert not tokens.is_good(about + "x", token, wall)
    assert not tokens.is_good(about, token, wall + 1_801)
    assert not Tokens(b"other" * 7, 900.0).is_good(about, token, wall)


def test_a_lock_is_set_by_one_and_lifted_by_two() -> None:
    street = Street()
    assert street.says_so(Verb.FILE, "rita", merchant=MERCHANT, what="lock").codes == "P1"
    street.says_so(Verb.FILE, "sec", merchant=MERCHANT, what="lock", reason="phishing mail")
    asked = street.requests(reason="shop closes")
    assert (asked.outcome, asked.codes) == (Outcome.REFUSED, "P10")
    unlock = street.requests(
        "clara", File.MERCHANT, Action.CHANGE, what="unlock", reason="owner called back"
    )
    assert unlock.state == "REQUESTED"
    assert street.says_so(Verb.APPROVE, "clara", unlock.request).codes == "P1"
    street.says_so(Verb.APPROVE, "sam", unlock.request)
    street.wait(6)
    assert street.the(asked.request).state == "UNDER_REVIEW"
    said = [each for each in street.audited("account file changed") if "unlocked" in each]
    assert len(said) == 1


def test_a_terminal_that_is_too_old_is_told_so_and_a_person_asks_for_it() -> None:
    street = Street(POS, RuleSet(version="v", software_min="31"))
    street.says(1, file_action(POS, "5", "TERMINAL", state="CANCELLED"))
    told = street.told[-1].message
    assert (told[39], told[44]) == ("00", "P14")
    assert "Update the terminal, or ask through the acquirer." in told[63]
    asked = street.requests(
        file=File.TERMINAL, terminal=TERMINAL, reason="old device", evidence="letter 12"
    )
    assert asked.state == "UNDER_REVIEW"
    assert street.the(asked.request).facts["evidence"] == "letter 12"


def test_a_wrong_clock_a_regulation_and_another_name_are_told() -> None:
    rules = RuleSet(version="v", clock_skew_max_s=60.0, forbids={"cancellation": "notice 2026-4"})
    street = Street("iso87-ascii", rules)
    street.says_so(Verb.FILE, "clara", merchant=MERCHANT, change=Change(name="Corner Shop"))
    street.says(1, file_action("iso87-ascii", "5", name="Other Shop"))
    told = street.told[-1].message
    assert told[44] == "P13,P16,P17"
    about = record_in(told)["about"]
    assert (about["P13"], about["P17"]) == ("name", "notice 2026-4")


def test_a_terminal_that_names_another_merchant_is_told_which_field_differs() -> None:
    street = Street()
    street.says(1, file_action(POS, "5", merchant="OTHER0000000001"))
    told = street.told[-1].message
    assert (told[39], told[44], record_in(told)["about"]) == ("29", "P13", {"P13": "merchant"})


def test_risk_decides_how_many_must_approve_and_which_checks_are_made() -> None:
    rules = RuleSet(version="v", approvals={"high": 2}, verifications={"high": ("phone", "visit")})
    street = Street(POS, rules)
    street.says_so(Verb.FILE, "clara", merchant=MERCHANT, change=Change(risk="high"))
    asked = street.requests(OWNER, reason="shop closes")
    assert asked.codes == "P9"
    number = asked.request
    own = street.says_so(Verb.REPORT, OWNER, number, what="verified:phone")
    assert own.codes == "P1"
    street.says_so(Verb.REPORT, "clara", number, what="verified:phone")
    street.says_so(Verb.REPORT, "clara", number, what="verified:visit")
    street.wait(6)
    assert street.the(number).state == "UNDER_REVIEW"
    assert street.says_so(Verb.APPROVE, "rita", number).state == "UNDER_REVIEW"
    assert street.says_so(Verb.APPROVE, "rita", number).codes == "P1"
    assert street.says_so(Verb.APPROVE, "ron", number).state == "APPROVED"


def test_operators_mistakes_are_counted_by_operator() -> None:
    street = Street()
    street.says(1, file_action(POS, "2", "MERCHANT"))
    street.says(1, file_action(POS, "3", "MERCHANT", 701, reason="x"))
    street.says(1, file_action(POS, "9", "MERCHANT", 702))
    assert street.switch.office.progress.mistakes == {OWNER: 3}


def test_a_step_out_of_turn_is_refused_and_names_where_the_request_stands() -> None:
    street = Street()
    asked = street.requests(reason="shop closes")
    early = street.says_so(Verb.ACCEPT, "clara", asked.request)
    assert (early.codes, early.state) == ("P18", "UNDER_REVIEW")
    assert early.obstacles[0].about == f"{asked.request} is UNDER_REVIEW: not accept now"


def test_documents_handed_in_later_are_kept_as_hashes_with_their_line() -> None:
    street = Street()
    asked = street.requests(reason="shop closes")
    street.says_so(Verb.RESUME, "clara", asked.request, docs={"legal-opinion": "cd" * 32})
    known = street.the(asked.request)
    assert known.documents == {"legal-opinion": "cd" * 32}
    assert (known.history[-1].what, known.history[-1].remark) == ("HANDED IN", "legal-opinion")
    assert street.says_so(Verb.RESUME, "clara", asked.request, docs={"x": "zz"}).wrong == ("docs",)


def test_nothing_that_could_be_a_card_number_is_taken_as_a_text() -> None:
    street = Street()
    for text in ("card 4761739001010119", "4761 7390 0101 0119", "4761-7390-0101-0119"):
        reply = street.requests(reason=text)
        assert (reply.outcome, reply.wrong) == (Outcome.WRONG_FIELD, ("reason",))


def test_a_complaint_is_answered_by_another_and_closed_by_who_made_it() -> None:
    street = Street(POS, RuleSet(version="v", due_h={"complaint.work": 1.0}))
    about = street.requests(reason="shop closes")
    said: dict[str, Any] = {"what": "complaint:delay", "reason": "no word for a week"}
    asked = street.requests(CASHIER, File.MERCHANT, Action.CHANGE, request=about.request, **said)
    assert (asked.state, street.the(asked.request).facts["about"]) == ("OPEN", about.request)
    street.wait(3_700, step_s=60)
    assert is_overdue(street.the(asked.request), street.wall)
    bare = street.says_so(Verb.REPORT, "clara", asked.request, what="answer")
    assert bare.wrong == ("reason",)
    said = {"what": "answer", "reason": "under review until Friday"}
    assert street.says_so(Verb.REPORT, "clara", asked.request, **said).state == "ANSWERED"
    assert street.says_so(Verb.APPEAL, CASHIER, asked.request).state == "OPEN"
    street.says_so(Verb.REPORT, "rita", asked.request, **said)
    assert street.says_so(Verb.ACCEPT, CASHIER, asked.request).state == "CLOSED"


def test_a_support_case_is_one_message_away_from_a_refusal() -> None:
    street = Street()
    street.says(1, file_action(POS, "2", what="support", reason="why was I refused?"))
    told = street.told[-1].message
    assert (told[39], record_in(told)["state"]) == ("00", "OPEN")
    assert street.the(record_in(told)["request"]).kind is Kind.COMPLAINT


def test_an_applicant_is_called_back_gets_a_device_and_begins_with_the_first_sign_in() -> None:
    street = Street(POS, RuleSet(version="v", serials=("SN-",)))
    registry = street.switch.life.registry
    said: dict[str, Any] = {"name": "Corner Shop", "contact": "010 555 000"}
    shop = street.requests("clara", File.MERCHANT, Action.ADD, **said)
    assert shop.state == "APPLIED"
    assert street.says_so(Verb.REPORT, "clara", shop.request, what="called").codes == "P1"
    street.says_so(Verb.REPORT, "rita", shop.request, what="called")
    assert street.says_so(Verb.APPROVE, "ron", shop.request).state == "ACTIVE"
    assert registry.merchant(MERCHANT).name == "Corner Shop"  # type: ignore[union-attr]
    till = street.requests("clara", File.TERMINAL, Action.ADD, TERMINAL, **said)
    number = till.request
    street.says_so(Verb.REPORT, "rita", number, what="called")
    street.says_so(Verb.APPROVE, "ron", number)
    assert street.says_so(Verb.REPORT, "clara", number, what="shipped").state == "SHIPPED"
    wrong = street.says_so(Verb.REPORT, "tech", number, what="registered", serial="ZZ-1")
    assert wrong.wrong == ("serial",)
    assert street.switch.office.devices.unknown_serials == 1
    street.says_so(Verb.REPORT, "tech", number, what="registered", serial="SN-1")
    street.says(1, sale(POS, 1))
    assert street.codes(1)[-1] == "58"
    street.says(1, network("0800", "001"))
    assert street.the(number).state == "ACTIVE"
    street.says(1, sale(POS, 2))
    assert len(street.charges_sent) == 1


def test_who_was_cancelled_comes_back_by_a_new_application_only() -> None:
    street = Street()
    asked = street.requests(reason="shop closes")
    street.says_so(Verb.APPROVE, "rita", asked.request)
    street.wait(3)
    assert street.says_so(Verb.RESUME, "clara", asked.request).codes == "P18"
    said: dict[str, Any] = {"name": "Corner Shop", "contact": "010 555 000"}
    shop = street.requests("clara", File.MERCHANT, Action.ADD, **said)
    street.says_so(Verb.REPORT, "rita", shop.request, what="called")
    street.says_so(Verb.APPROVE, "ron", shop.request)
    street.restart()
    street.says(1, sale(POS, 1))
    assert len(street.charges_sent) == 1


def test_a_day_of_refunds_is_an_anomaly_that_locks_and_is_told() -> None:
    street = Street(anomaly_sales_min=3, anomaly_locks=True)
    for stan in range(1, 5):
        request = street.approved(stan)
        street.acknowledge(stan)
        street.says(1, refund(request, 1000, stan=60 + stan))
        street.answers(answer(street.charges_sent[-1]))
    street.wait(DAY_S, step_s=1_800)
    office = street.switch.office
    assert office.anomalies.found == {"given back": 1}
    assert [each["what"] for each in street.audited("anomaly")] == ["given back"]
    assert street.enquires().codes.endswith("P10")
    told = [each.said["told"] for each in street.journal.entries if each.kind == "notice"]
    assert "anomaly" in told


def test_merchants_hear_what_would_stop_them_before_it_does() -> None:
    street = Street()
    ends = street.wall + 20 * DAY_S
    change = Change(contract=Contract(number="C-1", ends=ends))
    street.says_so(Verb.FILE, "clara", merchant=MERCHANT, change=change)
    street.wait(DAY_S, step_s=1_800)
    assert street.switch.office.anomalies.alerts == {"contract ends": 1}


def test_more_requests_than_there_is_room_for_are_refused_and_ended_ones_forgotten() -> None:
    street = Street(requests_open_max=1, requests_ended_max=1)
    first = street.requests(file=File.TERMINAL, terminal="T1", reason="one")
    second = street.requests(file=File.TERMINAL, terminal="T2", reason="two")
    assert (second.outcome, second.codes) == (Outcome.REFUSED, "P8")
    street.says_so(Verb.WITHDRAW, "clara", first.request)
    third = street.requests(file=File.TERMINAL, terminal="T2", reason="two")
    street.says_so(Verb.WITHDRAW, "clara", third.request)
    shelf = street.switch.office.shelf
    assert (shelf.get(first.request), shelf.forgotten) == (None, 1)
    street.restart()
    assert [each.id for each in street.switch.office.shelf.all()] == [third.request]


def test_the_audit_log_has_every_step_with_its_person_and_rules() -> None:
    street = Street(POS, RuleSet(version="2026-01"))
    asked = street.requests(reason="shop closes")
    street.says_so(Verb.REJECT, "rita", asked.request, what="P21", reason="papers unclear")
    lines = [each for each in street.journal.audit if each.subject == asked.request]
    assert [(each.who, each.said["what"]) for each in lines] == [
        ("clara", "OPENED"),
        ("clara", "PASSED"),
        ("rita", "REJECTED"),
    ]
    assert lines[-1].said["codes"] == "P21"
    assert all(each.said["rules"] == "2026-01" for each in lines)


def test_a_filing_is_on_file_with_its_number() -> None:
    street = Street()
    street.says_so(Verb.FILE, "clara", merchant=MERCHANT, change=Change(filing="R-2026-17"))
    street.restart()
    assert street.switch.office.files.of(MERCHANT).filing == "R-2026-17"
    assert street.audited("account file changed") == [{"changed": "filing"}]


def asked_for(verb: Verb, **record: Any) -> Asked:
    """Something that `clara` asks over HTTP."""
    return Asked(verb=verb, who="clara", record=Record(**record))


def test_a_request_that_nobody_knows_is_unknown() -> None:
    street = Street()
    for verb in (Verb.APPROVE, Verb.RESUME, Verb.REPORT, Verb.ENQUIRE):
        reply: Reply = street.asks(asked_for(verb, request="A9-9"))
        assert reply.outcome is Outcome.UNKNOWN


def test_the_answer_that_is_stored_outlives_the_registry_of_the_merchant() -> None:
    street = Street()
    token = street.enquires(OWNER).token
    message = file_action(POS, "3", token=token, reason="closing")
    street.says(1, message)
    street.switch.life.registry.put(MerchantEntry(id="M2"), 0, "setup", street.now)
    street.says(1, message)
    assert street.told[-1].message.raw == street.told[-2].message.raw


def test_a_record_that_is_no_json_or_too_long_a_code_list_is_answered_whole() -> None:
    street = Street()
    fields = {11: "000700", 41: TERMINAL, 42: MERCHANT, 60: "40000007501", 62: "{oops", 63: "01 "}
    street.says(1, build(dialect(POS), "0300", fields, HEADER))
    assert (street.codes(1), street.told[-1].message[44]) == (["27"], "record")


def test_terminals_are_asked_for_their_state_and_for_new_software() -> None:
    street = Street(POS, RuleSet(version="v", software_min="31"), status_age_max_s=3_600.0)
    asked: list[tuple[str, str]] = []
    street.switch.office.signals.ask = lambda subject, digit, _: asked.append((subject, digit))
    street.says(1, network("0820", "362", de62="011021031041051"))
    street.wait(2_000, step_s=100)
    assert asked == []
    street.wait(3_000, step_s=100)
    assert asked[-1] == (f"{MERCHANT}|{TERMINAL}", "2")
    street.says(1, file_action(POS, "5", "TERMINAL", state="CANCELLED"))
    assert asked[-1] == (f"{MERCHANT}|{TERMINAL}", "6")
