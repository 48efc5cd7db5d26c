"""Taking a terminal out of service and back: in order, without stranding money."""

from __future__ import annotations

from typing import Any, Final

import pytest

from codec import Message, build, dialect
from routing.accounts.asked import Action, File, Outcome, Reply, Verb
from routing.accounts.backup import Evidence, Sums
from routing.accounts.dossier import Change
from routing.accounts.rules import RuleSet
from routing.accounts.why import Why
from routing.entries import MerchantEntry, TerminalEntry
from routing.states import State
from tests.routing.accounts.street import HASH, OWNER, Street, file_action, record_in
from tests.routing.accounts.test_cancellation import settled
from tests.routing.world import (
    BATCH,
    HEADER,
    MERCHANT,
    POS,
    TERMINAL,
    answer,
    reversal,
    sale,
)

GOOD: Final = Sums(3, 3000, "aa")
FAULT: Final = {"kind": "FAULT", "reason": "printer jams", "contact": "010 555 000"}


def wanted(street: Street, who: str = "clara", **record: Any) -> Reply:
    """A terminal is to go out of service."""
    said = {"state": "DEACTIVATED", **FAULT, **record}
    return street.requests(who, File.TERMINAL, Action.CHANGE, TERMINAL, **said)


def back_up(street: Street, backup: Sums = GOOD) -> None:
    """The shell writes a backup and reads it again."""
    office = street.switch.office
    (each,) = office.devices.backups_wanted()
    office.devices.backed_up(each, Evidence(GOOD, backup, "T.backup"), street.now)
    street.settle()


def off(street: Street, **record: Any) -> str:
    """The number of a request whose terminal is out of service."""
    asked = wanted(street, **record)
    assert street.says_so(Verb.APPROVE, "rita", asked.request).state == "APPROVED"
    street.wait(3)
    assert street.the(asked.request).state == "BACKUP"
    back_up(street)
    assert street.the(asked.request).state == "DEACTIVATED"
    return asked.request


def network(mti: str, code: str, **fields: Any) -> Message:
    """A network management message of the terminal."""
    known: dict[int, str] = {11: "000800", 41: TERMINAL, 42: MERCHANT, 60: f"00{BATCH}{code}"}
    return build(dialect(POS), mti, known | {int(k[2:]): v for k, v in fields.items()}, HEADER)


def passes_its_tests(street: Street) -> None:
    """The terminal signs in, echoes, makes a small charge and reverses it."""
    street.says(1, network("0800", "001"))
    street.says(1, network("0820", "301"))
    request = sale(POS, 20, de4="000000000001")
    street.says(1, request)
    street.answers(answer(street.charges_sent[-1]))
    street.says(1, reversal(request))
    street.answers(answer(street.reversals_sent[-1]))
    street.wait(3)


def test_a_terminal_goes_out_of_service_step_by_step() -> None:
    street = Street()
    asked = wanted(street)
    assert (asked.outcome, asked.state) == (Outcome.DONE, "UNDER_REVIEW")
    street.approved(1)
    street.says_so(Verb.APPROVE, "rita", asked.request)
    street.wait(2)
    known = street.the(asked.request)
    assert (known.state, [each.code for each in known.obstacles]) == ("DRAINING", ["P2"])
    street.says(1, sale(POS, 2))
    assert street.codes(1)[-1] == "58"
    street.acknowledge(1)
    street.wait(2)
    assert [each.code for each in known.obstacles] == ["P3"]
    settled(street)
    street.wait(2)
    assert known.state == "BACKUP"
    back_up(street, Sums(2, 2000, "bb"))
    assert (known.state, known.history[-1].what) == ("BACKUP", "STEP_FAILED")
    street.restart()
    back_up(street)
    known = street.the(asked.request)
    assert known.state == "DEACTIVATED"
    assert known.facts["backup"]["transactions"] == 3
    assert street.switch.office.registered.revoked == 1


def test_out_of_service_a_terminal_still_reverses_settles_and_signs_off() -> None:
    street = Street()
    request = street.approved(1)
    number = wanted(street).request
    street.says_so(Verb.APPROVE, "rita", number)
    street.wait(2)
    street.says(1, reversal(request))
    assert street.codes(1)[-1] == "00"
    street.says(1, network("0800", "001"))
    assert street.codes(1)[-1] == "58"
    street.says(1, network("0820", "002"))
    assert street.codes(1)[-1] == "00"
    settled(street, 0, 0)
    assert street.codes(1)[-1] == "00"
    street.says(1, sale(POS, 2))
    assert street.codes(1)[-1] == "58"
    assert street.state(1) is State.REVERSAL_DUE


def test_a_repaired_terminal_comes_back_after_every_test_and_not_before() -> None:
    street = Street()
    number = off(street)
    early = street.says_so(Verb.REPORT, "tech", number, what="lifted")
    assert (early.outcome, early.codes) == (Outcome.REFUSED, "P15")
    bare = street.says_so(Verb.REPORT, "tech", number, what="repair")
    assert bare.wrong == ("evidence",)
    order = street.says_so(Verb.REPORT, "tech", number, what="repair", evidence="work order 9")
    assert order.state == "UNDER_REPAIR"
    assert street.says_so(Verb.REPORT, "tech", number, what="repaired").state == "TESTING"
    street.says(1, sale(POS, 8))
    assert street.codes(1)[-1] == "58"
    street.wait(3)
    assert street.the(number).state == "TESTING"
    passes_its_tests(street)
    assert street.the(number).state == "RESTORED"
    street.says(1, sale(POS, 30))
    assert len(street.charges_sent) == 2


def test_a_test_charge_that_the_terminal_keeps_is_reversed_by_the_gateway() -> None:
    street = Street()
    number = off(street)
    street.says_so(Verb.REPORT, "tech", number, what="repair", evidence="order 9")
    street.says_so(Verb.REPORT, "tech", number, what="repaired")
    street.says(1, network("0800", "001"))
    street.says(1, network("0820", "301"))
    street.says(1, sale(POS, 21, de4="000000000001"))
    street.says(1, sale(POS, 22, de4="000000000001"))
    assert street.codes(1)[-1] == "58"
    street.answers(answer(street.charges_sent[-1]))
    street.acknowledge(21)
    street.wait(1.5)
    street.answers(answer(street.reversals_sent[-1]))
    street.wait(2)
    assert street.state(21) is State.REVERSED
    assert street.the(number).state == "RESTORED"


def test_wrong_macs_in_a_row_suspend_at_once_and_a_person_looks_afterwards() -> None:
    street = Street()
    for stan in range(5):
        street.says(1, sale(POS, stan + 1), mac_good=False)
    (request,) = street.switch.office.shelf.open()
    assert (request.state, request.reason, request.maker) == ("SUSPENDED", "wrong MAC", "")
    street.says(1, sale(POS, 9))
    assert street.codes(1) == ["A0"] * 5 + ["58"]
    assert street.told_of(request.id)[-1] == "SUSPENDED"
    decided = street.says_so(Verb.REJECT, "rita", request.id, what="P21", reason="keys were old")
    assert decided.state == "TESTING"
    passes_its_tests(street)
    assert street.the(request.id).state == "RESTORED"


def test_a_violation_is_mended_by_a_statement_and_a_second_approver() -> None:
    street = Street()
    suspended = street.requests(
        "sec",
        File.TERMINAL,
        Action.CHANGE,
        TERMINAL,
        state="SUSPENDED",
        kind="VIOLATION",
        reason="tampered",
        contact="010 555 000",
    )
    assert suspended.state == "SUSPENDED"
    street.says_so(Verb.APPROVE, "rita", suspended.request)
    street.wait(3)
    back_up(street)
    number = suspended.request
    assert street.says_so(Verb.REPORT, "tech", number, what="repair", evidence="x").codes == "P15"
    assert street.says_so(Verb.REPORT, "tech", number, what="remedy").state == "REMEDIATION"
    assert street.says_so(Verb.APPROVE, "ron", number).codes == "P7"
    street.says_so(Verb.RESUME, "clara", number, docs={"statement": HASH})
    assert street.says_so(Verb.APPROVE, "rita", number).codes == "P1"
    assert street.says_so(Verb.APPROVE, "ron", number).state == "TESTING"


def test_a_planned_window_begins_and_ends_by_itself() -> None:
    street = Street()
    begins = street.wall + 60
    said = {"kind": "MAINTENANCE", "begins": begins, "ends": begins + 120}
    asked = wanted(street, **said)
    street.says_so(Verb.APPROVE, "rita", asked.request)
    street.wait(30)
    assert street.the(asked.request).state == "APPROVED"
    street.wait(40)
    assert street.the(asked.request).state == "BACKUP"
    back_up(street)
    street.wait(60)
    assert street.the(asked.request).state == "DEACTIVATED"
    street.wait(60)
    assert street.the(asked.request).state == "TESTING"
    passes_its_tests(street)
    assert street.the(asked.request).state == "RESTORED"


def test_a_full_account_lifts_what_an_empty_one_had_stopped() -> None:
    street = Street()
    street.says_so(Verb.FILE, "clara", merchant=MERCHANT, change=Change(balance=-900))
    number = off(street, kind="ACCOUNT")
    street.wait(6)
    assert street.the(number).state == "DEACTIVATED"
    street.says_so(Verb.FILE, "clara", merchant=MERCHANT, change=Change(balance=0))
    street.wait(6)
    assert street.the(number).state == "TESTING"


def test_a_status_upload_with_a_broken_part_proposes_to_take_it_out_of_service() -> None:
    street = Street()
    street.says(1, network("0820", "362", de62="010021031041051"))
    (request,) = street.switch.office.shelf.open()
    assert (request.state, request.reason) == ("UNDER_REVIEW", "keyboard")
    told = street.enquires(file=File.TERMINAL, terminal=TERMINAL)
    assert told.facts["broken"] == "keyboard"
    street.restart()
    assert street.switch.office.signals.broken() == {"keyboard": 1}


def test_sales_that_a_terminal_can_not_finish_propose_the_same() -> None:
    street = Street()
    for stan in range(1, 6):
        request = street.approved(stan)
        street.says(1, reversal(request, de39="96"))
        street.answers(answer(street.reversals_sent[-1]))
    (request_,) = street.switch.office.shelf.open()
    assert (request_.state, request_.reason) == ("UNDER_REVIEW", "could not finish")


def test_another_device_takes_the_number_over_and_a_known_serial_does_not() -> None:
    street = Street()
    registry = street.switch.life.registry
    registry.put(MerchantEntry(id=MERCHANT, language="zh"), 0, "setup", street.now)
    terminal = TerminalEntry(merchant=MERCHANT, id=TERMINAL, serial="SN-1")
    other = TerminalEntry(merchant=MERCHANT, id="T0000002", serial="SN-2")
    registry.put(terminal, 0, "setup", street.now)
    registry.put(other, 0, "setup", street.now)
    number = off(street)
    assert registry.terminal(MERCHANT, TERMINAL).state == "DEACTIVATED"  # type: ignore[union-attr]
    street.says_so(Verb.REPORT, "tech", number, what="repair", evidence="order 9")
    taken = street.says_so(Verb.REPORT, "tech", number, what="replaced", serial="SN-2")
    assert taken.wrong == ("serial",)
    street.says_so(Verb.REPORT, "tech", number, what="replaced", serial="SN-3")
    entry = registry.terminal(MERCHANT, TERMINAL)
    assert entry is not None
    assert (entry.serial, entry.state) == ("SN-3", "TESTING")
    assert street.switch.office.registered.revoked == 3
    passes_its_tests(street)
    assert registry.terminal(MERCHANT, TERMINAL).state == "ACTIVE"  # type: ignore[union-attr]
    street.says(1, file_action(POS, "5", "TERMINAL", 740))
    assert (
        street.told[-1].message[63].encode("latin-1").decode("gbk") == "01 请携带确认码提交申请。"
    )


def test_who_is_not_registered_is_unknown_where_there_is_a_registry() -> None:
    street = Street()
    street.switch.life.registry.put(MerchantEntry(id="M2"), 0, "setup", street.now)
    street.settle()
    assert street.enquires().outcome is Outcome.UNKNOWN
    street.says(1, file_action(POS, "5"))
    assert street.codes(1) == ["25"]


def test_a_retired_terminal_never_comes_back() -> None:
    street = Street()
    number = off(street, kind="STRATEGY")
    assert street.says_so(Verb.REPORT, "tech", number, what="retired").state == "RETIRED"
    street.restart()
    street.says(1, sale(POS, 2))
    assert street.codes(1) == ["58"]
    assert street.says_so(Verb.REPORT, "tech", number, what="lifted").codes == "P18"


def test_a_terminal_asks_for_its_own_deactivation_and_to_come_back() -> None:
    street = Street()
    street.says(1, file_action(POS, "5", "TERMINAL"))
    token = record_in(street.told[-1].message)["token"]
    said: dict[str, Any] = {"state": "DEACTIVATED", "token": token}
    street.says(1, file_action(POS, "2", "TERMINAL", 701, **said, kind="STRATEGY"))
    assert (street.codes(1)[-1], street.told[-1].message[44]) == ("27", "reason,contact")
    particulars = {"kind": "STRATEGY", "reason": "quiet season", "contact": "shop@example.org"}
    street.says(1, file_action(POS, "2", "TERMINAL", 702, **said, **particulars))
    assert street.codes(1)[-1] == "00"
    number = record_in(street.told[-1].message)["request"]
    street.says_so(Verb.APPROVE, "rita", number)
    street.wait(3)
    back_up(street)
    street.says(1, file_action(POS, "2", "TERMINAL", 703, state="ACTIVE"))
    assert street.the(number).state == "TESTING"
    assert street.the(number).maker == OWNER


@pytest.mark.parametrize("before", ["UNDER_REVIEW", "APPROVED"])
def test_an_attack_suspends_whatever_is_under_way(before: str) -> None:
    street = Street()
    asked = wanted(street, begins=street.wall + 3_600, ends=street.wall + 7_200)
    if before == "APPROVED":
        street.says_so(Verb.APPROVE, "rita", asked.request)
    assert street.the(asked.request).state == before
    for stan in range(5):
        street.says(1, sale(POS, stan + 1), mac_good=False)
    assert street.the(asked.request).state == "SUSPENDED"


def test_a_refused_sale_says_why_and_what_to_do_in_the_terminals_language() -> None:
    street = Street()
    registry = street.switch.life.registry
    registry.put(MerchantEntry(id=MERCHANT, language="zh"), 0, "setup", street.now)
    registry.put(TerminalEntry(merchant=MERCHANT, id=TERMINAL), 0, "setup", street.now)
    off(street)
    street.says(1, sale(POS, 2, de63="07 "))
    told = street.told[-1].message
    assert (told[39], told[44]) == ("58", "FAULT")
    assert told[63].encode("latin-1").decode("gbk") == "07 已停用。请维修或消除原因后进行测试。"
    street = Street("iso87-ascii")
    off(street)
    street.says(1, sale("iso87-ascii", 2))
    said = "out of service. Repair it or remove the cause, then have it tested."
    assert (street.told[-1].message[44], street.told[-1].message[63]) == ("FAULT", said)


def test_an_enquiry_tells_the_procedure_the_fee_the_days_and_what_it_would_mean() -> None:
    rules = RuleSet(
        version="v",
        documents={"deactivation": ("application",)},
        fee={"deactivation": 500},
        days_expected={"deactivation": 3},
    )
    street = Street(POS, rules)
    street.approved(1)
    told = street.enquires(file=File.TERMINAL, terminal=TERMINAL)
    facts = told.facts
    assert (facts["documents"], facts["fee"], facts["days"]) == ("application", 500, 3)
    assert (facts["sales_today"], facts["money_today"]) == (1, 1000)
    assert told.codes == "P7"


def test_an_application_without_its_particulars_is_refused_field_by_field() -> None:
    street = Street()
    asked = wanted(street, kind="BORED", contact="")
    assert (asked.outcome, asked.wrong) == (Outcome.WRONG_FIELD, ("kind", "contact"))
    asked = wanted(street, begins=20.0, ends=10.0)
    assert asked.wrong == ("begins",)


def test_progress_is_followed_by_the_requests_number_over_the_wire() -> None:
    street = Street()
    number = wanted(street, "clara").request
    street.says(1, file_action(POS, "5", "TERMINAL", 750, request=number))
    told = record_in(street.told[-1].message)
    assert (told["request"], told["state"]) == (number, "UNDER_REVIEW")
    assert told["due"] > street.wall


def test_everybody_who_must_know_is_told_of_every_state() -> None:
    street = Street()
    number = off(street)
    states = ["DEACTIVATE_REQUESTED", "UNDER_REVIEW", "APPROVED", "DRAINING", "BACKUP"]
    assert street.told_of(number) == [*states, "DEACTIVATED"]
    street.says_so(Verb.REPORT, "tech", number, what="repair", evidence="order 9")
    street.says_so(Verb.REPORT, "tech", number, what="repaired")
    passes_its_tests(street)
    assert street.told_of(number)[-3:] == ["UNDER_REPAIR", "TESTING", "RESTORED"]


def test_a_terminal_that_fails_its_test_goes_back_to_repair() -> None:
    street = Street()
    number = off(street)
    street.says_so(Verb.REPORT, "tech", number, what="repair", evidence="order 9")
    street.says_so(Verb.REPORT, "tech", number, what="repaired")
    failed = street.says_so(Verb.REPORT, "tech", number, what="failed", reason="no paper feed")
    assert (failed.state, failed.codes) == ("UNDER_REPAIR", "P15")


@pytest.mark.parametrize("kind", [*Why])
def test_every_kind_of_deactivation_has_its_way_back_or_out(kind: Why) -> None:
    street = Street()
    street.says_so(Verb.FILE, "clara", merchant=MERCHANT, change=Change(balance=-1))
    number = off(street, kind=kind)
    steps = {
        Why.FAULT: ["repair", "repaired"],
        Why.REGULATION: ["repair", "replaced"],
        Why.VIOLATION: ["remedy"],
    }.get(kind, ["lifted"])
    for what in steps:
        said = {"evidence": "order 9", "serial": "SN-9"}
        reply = street.says_so(Verb.REPORT, "tech", number, what=what, **said)
    if kind is Why.VIOLATION:
        street.says_so(Verb.RESUME, "clara", number, docs={"statement": HASH})
        reply = street.says_so(Verb.APPROVE, "ron", number)
    assert reply.state == "TESTING"
    passes_its_tests(street)
    assert street.the(number).state == "RESTORED"


def test_replayed_numbers_suspend_too_and_strangers_suspend_nobody() -> None:
    street = Street(replays_max=3)
    street.approved(1)
    for amount in range(2, 5):
        street.says(1, sale(POS, 1, de4=f"{amount:012d}"))
    (request,) = street.switch.office.shelf.open()
    assert (request.state, request.reason) == ("SUSPENDED", "replay")
    street = Street()
    street.switch.life.registry.put(MerchantEntry(id="M2"), 0, "setup", street.now)
    for stan in range(9):
        street.says(1, sale(POS, stan + 1), mac_good=False)
    assert not len(street.switch.office.shelf)


def test_how_a_terminals_link_was_is_told() -> None:
    street = Street()
    for conn in (1, 1, 2):
        street.says(conn, network("0820", "301"))
    facts = street.enquires(file=File.TERMINAL, terminal=TERMINAL).facts
    assert (facts["connects"], facts["echoes"], facts["seen_at"]) == (2, 3, street.wall)


def test_a_declined_test_charge_proves_nothing_and_another_one_may_be_made() -> None:
    street = Street()
    number = off(street)
    street.says_so(Verb.REPORT, "tech", number, what="repair", evidence="order 9")
    street.says_so(Verb.REPORT, "tech", number, what="repaired")
    street.says(1, network("0800", "001"))
    street.says(1, network("0820", "301"))
    street.says(1, sale(POS, 21, de4="000000000001"))
    street.answers(answer(street.charges_sent[-1], "51"))
    street.wait(3)
    known = street.the(number)
    assert (known.state, known.history[-1].what) == ("TESTING", "TEST DECLINED")
    assert known.history[-1].remark == "51"
    said = [each.said["told"] for each in street.journal.entries if each.kind == "notice"]
    assert said[-1] == "account_test_declined"
    street.says(1, sale(POS, 22, de4="000000000001"))
    street.answers(answer(street.charges_sent[-1]))
    street.acknowledge(22)
    street.wait(1.5)
    street.answers(answer(street.reversals_sent[-1]))
    street.wait(2)
    assert street.the(number).state == "RESTORED"
