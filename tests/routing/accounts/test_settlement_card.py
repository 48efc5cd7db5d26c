"""Changing a settlement card: what stands against it, who decides, what bank and cut-over do."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from routing.accounts.asked import Action, File, Outcome, Verb
from routing.accounts.bank_sync import BankCard, Told
from routing.accounts.card_rules import CAPABILITY
from routing.accounts.refusals import Code
from routing.accounts.rules import RuleSet
from routing.accounts.settlement_settings import SettlementSettings
from routing.entries import TerminalEntry
from tests.routing.accounts.card_street import (
    CORPORATE_1,
    CREDIT_1,
    DEBIT_1,
    DEBIT_2,
    DEBIT_3,
    HOLDER,
    OLD_CARD,
    OLD_MASK,
    STRIPE_1,
    CardStreet,
    with_check_digit,
)
from tests.routing.accounts.street import CASHIER, HASH, OWNER, file_action, record_in
from tests.routing.accounts.test_cancellation import filed, settled
from tests.routing.accounts.test_deactivation import network
from tests.routing.world import ISO, MERCHANT, POS, TERMINAL, sale

DAY_S = 86_400.0


def mask(digits: str) -> str:
    """As everybody sees it."""
    return digits[:6] + "*" * (len(digits) - 10) + digits[-4:]


@pytest.mark.parametrize("name", [POS, ISO, "iso93-ascii"])
def test_a_terminal_asks_for_another_card_in_every_dialect(name: str) -> None:
    street = CardStreet(name=name)
    street.says(1, file_action(name, "5", "SETTLEACC"))
    first = street.told[-1].message
    good = "300" if name.startswith("iso93") else "00"
    assert (first[39], first.get(44)) == (good, None)
    said = {"token": record_in(first)["token"], "name": HOLDER, "card": DEBIT_1, "again": DEBIT_1}
    wanted = file_action(name, "2", "SETTLEACC", 701, **said)
    street.says(1, wanted)
    second = street.told[-1].message
    assert (second[39], record_in(second)["state"]) == (good, "UNDER_REVIEW")
    assert record_in(second)["facts"]["masked"] == mask(DEBIT_1)
    street.says(1, wanted)
    assert street.told[-1].message.raw == second.raw
    street.says(1, file_action(name, "2", "SETTLEACC", 702, **said))
    again = street.told[-1].message
    assert again[44] == "P18"
    assert len(list(street.switch.office.shelf.all())) == 1


@pytest.mark.parametrize(
    ("digits", "codes", "about"),
    [
        (DEBIT_1[:-1] + str((int(DEBIT_1[-1]) + 1) % 10), "P11", "check digit"),
        (with_check_digit("62220212345678"), "P11", "15 digits"),
        (with_check_digit("622202123456789"), "P11", "16 digits"),
        (with_check_digit("401288888888188"), "P12", "no bank is known for it"),
        (with_check_digit("4000000000"), "P11,P12", "11 digits"),
        (CREDIT_1, "P12", "credit card"),
    ],
    ids=["check digit", "too short", "other length than its BIN", "unknown BIN", "both", "credit"],
)
def test_a_card_that_can_not_be_right_is_refused_with_its_reason(
    digits: str, codes: str, about: str
) -> None:
    street = CardStreet()
    asked = street.asks_for(digits)
    assert (asked.outcome, asked.state, asked.codes) == (Outcome.REFUSED, "CARD_REFUSED", codes)
    assert asked.obstacles[0].about == about
    assert not street.wanted()


def test_the_checks_of_a_card_can_be_asked_for_before_anything_is_requested() -> None:
    street = CardStreet()
    street.says(1, file_action(POS, "5", "SETTLEACC", card=CREDIT_1, again=CREDIT_1, name=HOLDER))
    told = street.told[-1].message
    assert (told[39], told[44]) == ("00", "P12")
    assert record_in(told)["facts"]["bank"] == "CMB"
    (opened,) = street.audited("card opened")
    assert (opened["card"], opened["request"]) == (mask(CREDIT_1), "")
    assert not len(street.switch.office.shelf)


def test_a_refused_card_is_replaced_by_another_in_the_same_request() -> None:
    street = CardStreet()
    asked = street.asks_for(CREDIT_1)
    assert "Have a fitting card made by the bank" in asked.next.en
    again = street.asks_for(DEBIT_1, OWNER)
    assert (again.request, again.state) == (asked.request, "UNDER_REVIEW")
    whats = [line.what for line in street.the(asked.request).history]
    assert whats == ["OPENED", "CARD_REFUSED", "NEW CARD", "RESUMED", "PASSED"]


def test_a_number_that_was_keyed_differently_or_can_not_be_read_is_a_wrong_field() -> None:
    street = CardStreet()
    other = street.asks_for(DEBIT_1, again=DEBIT_2)
    assert (other.outcome, other.wrong) == (Outcome.WRONG_FIELD, ("again",))
    assert street.asks_for("no number").wrong == ("card",)
    token = street.enquires(OWNER, File.SETTLEACC).token
    street.says(1, file_action(POS, "2", "SETTLEACC", token=token, name=HOLDER))
    assert (street.codes(1)[-1], street.told[-1].message[44]) == ("27", "card")
    said = {"token": token, "name": HOLDER, "card": DEBIT_1, "again": DEBIT_2}
    street.says(1, file_action(POS, "2", "SETTLEACC", 701, **said))
    assert street.told[-1].message[44] == "again"
    assert not len(street.switch.office.shelf)


def test_which_kind_of_card_a_merchant_may_have_is_a_rule_with_a_version_and_a_day() -> None:
    today = RuleSet(
        version="2026-09",
        settlement_cards={"company": ("corporate",), "company@north": ("debit", "corporate")},
    )
    later = RuleSet(version="2027", valid_from="2027-01-01", settlement_cards={"*": ("debit",)})
    street = CardStreet(today, later)
    street.registers(kind="company", region="south")
    asked = street.asks_for(DEBIT_1)
    assert asked.codes == "P12"
    about = "debit; rules 2026-09 for company: corporate"
    assert asked.obstacles[0].about == about
    filed(street, region="north")
    street.wait(6)
    assert street.the(asked.request).state == "UNDER_REVIEW"
    assert street.the(asked.request).rule_version == "2026-09"
    street.wall += 150 * DAY_S
    street.says_so(Verb.WITHDRAW, "clara", asked.request)
    refused = street.asks_for(CORPORATE_1)
    assert refused.obstacles[0].about == "corporate; rules 2027 for *: debit"


def test_no_rule_can_allow_a_credit_card() -> None:
    rules = RuleSet(version="v", settlement_cards={"*": ("debit", "credit")})
    assert list(rules.problems()) == [
        "settlement_cards.*: money is never settled to a credit card",
        "settlement_cards.*: debit, corporate, prepaid",
    ]
    street = CardStreet()
    said: dict[str, Any] = {"rules": rules, "reason": "new rule"}
    assert street.requests("rita", File.RULES, Action.ADD, **said).wrong == ("rules",)


def test_rules_that_changed_meanwhile_are_asked_again_at_the_approval() -> None:
    later = RuleSet(version="2027", valid_from="2027-01-01", settlement_cards={"*": ("corporate",)})
    street = CardStreet(later)
    asked = street.asks_for(DEBIT_1)
    street.wall += 150 * DAY_S
    held = street.says_so(Verb.APPROVE, "rita", asked.request)
    assert (held.state, held.codes) == ("PRECHECK_FAILED", "P12")


def test_the_card_must_be_in_the_merchants_name_however_it_is_written() -> None:
    street = CardStreet()
    street.registers(name="张三 Corner Shop")
    assert street.asks_for(DEBIT_1, name="Li Si").codes == "P13"
    again = street.asks_for(DEBIT_1, name="张三 \uff23orner\u3000SHOP")
    assert again.state == "UNDER_REVIEW"
    street.says_so(Verb.WITHDRAW, "clara", again.request)
    filed(street, holders=("Wang Wu",))
    assert street.asks_for(DEBIT_1, name="Wang Wu").state == "UNDER_REVIEW"


def test_missing_documents_are_named_by_region_and_handed_in_as_hashes() -> None:
    documents = {"settlement": ("identity",), "settlement@north": ("bank-letter",)}
    street = CardStreet(RuleSet(version="v", documents=documents))
    filed(street, region="north")
    asked = street.asks_for(DEBIT_1)
    assert (asked.state, asked.codes) == ("DOCS_PENDING", "P7")
    assert asked.obstacles[0].about == "bank-letter,identity"
    docs = {"identity": HASH, "bank-letter": HASH}
    resumed = street.says_so(Verb.RESUME, "clara", asked.request, docs=docs)
    assert resumed.state == "UNDER_REVIEW"
    assert street.the(asked.request).documents == docs


def test_the_conditions_are_told_at_once_and_what_waits_goes_on_by_itself() -> None:
    rules = RuleSet(
        version="v",
        account_age_days=90,
        forbids={"settlement": "notice 2026-4"},
        verifications={"*": ("identity",)},
    )
    street = CardStreet(rules)
    street.approved(1)
    street.acknowledge(1)
    filed(street, since="2026-09-01", disputes=2, sync_pending=True)
    told = street.enquires("clara", File.SETTLEACC)
    assert told.codes == "P2,P3,P8,P9,P17"
    abouts = [each.about for each in told.obstacles if each.code == Code.REGULATION]
    assert abouts == ["notice 2026-4", "account younger than 90 days"]
    street = CardStreet()
    street.approved(1)
    street.acknowledge(1)
    asked = street.asks_for(DEBIT_1)
    assert (asked.state, asked.codes) == ("PRECHECK_FAILED", "P3")
    settled(street)
    street.wait(6)
    assert street.the(asked.request).state == "UNDER_REVIEW"


def test_a_cashier_needs_a_grant_and_the_same_card_goes_on_with_it() -> None:
    street = CardStreet()
    asked = street.asks_for(DEBIT_1, CASHIER)
    assert (asked.state, asked.codes) == ("PRECHECK_FAILED", "P1")
    said: dict[str, Any] = {"what": "settle.change", "hours": 2.0, "reason": "the owner is away"}
    grant = street.requests(CASHIER, File.GRANT, Action.ADD, **said)
    assert street.says_so(Verb.APPROVE, "sam", grant.request).state == "IN_FORCE"
    assert street.the(asked.request).state == "UNDER_REVIEW"
    assert street.the(asked.request).facts["card"]["masked"] == mask(DEBIT_1)


def test_a_terminal_with_a_wrong_clock_is_told() -> None:
    street = CardStreet(RuleSet(version="v", clock_skew_max_s=300.0), name=ISO)
    street.says(1, file_action(ISO, "5", "SETTLEACC"))
    assert street.told[-1].message[44] == "P16"
    street = CardStreet(RuleSet(version="v", clock_skew_max_s=300.0))
    message = file_action(POS, "5", "SETTLEACC")
    for at, code in ((0.0, None), (3_600.0, "P16")):
        now = street.now.local()
        shifted = now.replace(hour=(now.hour + int(at // 3_600)) % 24)
        message.patch(11, f"{800 + bool(at):06d}")
        message.patch(12, f"{shifted:%H%M%S}")
        message.patch(13, f"{shifted:%m%d}")
        street.says(1, message)
        assert street.told[-1].message.get(44) == code


def test_a_terminal_that_can_not_do_it_says_so_and_another_way_is_open() -> None:
    street = CardStreet()
    street.registers()
    entry = TerminalEntry(merchant=MERCHANT, id=TERMINAL, capabilities=("chip",))
    street.switch.life.registry.put(entry, None, "setup", street.now)
    street.says(1, network("0820", "362", de62="011021030041051"))
    street.says(1, file_action(POS, "5", "SETTLEACC"))
    told = street.told[-1].message
    assert told[44] == "P15,P19"
    assert record_in(told)["about"] == {"P15": "reader", "P19": CAPABILITY}
    assert "Use another terminal, or ask through the acquirer." in told[63]
    assert street.asks_for(DEBIT_1).state == "UNDER_REVIEW"


def test_a_keyed_number_needs_no_reader_and_a_wrong_medium_is_told() -> None:
    street = CardStreet(RuleSet(version="v", settlement_media=("chip",)))
    street.says(1, network("0820", "362", de62="011021030041051"))
    message = file_action(POS, "5", "SETTLEACC", card=DEBIT_1, again=DEBIT_1, name=HOLDER)
    message.patch(22, "012")
    street.says(1, message)
    assert street.told[-1].message.get(44) is None
    assert street.asks_for(STRIPE_1).obstacles[0].about == "stripe only; rules want chip"
    street = CardStreet()
    message = file_action(POS, "5", "SETTLEACC", card=DEBIT_2, again=DEBIT_2, name=HOLDER)
    message.patch(22, "022")
    street.says(1, message)
    assert street.told[-1].message[44] == "P12"


def test_who_saw_an_older_version_changes_nothing() -> None:
    street = CardStreet()
    street.registers()
    assert street.asks_for(DEBIT_1, version=0).codes == "P18"
    street.says_so(Verb.WITHDRAW, "clara", next(iter(street.switch.office.shelf.open())).id)
    assert street.asks_for(DEBIT_1, version=1).state == "UNDER_REVIEW"


def test_nobody_approves_their_own_card_and_steps_out_of_turn_change_nothing() -> None:
    street = CardStreet()
    asked = street.asks_for(DEBIT_1, "both")
    assert street.says_so(Verb.APPROVE, "both", asked.request).codes == "P1"
    assert street.says_so(Verb.ACCEPT, "both", asked.request).codes == "P18"
    assert street.says_so(Verb.REPORT, "tech", asked.request, what="send again").codes == "P18"
    assert street.says_so(Verb.APPROVE, "rita", asked.request).state == "APPROVED"


def test_an_exception_takes_two_signatures_and_never_excuses_a_credit_card() -> None:
    rules = RuleSet(version="v", settlement_cards={"*": ("corporate",)})
    street = CardStreet(rules)
    asked = street.asks_for(DEBIT_1)
    offer = street.says_so(Verb.COUNTER, "rita", asked.request, reason="until the new card comes")
    assert offer.state == "NEGOTIATING"
    assert street.says_so(Verb.ACCEPT, "clara", asked.request).state == "UNDER_REVIEW"
    assert street.says_so(Verb.APPROVE, "rita", asked.request).state == "UNDER_REVIEW"
    assert street.says_so(Verb.APPROVE, "ron", asked.request).state == "APPROVED"
    street = CardStreet(rules)
    asked = street.asks_for(CREDIT_1)
    street.says_so(Verb.COUNTER, "rita", asked.request, reason="please")
    street.says_so(Verb.ACCEPT, "clara", asked.request)
    held = street.says_so(Verb.APPROVE, "rita", asked.request)
    assert (held.state, held.codes) == ("PRECHECK_FAILED", "P12")


def test_a_rejection_is_appealed_to_another_party() -> None:
    street = CardStreet()
    asked = street.asks_for(DEBIT_1)
    assert street.says_so(Verb.REJECT, "both", asked.request, what="P13").state == "REJECTED"
    assert street.says_so(Verb.APPEAL, "clara", asked.request).state == "APPEALED"
    assert street.says_so(Verb.APPROVE, "both", asked.request).codes == "P1"
    assert street.says_so(Verb.APPROVE, "anna", asked.request).state == "UNDER_REVIEW"
    street.says_so(Verb.APPROVE, "rita", asked.request)
    assert street.says_so(Verb.APPROVE, "ron", asked.request).state == "APPROVED"


def test_where_no_bank_is_told_nobody_changes_a_card() -> None:
    street = CardStreet()
    street.settings = msgspec.structs.replace(street.settings, settlement=SettlementSettings())
    street.restart()
    assert street.enquires("clara", File.SETTLEACC).outcome is Outcome.UNSUPPORTED


def test_the_old_card_is_in_force_until_bank_and_cut_over_have_come() -> None:
    street = CardStreet()
    street.registers()
    number = street.approved_card()
    assert street.the(number).state == "SYNCING"
    assert street.seen_by_a_run() == (OLD_MASK, "")
    (told,) = street.wanted()
    assert (told.merchant, told.key) == (MERCHANT, f"{MERCHANT}-2")
    street.bank_says(Told.TAKEN)
    assert street.the(number).state == "SYNCED"
    assert street.seen_by_a_run() == (OLD_MASK, "")
    yesterday = street.today
    street.cut_over()
    assert street.the(number).state == "EFFECTIVE"
    assert street.seen_by_a_run() == (mask(DEBIT_2), "")
    assert street.seen_by_a_run(yesterday) == (OLD_MASK, "")
    street.restart()
    assert street.seen_by_a_run() == (mask(DEBIT_2), "")
    (account,) = street.switch.life.registry.merchant(MERCHANT).accounts  # type: ignore[union-attr]
    assert (account.masked, account.bank) == (mask(DEBIT_2), "ABC")


def test_the_bank_is_told_again_with_growing_pauses_until_it_answers() -> None:
    street = CardStreet()
    number = street.approved_card()
    street.bank_says(Told.FAILED)
    assert street.the(number).state == "SYNC_RETRY"
    times = []
    began = street.wall
    while len(times) < 4:
        street.wait(0.5)
        if street.wanted():
            times.append(round(street.wall - began))
            street.bank_says(Told.FAILED)
    assert times == [2, 6, 14, 22]
    assert [line.what for line in street.the(number).history].count("SYNC_FAILED") == 1
    street.restart()
    street.bank_says(Told.TAKEN)
    assert street.the(number).state == "SYNCED"
    assert not street.wanted()


def test_a_bank_that_says_no_ends_it_with_its_reason_and_the_old_card_stays() -> None:
    street = CardStreet()
    street.registers()
    number = street.approved_card()
    street.bank_says(Told.REFUSED, Code.HOLDER_DIFFERS)
    known = street.the(number)
    assert (known.state, [each.code for each in known.obstacles]) == ("REJECTED", ["P13"])
    street.cut_over()
    assert street.seen_by_a_run() == (OLD_MASK, "")
    assert street.switch.office.settlement.cards.of(MERCHANT).newest == 1


def test_an_enquiry_tells_both_versions_and_when_they_last_agreed() -> None:
    street = CardStreet()
    street.registers()
    street.approved_card()
    street.says(1, file_action(POS, "5", "SETTLEACC"))
    facts = record_in(street.told[-1].message)["facts"]
    assert (facts["in_force"], facts["version"], facts["bank_version"]) == (OLD_MASK, 1, 1)
    assert (facts["next"], facts["next_version"]) == (mask(DEBIT_2), 2)
    assert "synced_at" not in facts
    street.bank_says(Told.TAKEN)
    street.says(1, file_action(POS, "5", "SETTLEACC", 701))
    facts = record_in(street.told[-1].message)["facts"]
    assert (facts["bank_version"], facts["synced_at"]) == (2, int(street.wall))
    assert facts["next_begins"] > street.today


def test_both_sides_are_compared_each_night_and_what_differs_is_shown_and_held() -> None:
    street = CardStreet()
    street.registers()
    sync = street.switch.office.settlement.sync
    assert sync.compare_due(street.now)
    number = street.approved_card()
    street.bank_says(Told.TAKEN)
    street.cut_over()
    written = street.switch.office.settlement.cards.of(MERCHANT).at_bank
    assert written is not None
    good = BankCard(merchant=MERCHANT, version=2, token=written.token, masked=written.masked)
    street.compares(good)
    assert not sync.compare_due(street.now)
    street.restart()
    assert not street.switch.office.settlement.sync.compare_due(street.now)
    street.wait(DAY_S, step_s=1_800)
    assert street.switch.office.settlement.sync.compare_due(street.now)
    replace = msgspec.structs.replace
    for bad, what in (
        ((replace(good, version=1),), "another version at the bank"),
        ((replace(good, token=OLD_CARD),), "another card at the bank"),
        ((), "missing at the bank"),
    ):
        street.compares(*bad)
        assert street.enquires("clara", File.SETTLEACC).facts["mismatch"] == what
        assert street.seen_by_a_run() == (written.masked, "bank differs")
        assert street.enquires("clara", File.SETTLEACC).codes == "P8"
    told = [
        each.said["what"]
        for each in street.journal.entries
        if each.kind == "notice" and "what" in each.said
    ]
    assert "missing at the bank" in told
    bare = street.says_so(Verb.REPORT, "rita", number, what="send again")
    assert bare.codes == "P1"
    street.says_so(Verb.REPORT, "clara", number, what="send again", reason="the bank lost it")
    street.bank_says(Told.TAKEN)
    assert street.seen_by_a_run() == (written.masked, "")
    stranger = replace(good, merchant="OTHER0000000001")
    street.compares(good, stranger)
    assert street.switch.office.settlement.cards.of("OTHER0000000001").mismatch == "unknown here"


def test_a_comparison_shows_what_the_bank_took_though_its_answer_was_lost() -> None:
    street = CardStreet()
    number = street.approved_card()
    street.bank_says(Told.FAILED)
    version = street.switch.office.settlement.cards.of(MERCHANT).version(1)
    assert version is not None
    taken = BankCard(merchant=MERCHANT, version=1, token=version.token, masked=version.masked)
    street.compares(taken)
    assert street.the(number).state == "SYNCED"
    assert not street.wanted()


def test_a_new_card_cools_down_and_a_large_payout_to_it_waits_for_a_third_person() -> None:
    rules = RuleSet(version="v", cooling_h=48.0, large_payout=100_000)
    street = CardStreet(rules)
    street.registers()
    number = street.approved_card()
    street.bank_says(Told.TAKEN)
    assert street.seen_by_a_run(amount=500_000) == (OLD_MASK, "")
    street.cut_over()
    assert street.seen_by_a_run(amount=99_999) == (mask(DEBIT_2), "")
    assert street.seen_by_a_run(amount=100_000) == (mask(DEBIT_2), "new card")
    assert street.switch.office.settlement.runs.held == {"new card": 1}
    alerts = [
        each.said for each in street.journal.entries if each.said.get("told") == "payout_held"
    ]
    assert [each["what"] for each in alerts] == ["new card"]
    refused = street.asks_for(DEBIT_3)
    assert (refused.codes, refused.obstacles[0].about) == ("P17", "cooling period 48 h")
    said = {"what": "payout checked", "reason": "owner called back"}
    assert street.says_so(Verb.REPORT, "rita", number, **said).codes == "P1"
    street.says_so(Verb.REPORT, "ron", number, **said)
    assert street.seen_by_a_run(amount=100_000) == (mask(DEBIT_2), "")
    street.wait(2 * DAY_S, step_s=1_800)
    assert street.the(refused.request).state == "UNDER_REVIEW"


def test_an_account_is_not_cancelled_while_the_bank_is_told_its_card() -> None:
    street = CardStreet()
    street.approved_card()
    asked = street.requests(reason="shop closes")
    assert (asked.state, asked.codes) == ("PRECHECK_FAILED", "P8")
    street.bank_says(Told.TAKEN)
    street.wait(6)
    assert street.the(asked.request).state == "UNDER_REVIEW"


def test_terminals_are_asked_to_fetch_the_new_parameters() -> None:
    street = CardStreet()
    street.registers()
    asked: list[tuple[str, str]] = []
    street.switch.office.signals.ask = lambda subject, digit, _: asked.append((subject, digit))
    street.approved_card()
    street.bank_says(Told.TAKEN)
    street.cut_over()
    assert asked == [(f"{MERCHANT}|{TERMINAL}", "1")]


def test_what_takes_too_long_at_the_bank_is_reminded_of_and_escalated() -> None:
    street = CardStreet(RuleSet(version="v", due_h={"work": 1.0}))
    number = street.approved_card()
    street.bank_says(Told.FAILED)
    street.wait(3_700, step_s=60)
    assert street.switch.office.overdue(street.wall) == [street.the(number)]


def test_a_card_is_a_token_and_a_mask_in_everything_that_is_kept_or_told() -> None:
    street = CardStreet()
    street.registers()
    street.says(1, sale(POS, 1))
    number = street.approved_card(DEBIT_2)
    street.bank_says(Told.TAKEN)
    street.cut_over()
    street.asks_for(CREDIT_1)
    kept = repr([street.journal.kept, street.journal.audit, street.journal.entries])
    told = repr([each.message.raw for each in street.told])
    for digits in (DEBIT_2, CREDIT_1):
        assert digits not in kept + told
    assert street.the(number).facts["card"]["sealed"] == ""
    (opened, _) = street.audited("card opened")
    assert (opened["card"], opened["request"]) == (mask(DEBIT_2), number)
    assert opened["token"].startswith("T")


def test_an_unofficial_channel_is_told_58_and_audited() -> None:
    street = CardStreet()
    street.says(1, file_action(POS, "2", "SETTLEACC", operator="99", card=DEBIT_1, again=DEBIT_1))
    assert street.codes(1) == ["58"]
    assert [each["file"] for each in street.audited("account request denied")] == ["SETTLEACC"]
    street.says(1, file_action(POS, "2", "SETTLEACC", 701), mac_good=False)
    assert street.codes(1)[-1] == "A0"


def test_a_change_can_wait_for_the_day_that_it_is_wished_for() -> None:
    street = CardStreet()
    begins = street.wall + DAY_S
    asked = street.asks_for(DEBIT_1, begins=begins, ends=begins + 1)
    street.says_so(Verb.APPROVE, "rita", asked.request)
    street.wait(60, step_s=10)
    assert street.the(asked.request).state == "APPROVED"
    street.wait(DAY_S, step_s=600)
    assert street.the(asked.request).state == "SYNCING"


def test_a_clock_that_is_set_back_gives_no_card_a_day_that_was_run_already() -> None:
    street = CardStreet()
    street.registers()
    street.approved_card()
    run = street.today
    assert street.seen_by_a_run(run) == (OLD_MASK, "")
    street.wall -= 3 * DAY_S
    street.bank_says(Told.TAKEN)
    assert street.seen_by_a_run(run) == (OLD_MASK, "")
    version = street.switch.office.settlement.cards.of(MERCHANT).version(2)
    assert version is not None
    assert version.begins > run


def test_where_requests_die_is_counted_by_state_and_reason() -> None:
    street = CardStreet()
    for digits in (CREDIT_1, DEBIT_1):
        street.asks_for(digits)
    progress = street.switch.office.progress
    steps = {
        state: count for (kind, state), count in progress.entered.items() if kind == "settlement"
    }
    assert steps == {"CHANGE_REQUESTED": 2, "CARD_REFUSED": 1, "UNDER_REVIEW": 1}
    assert progress.refusals == {("settlement", "P12"): 1}
