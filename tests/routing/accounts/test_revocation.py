"""Keys of a terminal that goes out of service: revoked in the turn of the step, and never back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from routing.accounts.asked import Action, File, Verb
from routing.accounts.backup import Evidence
from routing.effects import ForgetKeys
from routing.entries import MerchantEntry, MerchantState
from routing.key_ring import KeyPlace, RingKey
from routing.sign_in import SignState
from tests.routing import street as keyed
from tests.routing.accounts.street import Street as Asking
from tests.routing.accounts.test_deactivation import FAULT, GOOD, back_up
from tests.routing.street import OTHER, TILL, sign_in
from tests.routing.world import MERCHANT, POS, TERMINAL, answer, reversal, sale

if TYPE_CHECKING:
    from routing.key_ring import KeyRing

PLACE: Final = KeyPlace("tmk", TILL.key)
SM4: Final = KeyPlace("tmk", TILL.key, "sm4")


class Street(Asking, keyed.Street):
    """Terminals that sign in, and people who take them out of service."""

    def __init__(self) -> None:
        super().__init__(POS)

    @property
    def ring(self) -> KeyRing:
        """The keys of this life."""
        return self.switch.keys

    def goes(self, kind: str) -> str:
        """The terminal goes out of service: the number of its request."""
        said = {"state": "DEACTIVATED", **FAULT, "kind": kind}
        asked = self.requests("clara", File.TERMINAL, Action.CHANGE, TERMINAL, **said)
        self.says_so(Verb.APPROVE, "rita", asked.request)
        self.wait(3)
        assert self.the(asked.request).state == "BACKUP"
        return asked.request

    def whats(self, request: str) -> list[str]:
        """The words of a request's story."""
        return [line.what for line in self.the(request).history]


def test_sessions_end_when_new_business_stops_and_keys_when_all_money_is_at_its_end() -> None:
    street = Street()
    street.signs_in(mak="mak 1")
    number = street.goes("VIOLATION")
    session = street.session()
    assert (session.state, session.new_key) == (SignState.OUT, "mak 1")
    assert street.ring.text("tmk", TILL.key)
    back_up(street)
    session = street.session()
    assert (session.state, session.key, session.new_key) == (SignState.OUT, "", "")
    assert forgotten(street) == 1
    assert not street.ring.text("tmk", TILL.key)
    assert not street.ring.text("tmk", TILL.key, "sm4")
    assert street.ring.text("tmk", OTHER.key)
    (line,) = [each for each in street.the(number).history if each.what == "KEYS REVOKED"]
    assert line.remark == f"{TERMINAL}: working keys; TMK"
    assert len(street.audited("working keys revoked")) == 1
    assert len(street.audited("key revoked")) == 2


def forgotten(street: Street) -> int:
    """How often the process was told to forget the terminal's keys."""
    return [each for each in street.news if isinstance(each, ForgetKeys)].count(ForgetKeys(*TILL))


def test_working_keys_stay_good_for_last_words_and_then_they_are_revoked_over_restarts() -> None:
    street = Street()
    street.signs_in(mak="mak 1")
    number = street.goes("STRATEGY")
    back_up(street)
    assert street.session().new_key == "mak 1"
    (line,) = [each for each in street.the(number).history if each.what == "KEYS REVOKED"]
    assert line.remark == f"{TERMINAL}: working keys, but for last words"
    street.says(1, sale(POS, 1))
    street.says(1, reversal(sale(POS, 1)))
    assert street.codes(1)[-2:] == ["58", "00"]
    street.wait(80_000, step_s=400)
    street.restart()
    street.wait(5_000, step_s=400)
    assert street.session().new_key == "mak 1"
    street.wait(2_000, step_s=400)
    assert (street.session().new_key, forgotten(street)) == ("", 1)
    assert len(street.audited("working keys revoked")) == 1


def test_who_comes_back_in_time_gets_new_keys_and_none_is_revoked_later() -> None:
    street = Street()
    street.signs_in(mak="mak 1")
    number = street.goes("STRATEGY")
    back_up(street)
    street.says_so(Verb.REPORT, "tech", number, what="lifted")
    street.says(1, sign_in(de11="000102"))
    street.issue("mak 2")
    street.wait(90_000, step_s=400)
    assert (street.session().new_key, forgotten(street)) == ("mak 2", 0)


def test_a_device_that_is_opened_loses_its_keys_when_its_repair_begins() -> None:
    street = Street()
    street.signs_in(mak="mak 1")
    number = street.goes("FAULT")
    back_up(street)
    assert (street.session().new_key, street.ring.text("tmk", TILL.key)) == ("mak 1", "")
    street.says_so(Verb.REPORT, "tech", number, what="repair", evidence="order 9")
    assert (street.session().new_key, forgotten(street)) == ("", 1)


@pytest.mark.parametrize(
    ("kind", "goes"),
    [
        ("FAULT", True),
        ("VIOLATION", True),
        ("REGULATION", True),
        ("ACCOUNT", False),
        ("MAINTENANCE", False),
        ("UPGRADE", False),
        ("STRATEGY", False),
    ],
)
def test_the_tmk_goes_with_a_device_that_is_opened_exchanged_or_not_trusted(
    kind: str, goes: bool
) -> None:
    street = Street()
    street.signs_in()
    street.goes(kind)
    back_up(street)
    assert bool(street.ring.text("tmk", TILL.key)) != goes


def test_a_retired_terminal_and_a_cancelled_merchant_have_no_tmk() -> None:
    street = Street()
    number = street.goes("STRATEGY")
    back_up(street)
    assert street.ring.text("tmk", TILL.key)
    street.says_so(Verb.REPORT, "tech", number, what="retired")
    assert not street.ring.text("tmk", TILL.key)
    asked = street.requests(reason="shop closes")
    street.says_so(Verb.APPROVE, "rita", asked.request)
    street.wait(3)
    assert street.the(asked.request).state == "CANCELLED"
    assert not street.ring.text("tmk", OTHER.key)
    assert street.ring.text("tmk", "MERCHANT0000002|T0000003")


def test_step_and_revocation_are_one_batch_and_outlive_the_process() -> None:
    street = Street()
    street.signs_in()
    number = street.goes("VIOLATION")
    devices = street.switch.office.devices
    (wanted,) = devices.backups_wanted()
    devices.backed_up(wanted, Evidence(GOOD, GOOD, "T.backup"), street.now)
    assert not street.ring.text("tmk", TILL.key)
    # Killed before that was durable: the step was not taken, and no key is revoked.
    street.restart()
    assert street.the(number).state == "BACKUP"
    assert street.ring.text("tmk", TILL.key)
    assert street.session().new_key == "mak 1"
    back_up(street)
    street.restart()
    assert street.the(number).state == "DEACTIVATED"
    assert not street.ring.text("tmk", TILL.key)
    assert street.session().new_key == ""


def test_what_was_revoked_is_known_by_its_check_value_over_a_restart() -> None:
    street = Street()
    first = RingKey("isk1 one", "AABBCCDD", 0.0, "file")
    street.ring.hang(PLACE, first, street.now)
    street.settle()
    street.goes("FAULT")
    back_up(street)
    street.restart()
    assert street.ring.was_revoked(PLACE, "AABBCCDD")
    assert not street.ring.was_revoked(PLACE, "11223344")
    assert not street.ring.was_revoked(SM4, "AABBCCDD")


def test_a_terminal_comes_back_with_another_tmk_and_new_keys_only() -> None:
    street = Street()
    street.signs_in()
    number = street.goes("FAULT")
    back_up(street)
    street.says_so(Verb.REPORT, "tech", number, what="repair", evidence="order 9")
    street.says_so(Verb.REPORT, "tech", number, what="repaired")
    assert street.whats(number)[-2:] == ["REPAIRED", "NEEDS TMK"]
    told = street.enquires(file=File.TERMINAL, terminal=TERMINAL)
    assert told.facts["needs_tmk"] == 1
    street.says(1, sign_in(de11="000101"))
    assert street.key_work[-1].what.master == ""
    street.fail()
    assert street.codes(1)[-1] == "A7"
    street.ring.hang(PLACE, RingKey("another TMK", "55667788", 0.0, "ceremony"), street.now)
    street.settle()
    assert street.enquires(file=File.TERMINAL, terminal=TERMINAL).facts["needs_tmk"] == 0
    street.says(1, sign_in(de11="000102"))
    assert street.key_work[-1].what.master == "another TMK"
    street.issue("mak 2")
    assert street.codes(1)[-1] == "00"
    assert (street.session().key, street.session().new_key) == ("", "mak 2")


def test_a_replaced_device_leaves_its_tmk_behind_whatever_it_was_off_for() -> None:
    street = Street()
    number = street.goes("REGULATION")
    back_up(street)
    street.ring.hang(PLACE, RingKey("the old device's", "01020304", 0.0, "loaded"), street.now)
    street.says_so(Verb.REPORT, "tech", number, what="repair", evidence="order 9")
    street.says_so(Verb.REPORT, "tech", number, what="replaced", serial="SN-9")
    assert not street.ring.text("tmk", TILL.key)


def test_a_tmk_whose_name_others_share_stays_theirs() -> None:
    street = Street()
    registry = street.switch.life.registry
    for till in (TILL, OTHER):
        entry = registry.terminal(*till)
        assert entry is not None
        named = msgspec.structs.replace(entry, key_names={"tmk": "fleet", "pik": "x"})
        registry.put(named, None, "", street.now)
    street.ring.hang(KeyPlace("tmk", "fleet"), RingKey("fleet's", "0A", 0.0, "file"), street.now)
    registered = street.switch.terminals.sign_ins.registered
    assert registered.master_key(TILL, "des") == "fleet's"
    street.goes("FAULT")
    back_up(street)
    assert registered.master_key(OTHER, "des") == "fleet's"
    entry = registry.terminal(*TILL)
    assert entry is not None
    assert entry.key_names == {"pik": "x"}


def test_keys_that_were_on_order_when_it_went_are_not_given_out() -> None:
    street = Street()
    street.says(1, sign_in())
    suspended = {"state": "SUSPENDED", **FAULT, "kind": "VIOLATION"}
    street.requests("sec", File.TERMINAL, Action.CHANGE, TERMINAL, **suspended)
    assert street.issue() is False
    assert street.codes(1) == ["58"]
    assert street.switch.terminals.sign_ins.session(TILL) is None


def test_sessions_of_a_merchant_that_closes_end() -> None:
    street = Street()
    street.signs_in()
    closing = MerchantEntry(id=MERCHANT, state=MerchantState.CLOSING)
    street.switch.life.registry.put(closing, None, "clara", street.now)
    street.settle()
    assert street.session().state is SignState.OUT
    assert street.session().new_key == "mak 1"


def test_while_its_money_is_open_its_old_key_still_takes_a_sale_back() -> None:
    street = Street()
    street.signs_in()
    request = sale(POS, 7)
    street.says(1, request)
    street.answers(answer(street.charges_sent[-1]))
    said: dict[str, Any] = {"state": "DEACTIVATED", **FAULT}
    asked = street.requests("clara", File.TERMINAL, Action.CHANGE, TERMINAL, **said)
    street.says_so(Verb.APPROVE, "rita", asked.request)
    street.wait(2)
    assert street.session().new_key == "mak 1"
    street.says(1, reversal(request))
    assert street.codes(1)[-1] == "00"
    street.answers(answer(street.reversals_sent[-1]))
    street.wait(2)
    assert street.the(asked.request).state == "BACKUP"


def test_a_dead_terminal_goes_out_of_service_by_a_settlement_by_hand() -> None:
    street = Street()
    street.signs_in()
    request = sale(POS, 7)
    street.says(1, request)
    street.answers(answer(street.charges_sent[-1]))
    street.acknowledge(7)
    said: dict[str, Any] = {"state": "DEACTIVATED", **FAULT}
    asked = street.requests("clara", File.TERMINAL, Action.CHANGE, TERMINAL, **said)
    street.says_so(Verb.APPROVE, "rita", asked.request)
    street.wait(3)
    assert street.the(asked.request).state == "DRAINING"
    report = {"what": "batch settled", "evidence": "bank's letter 7"}
    assert street.says_so(Verb.REPORT, "clara", asked.request, **report).codes == "P1"
    street.says_so(Verb.REPORT, "rita", asked.request, **report)
    street.wait(3)
    assert street.the(asked.request).state == "BACKUP"
