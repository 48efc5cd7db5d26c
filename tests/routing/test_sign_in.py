"""Terminals that sign in: who may, what they get, and what the others are told."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from codec import Message, build, dialect
from routing.charge import State
from routing.clock import Now
from routing.effects import IssuedKeys
from routing.entries import TerminalEntry, TerminalState
from routing.findings import AUDIT_AGAIN_S, AUDITS_A_MINUTE_MAX, Finding
from routing.keeper import AuditKind, KeptKind
from routing.sign_in import BATCHES, TABLE, UNUSED_MAX, Session, SignEvent, SignState, Till
from routing.sign_in_settings import KeyLengths, SignInSettings
from routing.terminal_network import skew_s
from tests.routing.street import (
    ISO_93,
    KEY_CHANGE,
    OTHER,
    SIGN_IN,
    TILL,
    Street,
    echo,
    management,
    sign_in,
    sign_off,
)
from tests.routing.test_batches import end, totals, uploaded
from tests.routing.world import (
    BATCH,
    ISO,
    MERCHANT,
    POS,
    TERMINAL,
    answer,
    confirmation,
    refund,
    repeated,
    reversal,
    sale,
    void,
)

ALL = (POS, ISO, ISO_93)
YES = {POS: "00", ISO: "00", ISO_93: "800"}
LAST_STAN = "000099"


@pytest.fixture(params=ALL)
def anywhere(request: pytest.FixtureRequest) -> Street:
    """A street in each dialect."""
    return Street(request.param)


@pytest.fixture(params=(POS, ISO))
def street(request: pytest.FixtureRequest) -> Street:
    """A street where sales can be made."""
    return Street(request.param)


@pytest.fixture
def pos() -> Street:
    """A street of the POS dialect."""
    return Street(POS)


def test_every_pair_of_state_and_event_is_in_the_table() -> None:
    assert set(TABLE) == set(product(SignState, SignEvent))


# Signing in


def test_a_sign_in_brings_keys_the_time_and_the_batch(anywhere: Street) -> None:
    anywhere.says(1, sign_in(anywhere.name))
    assert anywhere.told == []
    (work,) = anywhere.key_work
    assert (work.what.merchant, work.what.terminal) == TILL
    assert work.what.master == f"wrapped TMK des {TILL.key}"
    assert work.what.lengths == KeyLengths(16, 16)
    assert anywhere.issue(block=bytes(range(40)))
    told = anywhere.told[0].message
    assert told[39] == YES[anywhere.name]
    keys = told[62]
    assert (keys.encode("latin-1") if anywhere.name == POS else bytes.fromhex(keys)) == bytes(
        range(40)
    )
    local = anywhere.now.local()
    if anywhere.name == ISO_93:
        assert told[12] == f"{local:%y%m%d%H%M%S}"
    else:
        assert (told[12], told[13]) == (f"{local:%H%M%S}", f"{local:%m%d}")
    assert told[11] == "000100"
    assert told[32] == "00000000"
    assert len(told[37]) == 12
    assert told[37].endswith("000100")
    if anywhere.name == POS:
        assert told["60.2"] == BATCH
        assert told["60.3"] == "003"


@pytest.mark.parametrize(
    ("code", "lengths"),
    [
        ("001", KeyLengths(8, 8)),
        ("003", KeyLengths(16, 16)),
        ("004", KeyLengths(16, 16, 16)),
        ("006", KeyLengths(16, 16, 16, "sm4")),
    ],
)
def test_the_code_says_which_keys(pos: Street, code: str, lengths: KeyLengths) -> None:
    pos.says(1, sign_in(POS, code))
    assert pos.key_work[0].what.lengths == lengths


def test_an_acquirer_may_say_otherwise() -> None:
    rules = SignInSettings(key_blocks={"003": "56", "004": "84"}, mak_bytes=8)
    assert rules.lengths(POS, "003") == KeyLengths(24, 24)
    assert rules.lengths(POS, "004") == KeyLengths(24, 24, 24)
    assert SignInSettings(mak_bytes=8).lengths(POS, "003") == KeyLengths(16, 8)
    assert SignInSettings(mak_bytes=8).lengths(POS, "001") == KeyLengths(8, 8)
    assert rules.lengths(POS, "009") is None


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("till", "code", "finding"),
    [
        (Till("MERCHANT0000009", TERMINAL), "03", Finding.UNKNOWN_MERCHANT),
        (Till(MERCHANT, "T0000009"), "97", Finding.UNKNOWN_TERMINAL),
        (Till("MERCHANT0000002", TERMINAL), "97", Finding.ANOTHER_MERCHANTS),
        (OTHER, "58", Finding.NOT_IN_SERVICE),
    ],
)
def test_who_is_not_registered_gets_no_keys(
    name: str, till: Till, code: str, finding: Finding
) -> None:
    street = Street(name)
    street.puts(OTHER, TerminalState.SUSPENDED)
    street.journal.audit.clear()
    street.says(1, sign_in(name, de42=till.merchant, de41=till.terminal))
    assert street.key_work == []
    in_93 = {"03": "109", "97": "182", "58": "120"}
    assert street.codes(1) == [in_93[code] if name == ISO_93 else code]
    assert street.found(finding) == 1
    (line,) = street.audited(AuditKind.TERMINAL_FOUND)
    assert line.said["what"] == finding
    merchant = "" if finding is Finding.UNKNOWN_MERCHANT else till.merchant
    assert line.subject == f"{merchant}|{till.terminal}"


@pytest.mark.parametrize("de", [11, 41, 42])
def test_a_sign_in_without_who_and_which_is_refused_30(anywhere: Street, de: int) -> None:
    anywhere.says(1, sign_in(anywhere.name, **{f"de{de}": None}))
    assert anywhere.codes(1) == ["904" if anywhere.name == ISO_93 else "30"]
    assert anywhere.key_work == []


def test_keys_that_cannot_be_made_are_told_a7_and_change_nothing(street: Street) -> None:
    street.says(1, sign_in(street.name))
    street.fail()
    assert street.codes(1) == ["A7"]
    assert street.found(Finding.NO_KEYS) == 1
    assert street.switch.terminals.sign_ins.session(TILL) is None
    street.signs_in()
    street.says(1, sign_in(street.name))
    street.fail()
    assert (street.session().new_key, street.session().state) == ("mak 1", SignState.IN)


def test_no_answer_leaves_before_its_keys_are_kept(street: Street) -> None:
    street.says(1, sign_in(street.name))
    street.key_work.pop(0).done(_issued("mak 1"), street.now)
    outbox = street.switch.take()
    assert outbox.express == []
    assert outbox.records[0].kind is KeptKind.SIGN_STATE
    assert len(outbox.sends) == 1


def _issued(mak: str) -> Any:
    return IssuedKeys(bytes(40), mak)


# Old and new keys


def test_the_key_in_use_stays_good_until_a_new_one_is_used(street: Street) -> None:
    street.signs_in(mak="first")
    street.switch.new_key_used(TILL, 0, street.now)
    street.signs_in(mak="second")
    assert (street.session().key, street.session().new_key) == ("first", "second")
    street.switch.new_key_used(TILL, 0, street.now)
    assert (street.session().key, street.session().new_key) == ("second", "")


def test_of_several_sign_ins_any_may_have_been_heard_and_the_key_in_use_stays(
    street: Street,
) -> None:
    street.signs_in(mak="first")
    street.switch.new_key_used(TILL, 0, street.now)
    for mak in ("lost", "heard", "late"):
        street.signs_in(mak=mak)
    session = street.session()
    assert (session.key, session.unused()) == ("first", ("late", "heard", "lost"))
    street.restart()
    assert street.session().unused() == ("late", "heard", "lost")
    street.switch.new_key_used(TILL, 1, street.now)
    assert (street.session().key, street.session().unused()) == ("heard", ("late",))


def test_no_more_than_a_few_keys_wait_for_their_first_use(street: Street) -> None:
    for number in range(UNUSED_MAX + 2):
        street.signs_in(mak=f"{number}")
    assert street.session().unused() == ("5", "4", "3", "2")
    street.switch.new_key_used(TILL, UNUSED_MAX, street.now)
    assert street.session().key == ""


def test_a_sign_in_again_while_keys_are_on_order_gets_those(street: Street) -> None:
    street.says(1, sign_in(street.name))
    street.says(2, sign_in(street.name, de11="000101"))
    assert len(street.key_work) == 1
    street.issue()
    assert [(told.conn, told.message[11]) for told in street.told] == [(2, "000101")]


def test_a_sign_in_for_other_keys_overtakes_the_first(pos: Street) -> None:
    pos.says(1, sign_in(POS, "003"))
    pos.says(1, sign_in(POS, "004"))
    assert not pos.issue("of the first")
    assert pos.told == []
    assert pos.issue("of the second")
    assert pos.session().new_key == "of the second"


@pytest.mark.parametrize("name", [ISO, ISO_93])
def test_a_key_change_brings_keys_and_nothing_else(name: str) -> None:
    street = Street(name)
    street.says(1, management(name, KEY_CHANGE[name]))
    street.issue("changed")
    assert street.codes(1) == [YES[name]]
    assert (street.session().new_key, street.session().state) == ("changed", SignState.OUT)


def test_sessions_outlive_a_restart(street: Street) -> None:
    street.signs_in(mak="first")
    street.switch.new_key_used(TILL, 0, street.now)
    street.signs_in(mak="second")
    before = street.session()
    street.restart()
    assert street.session() is not before
    assert street.session() == before
    street.says(1, sale(street.name))
    assert len(street.charges_sent) == 1


# Who may ask for money


def test_without_keys_everything_is_refused_by_where_the_terminal_stands(street: Street) -> None:
    street.says(1, sale(street.name), mac_good=False)
    street.says(1, sale(street.name, 2, de41="T0000009"), mac_good=False)
    street.says(1, sale(street.name, 3, de42="MERCHANT0000009"), mac_good=False)
    street.puts(TILL, TerminalState.DEACTIVATED)
    street.says(1, sale(street.name, 4), mac_good=False)
    assert street.codes(1) == ["77", "97", "03", "58"]
    assert street.charges_sent == []


def test_a_wrong_mac_is_told_a0_and_signs_nobody_out(street: Street) -> None:
    street.signs_in()
    street.says(1, sale(street.name), mac_good=False)
    street.says(1, sale(street.name, 2))
    assert street.codes(1) == ["00", "A0"]
    assert len(street.charges_sent) == 1


@pytest.mark.parametrize("batch", [BATCH, "000008", "000999"])
def test_a_sign_off_is_never_refused_and_then_sales_are_told_77(street: Street, batch: str) -> None:
    street.signs_in()
    street.says(1, sign_off(street.name, **{"batch": batch} if street.name == POS else {}))
    street.says(1, sale(street.name))
    assert street.codes(1)[1:] == ["00", "77"]
    far_off = street.name == POS and batch == "000999"
    assert street.found(Finding.BATCH_MISMATCH) == far_off
    street.signs_in()
    street.says(1, sale(street.name, 2))
    assert len(street.charges_sent) == 1


def test_a_sign_off_of_a_stranger_is_answered_as_well(anywhere: Street) -> None:
    anywhere.says(1, sign_off(anywhere.name, de41="T0000009"))
    assert anywhere.codes(1) == [YES[anywhere.name]]


def test_an_echo_is_answered_whoever_asks(anywhere: Street) -> None:
    anywhere.says(1, echo(anywhere.name))
    anywhere.says(1, echo(anywhere.name, de41="T0000009"))
    assert anywhere.codes(1) == [YES[anywhere.name]] * 2


def test_the_echos_number_is_a_setting() -> None:
    street = Street(POS, sign_in={"sign_in": SignInSettings(codes={"echo": "999"})})  # type: ignore[dict-item]
    street.says(1, management(POS, "999", "0820"))
    street.says(1, management(POS, "301", "0820"))
    assert street.codes(1) == ["00", "40"]


def test_a_terminal_taken_out_of_service_is_signed_out(street: Street) -> None:
    street.signs_in()
    street.puts(TILL, TerminalState.DEACTIVATED)
    street.says(1, sale(street.name))
    assert street.codes(1)[1:] == ["58"]
    street.puts(TILL, TerminalState.ACTIVE)
    street.says(1, sale(street.name, 2))
    assert street.codes(1)[2:] == ["77"]


def test_the_first_sign_in_makes_a_registered_terminal_active(street: Street) -> None:
    street.puts(TILL, TerminalState.REGISTERED)
    street.signs_in()
    entry = street.switch.life.registry.terminal(*TILL)
    assert entry is not None
    assert entry.state is TerminalState.ACTIVE


def test_the_registry_may_name_the_first_batch_and_another_master_key(pos: Street) -> None:
    entry = TerminalEntry(
        merchant=MERCHANT, id=TERMINAL, batch="000300", key_names={"tmk": OTHER.key}
    )
    pos.switch.life.registry.put(entry, None, "", pos.now)
    pos.says(1, sign_in(POS))
    assert pos.key_work[0].what.master == f"wrapped TMK des {OTHER.key}"
    pos.issue()
    assert pos.told[-1].message["60.2"] == "000300"


# What is said of earlier charges


def test_who_is_signed_out_may_still_reverse_and_confirm(street: Street) -> None:
    street.signs_in()
    request = street.approved()
    street.says(1, sign_off(street.name))
    street.says(1, reversal(request))
    assert street.codes(1)[-1] == "00"
    assert street.state() is State.REVERSAL_DUE
    street.says(1, confirmation(request))
    assert street.codes(1)[-1] == "22"


def test_a_reversal_that_cannot_be_authenticated_is_told_a0_not_77(street: Street) -> None:
    street.says(1, reversal(sale(street.name)), mac_good=False)
    assert street.codes(1) == ["A0"]


@pytest.mark.parametrize("signed_off", [True, False])
def test_a_repeat_gets_its_answer_also_from_who_is_signed_out_by_now(
    street: Street, signed_off: bool
) -> None:
    street.signs_in()
    request = street.approved()
    if signed_off:
        street.says(1, sign_off(street.name))
    else:
        street.puts(TILL, TerminalState.DEACTIVATED)
    before = len(street.told)
    street.says(2, repeated(request))
    assert [told.message[39] for told in street.told[before:]] == ["00"]


def test_voids_and_refunds_need_a_sign_in_as_well(street: Street) -> None:
    street.signs_in()
    request = street.approved()
    street.acknowledge()
    street.says(1, sign_off(street.name))
    street.says(1, void(request))
    street.says(1, refund(request))
    assert street.codes(1)[-2:] == ["77", "77"]


# Batches


def test_a_settled_batch_is_closed_and_the_next_number_is_told_at_sign_in(pos: Street) -> None:
    pos.signs_in()
    pos.approved()
    pos.acknowledge()
    pos.says(1, totals(1000, 1))
    assert (pos.session().batch, pos.session().closed) == (8, 7)
    pos.says(1, sale(POS, 2))
    assert pos.codes(1)[-1] == "77"
    assert pos.found(Finding.BATCH_MISMATCH) == 1
    told = pos.signs_in()
    assert told["60.2"] == "000008"
    pos.says(1, sale(POS, 3, de60="22000008000"))
    assert pos.charges_sent[-1][11] == "000003"


def test_a_settlement_said_again_is_answered_and_closes_no_second_batch(pos: Street) -> None:
    pos.signs_in()
    pos.says(1, totals(0, 0))
    pos.says(1, totals(0, 0))
    assert pos.codes(1)[1:] == ["00", "00"]
    assert pos.session().batch == 8


def test_a_settlement_of_any_other_batch_is_told_77(pos: Street) -> None:
    pos.signs_in()
    stranger = totals(0, 0)
    stranger.patch(60, "00000042201")
    pos.says(1, stranger)
    assert pos.codes(1)[1:] == ["77"]


def test_an_unbalanced_batch_is_closed_at_the_end_of_its_upload(pos: Street) -> None:
    pos.signs_in()
    pos.approved()
    pos.acknowledge()
    pos.says(1, totals(5000, 2))
    assert pos.session().batch == 7
    pos.says(1, uploaded([(1, 1000)]))
    pos.says(1, end(1))
    assert pos.session().batch == 8


def iso_totals(batch: str = "000001", digits: str = "0" * 30, de3: str = "920000") -> Message:
    fields = {3: de3, 7: "1123171500", 11: "000200", 41: TERMINAL, 42: MERCHANT}
    return build(dialect(ISO), "0500", fields | {60: batch, 63: digits})


def test_a_terminal_of_the_1987_edition_settles_the_batch_that_its_sign_in_told() -> None:
    street = Street(ISO)
    assert street.signs_in()[60] == "000001"
    street.approved()
    street.acknowledge()
    street.says(1, iso_totals(digits="002" + f"{2000:012d}" + "0" * 15))
    street.says(1, iso_totals(digits="001" + f"{1000:012d}" + "0" * 15))
    street.says(1, iso_totals(batch="000042"))
    street.says(1, iso_totals(digits="0" * 29))
    assert street.codes(1)[-4:] == ["95", "00", "77", "30"]
    assert street.session().batch == 2
    street.says(1, iso_totals(batch="000002", digits="x" * 30))
    assert street.codes(1)[-1] == "30"


def test_batch_numbers_go_round(pos: Street) -> None:
    session = Session(TILL, batch=BATCHES)
    session.take(SignEvent.BATCH_CLOSED)
    assert (session.batch, session.closed) == (1, BATCHES)


def test_a_sign_in_with_another_batch_is_told_the_right_one(pos: Street) -> None:
    pos.signs_in()
    told = pos.signs_in(batch="000042")
    assert told["60.2"] == BATCH
    assert pos.found(Finding.BATCH_MISMATCH) == 1
    (line,) = [x for x in pos.audited(AuditKind.TERMINAL_FOUND) if "said" in x.said]
    assert (line.said["said"], line.said["is_"]) == (42, 7)


# Clocks


@pytest.mark.parametrize(("ahead_s", "noted"), [(0, 0), (299, 0), (301, 1), (-86_400, 1)])
def test_a_clock_that_is_far_off_is_noted_and_set_right(
    anywhere: Street, ahead_s: int, noted: int
) -> None:
    clock = Now(0.0, anywhere.wall + ahead_s).local()
    fields = {"de12": f"{clock:%H%M%S}", "de13": f"{clock:%m%d}"}
    if anywhere.name == ISO_93:
        fields = {"de12": f"{clock:%y%m%d%H%M%S}"}
    told = anywhere.signs_in(**fields)
    assert told[39] == YES[anywhere.name]
    assert told[12].endswith(f"{anywhere.now.local():%H%M%S}")
    assert anywhere.found(Finding.CLOCK_SKEW) == noted
    if noted:
        (line,) = anywhere.audited(AuditKind.TERMINAL_FOUND)
        assert line.said["seconds"] == ahead_s


@pytest.mark.parametrize(
    ("wall", "date", "time", "expected"),
    [
        (1_798_761_600.0 - 10, "0101", "000000", 10),
        (1_798_761_600.0 + 10, "1231", "235950", -20),
    ],
)
def test_at_the_turn_of_the_year_a_clock_may_be_in_another(
    wall: float, date: str, time: str, expected: int
) -> None:
    now = Now(0.0, wall)
    offset = now.local().utcoffset()
    assert offset is not None
    now = Now(0.0, wall - offset.total_seconds())
    assert skew_s(sign_in(POS, de12=time, de13=date), now) == expected


def test_a_clock_that_cannot_be_read_says_nothing() -> None:
    now = Now(0.0, 1_790_000_000.0)
    assert skew_s(sign_in(POS, de12="999999", de13="1123"), now) is None
    assert skew_s(sign_in(POS), now) is None


# Cashiers, devices


def test_a_cashier_signs_in_at_a_terminal_that_is_in(pos: Street) -> None:
    pos.says(1, management(POS, "401", "0820", de63="042"))
    pos.signs_in()
    pos.says(1, management(POS, "401", "0820", de63="042"))
    assert pos.codes(1) == ["77", "00", "00"]
    assert pos.session().operator == "042"


def test_a_status_upload_tells_which_parts_do_not_work(pos: Street) -> None:
    pos.signs_in()
    pos.says(1, management(POS, "362", "0820", de62="011021030040051"))
    assert pos.session().broken == ("reader", "printer")
    pos.restart()
    assert pos.session().broken == ("reader", "printer")
    pos.says(1, management(POS, "362", "0820", de62="011021031041051"))
    assert pos.session().broken == ()


@pytest.mark.parametrize("said", ["", "0", "01", "999", "ÿÿÿ", "0120"])
def test_a_status_that_cannot_be_understood_harms_nothing(pos: Street, said: str) -> None:
    pos.signs_in()
    pos.says(1, management(POS, "362", "0820", de62=said or None))
    assert pos.codes(1)[-1] == "00"


# What is found


def test_a_burst_of_wrong_macs_is_found_once(street: Street) -> None:
    seen = []
    street.switch.terminals.sign_ins.watchers.append(lambda *what: seen.append(what[:2]))
    street.signs_in()
    for stan in range(1, 25):
        street.says(1, sale(street.name, stan), mac_good=False)
    assert seen == [(TILL, Finding.BAD_MACS)]
    street.wait(61, step_s=61)
    for stan in range(1, 11):
        street.says(1, sale(street.name, stan), mac_good=False)
    assert len(seen) == 2
    assert len(street.audited(AuditKind.TERMINAL_FOUND)) == 1


def test_numbers_of_another_request_are_answered_94_found_and_audited(street: Street) -> None:
    street.signs_in()
    street.approved(1)
    for amount in ("000000002000", "000000003000"):
        street.says(2, sale(street.name, 1, de4=amount))
    assert street.codes(2) == ["94", "94"]
    assert street.found(Finding.REPLAY) == 2
    (line,) = street.audited(AuditKind.TERMINAL_FOUND)
    assert (line.subject, line.said["what"]) == (TILL.key, "replayed numbers")


def test_the_same_finding_is_audited_once_in_a_while_and_counted_always(street: Street) -> None:
    stranger = sign_in(street.name, de41="T0000009")
    for _ in range(5):
        street.says(1, stranger)
    street.wait(AUDIT_AGAIN_S + 1, step_s=AUDIT_AGAIN_S + 1)
    street.says(1, stranger)
    assert street.found(Finding.UNKNOWN_TERMINAL) == 6
    assert len(street.audited(AuditKind.TERMINAL_FOUND)) == 2


def test_a_flood_of_strangers_fills_no_log(street: Street) -> None:
    for number in range(AUDITS_A_MINUTE_MAX + 40):
        street.says(1, sign_in(street.name, de41=f"X{number:07d}"))
    assert len(street.audited(AuditKind.TERMINAL_FOUND)) == AUDITS_A_MINUTE_MAX
    assert street.switch.terminals.sign_ins.findings.unaudited == 40


def test_what_a_stranger_calls_itself_is_no_card_number_in_a_log(pos: Street) -> None:
    pos.says(1, sign_in(POS, de42="622999000000017"))
    pos.says(1, sign_in(POS, de41="1\n2 3\x0045"))
    pos.says(1, management(POS, "999", de42="622999000000018"))
    subjects = [line.subject for line in pos.audited(AuditKind.TERMINAL_FOUND)]
    assert subjects == [f"|{TERMINAL}", f"{MERCHANT}|?", f"|{TERMINAL}"]


def test_sign_ins_beyond_the_bound_are_told_96(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.terminal_network.ORDERS_MAX", 1)
    street.says(1, sign_in(street.name))
    street.says(2, sign_in(street.name, de41=OTHER.terminal))
    assert street.codes(2) == ["96"]
    assert street.switch.terminals.network.crowded == 1
    street.issue()
    street.says(2, sign_in(street.name, de41=OTHER.terminal))
    assert len(street.key_work) == 1


def test_keys_given_out_are_audited_without_them(street: Street) -> None:
    street.signs_in()
    (line,) = street.audited(AuditKind.KEYS_ISSUED)
    assert line.subject == TILL.key
    assert "mak" not in str(line.said)


def test_an_answer_of_a_host_goes_to_a_terminal_that_signed_in_again_meanwhile(
    street: Street,
) -> None:
    street.signs_in(mak="first")
    street.says(1, sale(street.name))
    street.signs_in(mak="second")
    street.answers(answer(street.charges_sent[-1]))
    assert street.told[-1].message[39] == "00"


def test_settings_are_of_each_dialect() -> None:
    assert {name: SignInSettings().lengths(name, SIGN_IN[name]) for name in ALL} == dict.fromkeys(
        ALL, KeyLengths(16, 16)
    )
    assert isinstance(sign_in(ISO_93), Message)
