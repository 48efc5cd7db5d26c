"""The registry: who may take part, what holds for them, and how that is changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.charge import State
from routing.entries import (
    Account,
    EntryLimits,
    MerchantEntry,
    MerchantState,
    TerminalEntry,
    TerminalState,
)
from routing.keeper import AuditKind, KeptKind
from routing.limits import LimitSettings
from routing.registry import BadEntryError, Registry, RegistrySettings, StaleError
from routing.service import Proof
from tests.routing.world import (
    DIALECTS,
    ISO,
    MERCHANT,
    TERMINAL,
    World,
    answer,
    confirmation,
    refund,
    reversal,
    sale,
    void,
)

REQUIRED = RegistrySettings(required=True)
SHOP = MerchantEntry(id=MERCHANT, name="Corner shop")
TILL = TerminalEntry(merchant=MERCHANT, id=TERMINAL)


def world(name: str = ISO, *, required: bool = True, **more: Any) -> World:
    return World(name, registry=RegistrySettings(required=required), **more)


def registry(where: World) -> Registry:
    found: Registry = where.switch.life.registry
    return found


def with_shop(name: str = ISO, shop: MerchantEntry = SHOP, till: TerminalEntry = TILL) -> World:
    made = world(name)
    registry(made).load([shop], [till], "Ana", made.now)
    made.settle()
    return made


def changed(where: World, entry: MerchantEntry | TerminalEntry) -> None:
    registry(where).put(entry, None, "Ana", where.now)
    where.settle()


# Who may sell


@pytest.mark.parametrize("name", DIALECTS)
def test_without_entries_and_not_required_everybody_sells(name: str) -> None:
    each = world(name, required=False)
    each.approved()
    assert each.codes(1) == ["00"]


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "03"),
        ([MerchantEntry(id="SOMEBODY ELSE")], "03"),
        ([SHOP], "97"),
        ([SHOP, MerchantEntry(id="OTHER"), TerminalEntry(merchant="OTHER", id=TERMINAL)], "97"),
        ([MerchantEntry(id=MERCHANT, state=MerchantState.CLOSED), TILL], "03"),
        ([MerchantEntry(id=MERCHANT, state=MerchantState.SUSPENDED), TILL], "03"),
        ([SHOP, TerminalEntry(merchant=MERCHANT, id=TERMINAL, state=TerminalState.TESTING)], "58"),
        ([SHOP, TerminalEntry(merchant=MERCHANT, id=TERMINAL, state=TerminalState.RETIRED)], "58"),
    ],
)
def test_who_is_not_in_service_is_told_why_and_nothing_leaves(
    name: str, entries: list[Any], code: str
) -> None:
    each = world(name)
    for entry in entries:
        changed(each, entry)
    for request in (sale(name), void(sale(name)), refund(sale(name))):
        each.says(1, request)
    each.says(1, sale(name, 9, **({"de3": "310000"} if name == ISO else {"de60": "01000007000"})))
    assert each.codes(1) == [code] * 4
    assert not each.got
    assert registry(each).refused == {code: 4}


@pytest.mark.parametrize("state", [s for s in TerminalState if s is not TerminalState.ACTIVE])
def test_money_of_a_terminal_out_of_service_is_not_stranded(state: TerminalState) -> None:
    each = with_shop()
    first, second = each.approved(1), each.approved(2)
    changed(each, TerminalEntry(merchant=MERCHANT, id=TERMINAL, state=state))
    each.says(1, reversal(first))
    each.says(1, confirmation(second))
    assert each.codes(1) == ["00"] * 4
    assert each.state(1) is State.REVERSAL_DUE
    assert each.state(2) is State.SERVED


def test_a_repeat_gets_its_stored_answer_whatever_became_of_its_terminal() -> None:
    each = with_shop()
    request = each.approved()
    changed(each, TerminalEntry(merchant=MERCHANT, id=TERMINAL, state=TerminalState.SUSPENDED))
    each.says(1, request)
    assert each.codes(1) == ["00", "00"]


def test_what_was_sent_before_a_terminal_went_out_of_service_is_answered() -> None:
    each = with_shop()
    each.says(1, sale())
    changed(each, TerminalEntry(merchant=MERCHANT, id=TERMINAL, state=TerminalState.DEACTIVATED))
    each.answers(answer(each.charges_sent[-1]))
    assert each.codes(1) == ["00"]


def test_test_charges_need_no_entry() -> None:
    each = world(test_till=f"{MERCHANT}|{TERMINAL}")
    each.approved()
    assert each.codes(1) == ["00"]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (TerminalState.ACTIVE, ""),
        (TerminalState.REGISTERED, ""),
        (TerminalState.TESTING, ""),
        (TerminalState.SUSPENDED, "58"),
        (TerminalState.UNDER_REPAIR, "58"),
        (TerminalState.SHIPPED, "58"),
    ],
)
def test_who_may_sign_in(state: TerminalState, code: str) -> None:
    each = with_shop(till=TerminalEntry(merchant=MERCHANT, id=TERMINAL, state=state))
    assert registry(each).refusal_of_sign_in(MERCHANT, TERMINAL) == code


# What holds for them


def test_a_terminals_own_class_goes_before_its_merchants_and_that_before_the_general_one() -> None:
    shop = MerchantEntry(id=MERCHANT, proof=Proof.CONFIRMATION, window_s=3.0)
    till = TerminalEntry(merchant=MERCHANT, id="OTHER", proof=Proof.NEXT_MESSAGE, window_s=9.0)
    each = with_shop(shop=shop)
    changed(each, till)
    each.says(1, sale())
    each.says(1, sale(stan=2, de41="OTHER   "))
    each.says(1, sale(stan=3, de42="MERCHANT0000002"))
    classes = [(each.charge(n).proof, each.charge(n).window_s) for n in (1, 2)]
    assert classes == [(Proof.CONFIRMATION, 3.0), (Proof.NEXT_MESSAGE, 9.0)]
    assert each.codes(1) == ["03"]


@pytest.mark.parametrize(
    ("of_merchant", "of_terminal", "general", "codes"),
    [
        (EntryLimits(amount_max=999), EntryLimits(), LimitSettings(), ["61"]),
        (EntryLimits(), EntryLimits(amount_max=999), LimitSettings(), ["61"]),
        (
            EntryLimits(amount_max=5_000),
            EntryLimits(amount_max=5_000),
            LimitSettings(amount_max=999),
            ["61"],
        ),
        (EntryLimits(day_count_max=1), EntryLimits(), LimitSettings(), ["00", "65"]),
        (EntryLimits(), EntryLimits(day_amount_max=1_999), LimitSettings(), ["00", "61"]),
        (
            EntryLimits(day_count_max=2),
            EntryLimits(),
            LimitSettings(merchant_day_count_max=2),
            ["00", "00", "65"],
        ),
    ],
)
def test_limits_of_merchants_and_terminals_hold_beside_the_general_ones(
    of_merchant: EntryLimits, of_terminal: EntryLimits, general: LimitSettings, codes: list[str]
) -> None:
    each = world(limits=general)
    shop = MerchantEntry(id=MERCHANT, limits=of_merchant)
    till = TerminalEntry(merchant=MERCHANT, id=TERMINAL, limits=of_terminal)
    registry(each).load([shop], [till], "", each.now)
    for stan, code in enumerate(codes, 1):
        each.says(1, sale(stan=stan))
        if code == "00":
            each.answers(answer(each.charges_sent[-1]))
    assert each.codes(1) == codes


def test_what_counts_towards_a_terminals_own_limit_outlives_a_restart() -> None:
    till = TerminalEntry(merchant=MERCHANT, id=TERMINAL, limits=EntryLimits(day_count_max=1))
    each = with_shop(till=till)
    each.approved(1)
    each.acknowledge(1)
    each.restart()
    each.says(1, sale(stan=2))
    assert each.codes(1) == ["65"]


def test_texts_are_in_the_terminals_language_or_its_merchants() -> None:
    shop = MerchantEntry(id=MERCHANT, language="zh")
    each = with_shop(shop=shop)
    changed(each, TerminalEntry(merchant=MERCHANT, id="OTHER", language="en"))
    told = [registry(each).language_of(MERCHANT, till) for till in (TERMINAL, "OTHER", "NONE")]
    assert told == ["zh", "en", "zh"]
    assert registry(each).language_of("NOBODY", TERMINAL) == "en"


# How it is changed


def test_a_change_is_kept_audited_and_in_force_over_a_restart() -> None:
    each = with_shop()
    closed = MerchantEntry(id=MERCHANT, name="Corner shop", state=MerchantState.CLOSED)
    assert registry(each).put(closed, 1, "Ana", each.now, why="its request 7") == 2
    each.settle()
    last = each.journal.audit[-1]
    assert (last.kind, last.subject, last.who) == (AuditKind.MERCHANT_CHANGED, MERCHANT, "Ana")
    assert last.said == {"state": "CLOSED", "version": 2, "because": "its request 7"}
    each.restart()
    assert registry(each).merchant(MERCHANT) == closed
    assert registry(each).terminal(MERCHANT, TERMINAL) == TILL
    assert registry(each).version(closed) == 2
    assert [t.id for t in registry(each).terminals(MERCHANT)] == [TERMINAL]
    assert registry(each).states_of(KeptKind.MERCHANT) == {"CLOSED": 1}
    assert registry(each).states_of(KeptKind.TERMINAL) == {"ACTIVE": 1}


@pytest.mark.parametrize("version", [0, 2, 99])
def test_whoever_has_not_seen_the_newest_version_changes_nothing(version: int) -> None:
    each = with_shop()
    before = len(each.journal.audit)
    with pytest.raises(StaleError) as raised:
        registry(each).put(MerchantEntry(id=MERCHANT, name="Other"), version, "Ana", each.now)
    each.settle()
    assert raised.value.version == 1
    assert registry(each).merchant(MERCHANT) == SHOP
    assert (registry(each).stale, len(each.journal.audit)) == (1, before)


def test_the_same_again_is_no_change() -> None:
    each = with_shop()
    before = len(each.journal.audit)
    assert registry(each).put(SHOP, 1, "Ana", each.now) == 1
    each.settle()
    assert len(each.journal.audit) == before


def test_watchers_are_told_of_what_changed() -> None:
    each, told = with_shop(), []
    registry(each).watchers.append(lambda entry, _now: told.append(entry))
    suspended = TerminalEntry(merchant=MERCHANT, id=TERMINAL, state=TerminalState.SUSPENDED)
    changed(each, suspended)
    changed(each, suspended)
    assert told == [suspended]


BAD = [
    (MerchantEntry(id=""), "id"),
    (MerchantEntry(id="A|B"), "id"),
    (MerchantEntry(id="1234567890123456"), "id"),
    (MerchantEntry(id=" A"), "id"),
    (MerchantEntry(id="A", mcc="12"), "mcc"),
    (MerchantEntry(id="A", proof=Proof.CONFIRMATION), "window_s"),
    (MerchantEntry(id="A", window_s=-1.0), "window_s"),
    (MerchantEntry(id="A", limits=EntryLimits(amount_max=-1)), "limits"),
    (MerchantEntry(id="A", accounts=(Account(), Account())), "accounts"),
    (MerchantEntry(id="A", accounts=(Account(masked="6228480000001234"),)), "masked"),
    (MerchantEntry(id="A", accounts=(Account(bank="6228480000001234"),)), "card number"),
    (TerminalEntry(merchant=MERCHANT, id="123456789"), "id"),
    (TerminalEntry(merchant=MERCHANT, id="1", batch="7"), "batch"),
    (TerminalEntry(merchant=MERCHANT, id="1", tpdu="60"), "tpdu"),
    (TerminalEntry(merchant="NOBODY", id="1"), "merchant is not registered"),
]


@pytest.mark.parametrize(("entry", "why"), BAD, ids=range(len(BAD)))
def test_a_bad_entry_is_refused_and_no_good_one_beside_it_is_taken(
    entry: MerchantEntry | TerminalEntry, why: str
) -> None:
    each = with_shop()
    before = len(registry(each))
    with pytest.raises(BadEntryError, match=why) as raised:
        registry(each).put(entry, None, "", each.now)
    assert "6228480000001234" not in str(raised.value)
    merchants = [MerchantEntry(id="GOOD")]
    terminals = [TerminalEntry(merchant="GOOD", id="1")]
    (merchants if isinstance(entry, MerchantEntry) else terminals).append(entry)  # type: ignore[arg-type]
    with pytest.raises(BadEntryError, match=why):
        registry(each).load(merchants, terminals, "", each.now)
    assert len(registry(each)) == before


def test_an_entry_that_stands_twice_in_a_load_is_refused() -> None:
    each = world()
    with pytest.raises(BadEntryError, match="twice"):
        registry(each).load([SHOP, SHOP], [], "", each.now)


def test_the_registry_is_bounded() -> None:
    each = World(registry=RegistrySettings(entries_max=2))
    registry(each).load([SHOP], [TILL], "", each.now)
    another = MerchantEntry(id="OTHER")
    with pytest.raises(BadEntryError, match="entries_max"):
        registry(each).put(another, None, "", each.now)
    with pytest.raises(BadEntryError, match="entries_max"):
        registry(each).load([another], [], "", each.now)


MERCHANTS = st.builds(
    MerchantEntry,
    id=st.sampled_from(["A", "B"]),
    name=st.sampled_from(["", "x", "y"]),
    state=st.sampled_from(MerchantState),
)
TERMINALS = st.builds(
    TerminalEntry,
    merchant=st.sampled_from(["A", "B"]),
    id=st.sampled_from(["1", "2"]),
    state=st.sampled_from(TerminalState),
)
PUTS = st.lists(
    st.tuples(st.one_of(MERCHANTS, TERMINALS), st.integers(0, 4), st.booleans()), max_size=30
)


@given(PUTS)
@settings(deadline=None)
def test_versions_never_let_a_change_be_lost(
    puts: list[tuple[MerchantEntry | TerminalEntry, int, bool]],
) -> None:
    """Whoever knows the newest version changes it; anybody else does not; a restart in between is
    not seen.
    """
    each, true = world(), {}
    for entry, version, restarts in puts:
        known = true.get(_key(entry), (0, None))
        orphaned = isinstance(entry, TerminalEntry) and (entry.merchant,) not in true
        if version != known[0]:
            with pytest.raises(StaleError):
                registry(each).put(entry, version, "Ana", each.now)
        elif orphaned:
            with pytest.raises(BadEntryError):
                registry(each).put(entry, version, "Ana", each.now)
        else:
            made = registry(each).put(entry, version, "Ana", each.now)
            assert made == version + (known[1] != entry)
            true[_key(entry)] = (made, entry)
        each.settle()
        if restarts:
            each.restart()
    held = [*registry(each).merchants(), *registry(each).terminals()]
    assert {_key(entry): (registry(each).version(entry), entry) for entry in held} == true


def _key(entry: MerchantEntry | TerminalEntry) -> tuple[str, ...]:
    return (entry.id,) if isinstance(entry, MerchantEntry) else (entry.merchant, entry.id)
