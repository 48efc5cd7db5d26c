"""Cut-over: new charges wait, and what is settled is refunded by a person instead of reversed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from codec import Message, build, dialect
from routing.charge import Event, State
from routing.settlement_day import CUT_OVER_MAX_S, is_later
from tests.routing.world import (
    ANSWER_TIMEOUT_S,
    BANK,
    ISO,
    LINK,
    MARGIN_S,
    PAN,
    POS,
    PROOF_S,
    REVERSAL_ANSWER_S,
    RRN,
    SCHEDULE_S,
    World,
    answer,
    confirmation,
    refund,
    reversal,
    sale,
    void,
)

TODAY, TOMORROW = "1123", "1124"


def cut_over(code: str, day: str = TOMORROW) -> Message:
    """The host closes its day (201), or has opened the next (202)."""
    return build(dialect(ISO), "0800", {7: "1123235900", 11: "000001", 15: day, 70: code})


def approved(world: World, stan: int = 1, day: str = TODAY) -> Message:
    request = sale(world.name, stan)
    world.says(1, request)
    world.answers(answer(world.charges_sent[-1], de15=day))
    return request


def next_day(world: World) -> None:
    for code in ("201", "202"):
        world.answers(cut_over(code))


@pytest.fixture
def settled() -> World:
    """One served sale of a day that is over."""
    world = World(ISO)
    approved(world)
    world.acknowledge()
    next_day(world)
    return world


@pytest.mark.parametrize(
    ("one", "other", "later"),
    [
        ("1124", "1123", True),
        ("1123", "1123", False),
        ("1122", "1123", False),
        ("0101", "1231", True),
        ("1231", "0101", False),
        ("0301", "0229", True),
        ("", "1123", False),
        ("1123", "", False),
        ("1340", "1123", False),
        ("112", "1123", False),
    ],
)
def test_which_of_two_days_is_later(one: str, other: str, *, later: bool) -> None:
    assert is_later(one, other) is later


def test_between_the_days_new_charges_get_90_and_nothing_is_sent() -> None:
    world = World(ISO)
    world.answers(cut_over("201"))
    assert world.got[-1].message[39] == "00"
    world.says(1, sale(ISO))
    assert (world.codes(1), world.charges_sent) == (["90"], [])
    world.answers(cut_over("202"))
    world.says(1, sale(ISO, 2))
    assert len(world.charges_sent) == 1


def test_a_cut_over_whose_end_never_comes_is_over_after_a_while() -> None:
    world = World(ISO)
    world.answers(cut_over("201"))
    world.wait(CUT_OVER_MAX_S + 1, step_s=10)
    world.says(1, sale(ISO))
    assert len(world.charges_sent) == 1


def test_reversals_go_on_between_the_days() -> None:
    world = World(ISO)
    world.says(1, sale(ISO))
    world.answers(cut_over("201"))
    world.wait(ANSWER_TIMEOUT_S + 0.5)
    assert len(world.reversals_sent) == 1


@pytest.mark.parametrize("said", ["reversal", "not served"])
def test_what_is_settled_becomes_a_refund_case_instead_of_a_reversal(
    settled: World, said: str
) -> None:
    request = sale(ISO)
    settled.says(
        1, reversal(request) if said == "reversal" else confirmation(request, served=False)
    )
    assert settled.codes(1)[-1] == "00"
    assert (settled.state(), settled.charge().reason) == (State.CASE, "after_cut_over")
    assert settled.reversals_sent == []


def test_a_delivery_that_stays_unknown_over_the_cut_over_is_a_case() -> None:
    world = World(ISO)
    approved(world)
    world.lose(1)
    next_day(world)
    world.wait(PROOF_S + 1)
    assert (world.state(), world.charge().reason) == (State.CASE, "after_cut_over")


def test_what_was_never_answered_is_reversed_whatever_the_day() -> None:
    world = World(ISO)
    world.says(1, sale(ISO))
    next_day(world)
    world.wait(ANSWER_TIMEOUT_S + 0.5)
    assert world.state() is State.REVERSAL_DUE


def test_a_host_may_reverse_what_is_settled() -> None:
    world = World(ISO, host_settings={"reverses_settled": True})
    request = approved(world)
    next_day(world)
    world.says(1, reversal(request))
    assert len(world.reversals_sent) == 1


def test_a_reversal_that_began_before_the_cut_over_goes_on_after_it() -> None:
    world = World(ISO)
    world.says(1, reversal(approved(world)))
    next_day(world)
    world.wait(20)
    assert len(world.reversals_sent) > 1


def test_the_day_is_learned_from_answers_and_outlives_a_restart() -> None:
    world = World(ISO)
    first = approved(world, 1, TODAY)
    approved(world, 2, TOMORROW)
    world.restart()
    world.says(1, reversal(first))
    world.says(1, reversal(sale(ISO, 2)))
    assert [world.state(1), world.state(2)] == [State.CASE, State.REVERSAL_DUE]


def unanswered(world: World, code: str, day: str) -> None:
    """A sale of today without an answer, whose reversals are answered with `code` on `day`."""
    approved(world)
    world.says(1, sale(ISO, 2))
    told_late(world, code, day)


def told_late(world: World, code: str, day: str) -> None:
    """When nothing can be on its way any more the host gives its word."""
    world.wait(ANSWER_TIMEOUT_S + MARGIN_S + SCHEDULE_S[-1] + REVERSAL_ANSWER_S)
    for sent in tuple(world.reversals_sent):
        world.answers(answer(sent, "96"))
    world.wait(SCHEDULE_S[-1] + 1)
    world.answers(answer(world.reversals_sent[-1], code, de15=day))


@pytest.mark.parametrize(
    ("code", "day", "end", "reason"),
    [
        ("25", TODAY, State.NOTHING_TO_REVERSE, "no_answer"),
        ("25", TOMORROW, State.CASE, "after_cut_over"),
        ("12", TOMORROW, State.NOTHING_TO_REVERSE, "no_answer"),
    ],
)
def test_a_host_that_knows_nothing_of_an_earlier_day_may_have_settled_it(
    code: str, day: str, end: State, reason: str
) -> None:
    """Its approval may have been lost, and nobody would ever look again."""
    world = World(ISO)
    unanswered(world, code, day)
    assert (world.state(2), world.charge(2).reason) == (end, reason)


def test_what_a_host_reverses_on_any_day_it_does_not_know_on_any() -> None:
    world = World(ISO, host_settings={"reverses_settled": True})
    unanswered(world, "25", TOMORROW)
    assert world.state(2) is State.NOTHING_TO_REVERSE


def test_the_day_of_what_was_cut_off_by_a_restart_is_journaled_with_it() -> None:
    world = World(ISO)
    approved(world)
    world.says(1, sale(ISO, 2))
    world.restart()
    assert world.charge(2).settled_on == TODAY
    told_late(world, "25", TOMORROW)
    assert (world.state(2), world.charge(2).reason) == (State.CASE, "after_cut_over")


def test_what_was_sent_before_its_host_told_a_day_gets_none_from_its_neighbours() -> None:
    """It may have been approved before the cut-over that its neighbour's answer came after."""
    world = World(ISO)
    world.says(1, sale(ISO, 1))
    world.says(1, sale(ISO, 2))
    world.answers(answer(world.charges_sent[0], "00", de15=TOMORROW))
    world.restart()
    assert world.charge(2).settled_on == ""
    told_late(world, "25", TOMORROW)
    assert (world.state(2), world.charge(2).reason) == (State.CASE, "after_cut_over")


def test_a_host_that_refuses_what_it_has_settled_meanwhile_proposes_a_refund() -> None:
    world = World(ISO)
    world.says(1, reversal(approved(world)))
    world.answers(answer(world.reversals_sent[0], "25", de15=TOMORROW))
    assert (world.state(), world.charge().reason) == (State.CASE, "after_cut_over")


def test_a_host_that_tells_no_day_reverses_for_ever() -> None:
    world = World(ISO)
    request = world.approved()
    world.says(1, reversal(request))
    assert world.state() is State.REVERSAL_DUE


def test_what_is_settled_is_not_voided_but_refunded(settled: World) -> None:
    settled.says(1, void(sale(ISO)))
    assert settled.codes(1)[-1] == "22"
    settled.says(1, refund(sale(ISO)))
    settled.answers(answer(settled.charges_sent[-1]))
    assert settled.state() is State.REFUNDED


# A person has a case refunded


def case(name: str) -> World:
    world = World(name)
    request = approved(world)
    world.acknowledge()
    world.switch.hosts[BANK].links.day.told(TOMORROW)
    world.says(1, reversal(request))
    assert world.state() is State.CASE
    return world


@pytest.mark.parametrize("name", [ISO, POS])
def test_a_case_is_refunded_by_its_host_when_a_person_says_so(name: str) -> None:
    world = case(name)
    original = world.charge()
    assert world.switch.refund_case(original.id, world.now)
    assert not world.switch.refund_case(original.id, world.now)
    world.settle()
    sent = world.charges_sent[-1]
    assert (sent.mti, sent[2], sent[3], sent[4]) == ("0220", PAN, "200000", "000000001000")
    assert sent[37] == RRN
    if name == ISO:
        assert sent[90][4:20] == original.host_stan + original.host_de7
    else:
        assert (sent["60.1"], sent[61]) == ("25", "000007000001")
    world.answers(answer(sent))
    assert original.state is State.REFUNDED


def test_a_refund_that_the_host_declines_leaves_the_case_open(settled: World) -> None:
    settled.says(1, reversal(sale(ISO)))
    charge = settled.charge()
    assert settled.switch.refund_case(charge.id, settled.now)
    settled.settle()
    settled.answers(answer(settled.charges_sent[-1], "57"))
    assert (charge.state, charge.given_back) == (State.CASE, 0)
    assert settled.switch.refund_case(charge.id, settled.now)


def test_a_refund_without_an_answer_is_asked_for_no_second_time(settled: World) -> None:
    settled.says(1, reversal(sale(ISO)))
    charge = settled.charge()
    settled.switch.refund_case(charge.id, settled.now)
    settled.settle()
    settled.wait(ANSWER_TIMEOUT_S + 0.5)
    assert charge.state is State.CASE
    assert not settled.switch.refund_case(charge.id, settled.now)


@pytest.mark.parametrize("why", ["no link", "no case", "unknown"])
def test_what_cannot_be_refunded_now(settled: World, why: str) -> None:
    charge: Any = settled.charge()
    if why != "no case":
        settled.says(1, reversal(sale(ISO)))
    if why == "no link":
        settled.switch.link_down(BANK, LINK, settled.now)
    number = 999 if why == "unknown" else charge.id
    assert not settled.switch.refund_case(number, settled.now)


def test_a_settled_case_cannot_be_retried_into_a_reversal(settled: World) -> None:
    settled.says(1, reversal(sale(ISO)))
    settled.switch.close_case(settled.charge().id, Event.CASE_RETRIED, settled.now)
    assert settled.state() is State.CASE


def test_where_a_host_tells_no_date_its_day_ends_by_the_clock() -> None:
    world = World(ISO, host_settings={"settles_at": "22:30"})
    world.wall = datetime(2026, 11, 23, 22, 29, 0, tzinfo=UTC).timestamp()
    world.wait(1)
    world.approved()
    assert world.charge().settled_on == TODAY
    host = world.switch.hosts[BANK]
    assert not host.has_settled(world.charge())
    world.wait(60)
    assert host.links.day.date == TOMORROW
    assert host.has_settled(world.charge())
