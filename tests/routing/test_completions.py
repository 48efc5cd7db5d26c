"""Completions and advices: what is named, what can't be reversed, and what a repeat does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codec import build, dialect
from routing.charge import Event, State
from routing.limits import LimitSettings
from routing.transaction import Transaction
from tests.routing.world import (
    ANSWER_TIMEOUT_S,
    BANK,
    BATCH,
    DIALECTS,
    HEADER,
    ISO,
    LINK,
    MERCHANT,
    PAN,
    POS,
    RRN,
    TERMINAL,
    World,
    answer,
    confirmation,
    repeated,
    reversal,
    sale,
    void,
)

if TYPE_CHECKING:
    from codec import Message

PREAUTHORISED = 3
"""STAN of the preauthorisation in these stories."""


def preauthorisation(name: str, stan: int = PREAUTHORISED) -> Message:
    """A hold on money."""
    changes: dict[str, Any] = {"mti": "0100", "de25": "06"}
    if name == POS:
        changes |= {"de3": "030000", "de60": "10" + BATCH + "000"}
    return sale(name, stan, **changes)


def completion(name: str, stan: int = 8, mti: str = "0200") -> Message:
    """A completion of that hold, asked for (0200) or told of (0220)."""
    fields = {2: PAN, 3: "000000", 4: "000000000900", 11: f"{stan:06d}", 25: "06"}
    fields |= {38: "AUTH42", 41: TERMINAL, 42: MERCHANT}
    if name == ISO:
        fields |= {7: "1123181500", 12: "181500", 13: "1123", 49: "840"}
        fields[90] = f"0100{PREAUTHORISED:06d}1123171500" + "0" * 22
        return build(dialect(name), mti, fields)
    function = "20" if mti == "0200" else "24"
    fields |= {49: "156", 60: function + BATCH + "000"}
    fields[61] = BATCH + f"{PREAUTHORISED:06d}1123"
    return build(dialect(name), mti, fields, HEADER)


def offline_sale(name: str, stan: int = 8) -> Message:
    """A sale that was made without asking."""
    changes: dict[str, Any] = {"mti": "0220"}
    if name == POS:
        changes["de60"] = "30" + BATCH + "000"
    return sale(name, stan, **changes)


def advice(name: str, what: str) -> Message:
    """One of the two advices."""
    return completion(name, mti="0220") if what == "completion" else offline_sale(name)


EACH = pytest.mark.parametrize("name", DIALECTS)
EACH_ADVICE = pytest.mark.parametrize("what", ["completion", "offline sale"])


@EACH
def test_what_is_asked_for_and_what_is_told_of_are_told_apart(name: str) -> None:
    world = World(name)
    for stan, request in enumerate(
        (
            preauthorisation(name, 1),
            completion(name, 2),
            completion(name, 3, "0220"),
            offline_sale(name, 4),
        ),
        1,
    ):
        world.says(stan, request)
        world.answers(answer(world.charges_sent[-1]))
    assert [world.charge(stan).kind for stan in range(1, 5)] == [
        Transaction.PREAUTHORISATION,
        Transaction.COMPLETION,
        Transaction.COMPLETION_ADVICE,
        Transaction.OFFLINE_SALE,
    ]


@EACH
@pytest.mark.parametrize("mti", ["0200", "0220"])
def test_a_completion_names_its_preauthorisation_as_the_host_knows_it(name: str, mti: str) -> None:
    world = World(name)
    world.says(1, preauthorisation(name))
    world.answers(answer(world.charges_sent[-1]))
    held = world.charge(PREAUTHORISED)
    world.says(1, completion(name, mti=mti))
    sent = world.charges_sent[-1]
    if name == ISO:
        assert held.host_stan != held.stan
        assert sent[90][:20] == "0100" + held.host_stan + held.host_de7
    else:
        assert sent[61] == BATCH + held.host_stan + "1123"
    world.answers(answer(sent))
    assert world.codes(1)[-1] == "00"
    assert world.state(PREAUTHORISED) is not State.VOIDING


def test_a_completion_of_what_this_journal_does_not_know_goes_as_it_came() -> None:
    world = World(ISO)
    request = completion(ISO)
    world.says(1, request)
    assert world.charges_sent[-1][90] == request[90]


@EACH
def test_a_completion_that_was_asked_for_is_reversed_like_a_sale(name: str) -> None:
    world = World(name)
    request = completion(name)
    world.says(1, request)
    world.answers(answer(world.charges_sent[-1]))
    world.says(1, reversal(request))
    assert world.codes(1) == ["00", "00"]
    assert world.reversals_sent[-1][11] == world.charge(8).reversal_stan
    if name == ISO:
        assert world.reversals_sent[-1][90][4:10] == world.charge(8).host_stan


def test_the_reversal_of_a_completion_may_still_name_its_preauthorisation() -> None:
    """As the completion did in DE 61: what it reverses has its own number all the same."""
    world = World(POS)
    world.says(1, preauthorisation(POS))
    world.answers(answer(world.charges_sent[-1]))
    request = completion(POS)
    world.says(1, request)
    world.answers(answer(world.charges_sent[-1]))
    world.says(1, reversal(request, de61=request[61]))
    assert world.state(8) is State.REVERSAL_DUE
    assert world.state(PREAUTHORISED) is not State.REVERSAL_DUE
    assert world.reversals_sent[-1][61] == BATCH + world.charge(8).host_stan


@EACH
@EACH_ADVICE
def test_an_advice_that_the_host_takes_is_served(name: str, what: str) -> None:
    world = World(name)
    world.says(1, advice(name, what))
    sent = world.charges_sent[-1]
    assert sent.mti == "0220"
    world.answers(answer(sent))
    told = world.told[-1].message
    assert (told.mti, told[39], told[37]) == ("0230", "00", RRN)
    assert world.state(8) is State.SERVED


@EACH
@EACH_ADVICE
def test_an_advice_is_never_reversed_by_anybody(name: str, what: str) -> None:
    world = World(name)
    request = advice(name, what)
    world.says(1, request)
    world.says(1, reversal(request))
    world.says(1, confirmation(request, served=False))
    assert world.codes(1) == ["40", "22"]
    world.lose(1)
    world.answers(answer(world.charges_sent[-1]))
    assert world.state(8) is State.SERVED
    world.says(2, reversal(request))
    world.says(2, confirmation(request, served=False))
    assert world.codes(2) == ["40", "22"]
    world.wait(60)
    assert world.state(8) is State.SERVED
    assert world.reversals_sent == []


@EACH
@EACH_ADVICE
def test_an_advice_without_an_answer_is_a_case_until_its_repeat_is_answered(
    name: str, what: str
) -> None:
    world = World(name)
    request = advice(name, what)
    world.says(1, request)
    first = world.charges_sent[-1]
    world.wait(ANSWER_TIMEOUT_S + 0.5)
    assert world.state(8) is State.CASE
    assert world.codes(1) == ["68" if name == ISO else "98"]
    world.says(1, repeated(request))
    again = world.charges_sent[-1]
    assert again is not first
    assert again.mti == ("0221" if name == ISO else "0220")
    compared = (3, 4, 7, 11, 25, 41, 42, 61, 90)
    assert again.pick(compared) == first.pick(compared)
    assert world.state(8) is State.SENT
    world.answers(answer(again))
    assert world.codes(1)[-1] == "00"
    assert world.state(8) is State.SERVED
    assert len({x[11] for x in world.charges_sent}) == 1
    assert world.reversals_sent == []


@EACH
def test_the_answer_to_an_advice_may_come_late_and_its_repeat_hears_it(name: str) -> None:
    world = World(name)
    request = advice(name, "completion")
    world.says(1, request)
    world.wait(ANSWER_TIMEOUT_S + 0.5)
    world.answers(answer(world.charges_sent[-1]))
    assert world.state(8) is State.SERVED
    world.says(1, repeated(request))
    told = world.told[-1].message
    assert (told[39], told[37], told[38]) == ("00", RRN, "AUTH42")
    assert len(world.charges_sent) == 1


@EACH
def test_a_no_to_a_repeated_advice_stays_a_case(name: str) -> None:
    world = World(name)
    request = advice(name, "offline sale")
    world.says(1, request)
    world.wait(ANSWER_TIMEOUT_S + 0.5)
    world.says(1, repeated(request))
    world.answers(answer(world.charges_sent[-1], "94"))
    assert world.codes(1)[-1] == "94"
    assert world.state(8) is State.CASE


@EACH
def test_an_advice_that_the_host_refuses_at_once_took_nothing(name: str) -> None:
    world = World(name)
    world.says(1, advice(name, "offline sale"))
    world.answers(answer(world.charges_sent[-1], "51"))
    assert world.codes(1) == ["51"]
    assert world.state(8) is State.DECLINED


@EACH
def test_a_restart_leaves_an_advice_to_its_terminals_repeat(name: str) -> None:
    world = World(name)
    request = advice(name, "completion")
    world.says(1, request)
    first = world.charges_sent[-1]
    world.restart()
    assert world.state(8) is State.CASE
    world.says(2, repeated(request))
    assert world.charges_sent[-1][11] == first[11]
    world.answers(answer(world.charges_sent[-1]))
    assert world.codes(2) == ["00"]
    assert world.state(8) is State.SERVED


def test_an_advice_that_could_not_leave_leaves_with_its_repeat_for_the_first_time() -> None:
    world = World(ISO)
    request = advice(ISO, "offline sale")
    world.gone.add(LINK)
    world.says(1, request)
    assert world.codes(1) == ["91"]
    assert world.state(8) is State.NEVER_LEFT
    world.gone.clear()
    world.says(1, repeated(request))
    assert world.charges_sent[-1].mti == "0220"
    world.answers(answer(world.charges_sent[-1]))
    assert world.codes(1) == ["91", "00"]


def test_a_repeat_that_could_not_leave_leaves_the_case_as_it_is() -> None:
    world = World(ISO)
    request = advice(ISO, "offline sale")
    world.says(1, request)
    world.wait(ANSWER_TIMEOUT_S + 0.5)
    world.gone.add(LINK)
    world.says(1, repeated(request))
    assert world.codes(1) == ["68", "68"]
    assert world.state(8) is State.CASE


def test_while_the_host_is_away_a_repeated_advice_gets_91_and_stays_a_case() -> None:
    world = World(POS)
    request = advice(POS, "offline sale")
    world.says(1, request)
    world.wait(ANSWER_TIMEOUT_S + 0.5)
    world.switch.link_down(BANK, LINK, world.now)
    world.says(1, repeated(request))
    assert world.codes(1) == ["98", "91"]
    assert world.state(8) is State.CASE


def test_limits_forbid_no_advice() -> None:
    limits = LimitSettings(terminal_day_count_max=1)
    world = World(POS, limits=limits)
    world.approved()
    world.says(1, sale(POS, 2))
    assert world.codes(1)[-1] == "61" or world.codes(1)[-1] == "65"
    world.says(1, offline_sale(POS))
    world.answers(answer(world.charges_sent[-1]))
    assert world.codes(1)[-1] == "00"


def test_an_advice_can_be_voided_if_its_host_agrees() -> None:
    world = World(ISO)
    request = offline_sale(ISO)
    world.says(1, request)
    world.answers(answer(world.charges_sent[-1]))
    world.says(1, void(sale(ISO, 8, mti="0220")))
    assert world.state(8) is State.VOIDING


def test_a_confirmation_with_an_amount_is_no_advice() -> None:
    """Its DE 60 makes it one, also where nobody can read what it says."""
    world = World(ISO)
    request = world.approved()
    world.says(1, confirmation(request, de60="SREVED"))
    assert world.codes(1)[-1] == "30"
    assert len(world.charges_sent) == 1


@pytest.mark.parametrize("function", ["32", "34"])
def test_adjustments_are_refused(function: str) -> None:
    world = World(POS)
    world.says(1, sale(POS, mti="0220", de60=function + BATCH + "000"))
    assert world.codes(1) == ["40"]


@pytest.mark.parametrize("what", ["completion", "offline sale"])
def test_an_advice_means_the_same_in_another_dialect(what: str) -> None:
    from_pos, from_iso = World(POS, ISO), World(ISO, POS)
    from_pos.says(1, advice(POS, what))
    from_iso.says(1, advice(ISO, what))
    sent = from_pos.charges_sent[-1]
    assert (sent.mti, sent.get(60)) == ("0220", None)
    sent = from_iso.charges_sent[-1]
    assert (sent.mti, sent["60.1"]) == ("0220", "24" if what == "completion" else "30")
    assert from_iso.charge(8).kind is from_pos.charge(8).kind


def test_a_person_does_not_have_an_advice_reversed() -> None:
    world = World(POS)
    world.says(1, advice(POS, "completion"))
    world.wait(ANSWER_TIMEOUT_S + 0.5)
    charge = world.charge(8)
    assert world.switch.close_case(charge.id, Event.CASE_RETRIED, world.now) is State.CASE
    assert world.switch.close_case(charge.id, Event.CLOSED_SERVED, world.now) is State.SERVED


def test_a_completion_advice_that_is_sent_again_names_its_preauthorisation_as_before() -> None:
    world = World(ISO)
    world.says(1, preauthorisation(ISO))
    world.answers(answer(world.charges_sent[-1]))
    request = completion(ISO, mti="0220")
    world.says(1, request)
    first = world.charges_sent[-1]
    assert first[90] != request[90]
    world.restart()
    world.says(2, repeated(request))
    assert world.charges_sent[-1][90] == first[90]
