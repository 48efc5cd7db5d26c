"""Cases that two persons decide, disputes, limits that persons change."""

from __future__ import annotations

import pytest

from routing.charge import Event, State
from routing.docket import Answer, Entry
from routing.limits import LimitSettings
from routing.reason import Reason
from routing.settings import CaseSettings
from tests.routing.world import World, answer, sale


def case_of(amount: int = 1000, **settings: object) -> World:
    """A world whose one charge became a case: the host refused its reversal."""
    world = World(cases=CaseSettings(two_persons_above={"840": 5000}), **settings)
    world.says(1, sale(de4=f"{amount:012d}"))
    world.wait(6)
    world.answers(answer(world.reversals_sent[-1], "64"))
    assert world.state() is State.CASE
    return world


def said(world: World, kind: Entry) -> list[tuple[str, object]]:
    world.settle()
    return [(each.who, each.said.get("how")) for each in world.journal.entries if each.kind == kind]


def test_a_small_case_is_one_persons_decision_and_says_whose() -> None:
    world = case_of(5000)
    assert world.switch.docket.close(world.charge(), "refunded", "Ana", world.now) == "decided"
    assert world.state() is State.REFUNDED
    assert said(world, Entry.DECIDED) == [("Ana", "refunded")]


def test_a_large_case_needs_another_person() -> None:
    world = case_of(5001)
    docket, charge = world.switch.docket, world.charge()
    assert docket.close(charge, "served", "", world.now) is Answer.NO_NAME
    assert docket.confirm(charge, "Ben", world.now) is Answer.NOT_PROPOSED
    assert docket.close(charge, "served", "Ana", world.now) is Answer.PROPOSED
    assert docket.close(charge, "refunded", "Ben", world.now) is Answer.OTHERWISE
    assert docket.confirm(charge, "Ana", world.now) is Answer.OWN
    assert docket.confirm(charge, "", world.now) is Answer.NO_NAME
    assert world.state() is State.CASE
    assert docket.confirm(charge, "Ben", world.now) is Answer.DECIDED
    assert world.state() is State.SERVED
    assert said(world, Entry.PROPOSED) == [("Ana", "served")]
    assert said(world, Entry.DECIDED) == [("Ben", "served")]
    assert docket.confirm(charge, "Ben", world.now) is Answer.NO_CASE


def test_a_proposal_outlives_a_restart_and_its_author_still_cannot_confirm_it() -> None:
    world = case_of(5001)
    world.switch.docket.close(world.charge(), "served", "Ana", world.now)
    world.settle()
    world.restart()
    assert world.switch.docket.confirm(world.charge(), "Ana", world.now) is Answer.OWN
    assert world.switch.docket.confirm(world.charge(), "Ben", world.now) is Answer.DECIDED


def test_a_proposal_that_was_withdrawn_is_gone() -> None:
    world = case_of(5001)
    docket = world.switch.docket
    docket.close(world.charge(), "served", "Ana", world.now)
    assert docket.withdraw(world.charge(), "Ben", world.now) is Answer.WITHDRAWN
    assert docket.confirm(world.charge(), "Ben", world.now) is Answer.NOT_PROPOSED
    world.restart()
    assert world.switch.docket.proposals == {}
    assert docket.withdraw(world.charge(), "Ben", world.now) is Answer.NOT_PROPOSED


@pytest.mark.parametrize("state", [State.PRESUMED_SERVED, State.SERVED])
def test_disputed_money_is_a_case_that_two_persons_decide_whatever_its_amount(
    state: State,
) -> None:
    world = World()
    world.approved()
    world.acknowledge()
    if state is State.SERVED:
        world.switch.life.apply(world.charge(), Event.CONFIRMED, world.now)
    charge = world.charge()
    assert charge.state is state
    assert world.switch.docket.question(charge, Reason.DISPUTED, world.now)
    assert (charge.state, charge.reason) == (State.CASE, "disputed")
    docket = world.switch.docket
    assert docket.close(charge, "retry", "Ana", world.now) is Answer.PROPOSED
    assert docket.confirm(charge, "Ben", world.now) is Answer.DECIDED
    assert charge.state is State.REVERSAL_DUE


def test_what_is_under_way_cannot_be_disputed() -> None:
    world = World()
    world.says(1, sale())
    assert not world.switch.docket.question(world.charge(), Reason.DISPUTED, world.now)
    assert world.state() is State.SENT


def test_what_a_host_declined_is_never_reversed_by_a_person_either() -> None:
    world = World()
    world.says(1, sale())
    world.answers(answer(world.charges_sent[-1], "51"))
    charge = world.charge()
    assert world.switch.docket.question(charge, Reason.SETTLEMENT_CHARGED, world.now)
    assert world.switch.docket.close(charge, "retry", "Ana", world.now) is Answer.IMPOSSIBLE
    assert world.switch.docket.close(charge, "refunded", "Ana", world.now) is Answer.DECIDED


def test_money_back_is_timed_from_the_complaint_even_over_a_restart() -> None:
    world = case_of()
    charge = world.charge()
    world.switch.docket.complained(charge, "Ana", world.now, {"verdict": "case"})
    world.settle()
    world.wait(30)
    world.restart()
    assert world.switch.docket.complaints
    world.wait(12)
    world.switch.docket.close(world.charge(), "refunded", "Ben", world.now)
    tally = world.switch.docket.money_back_s
    assert (tally.count, tally.sum) == (1, 42.0)
    assert not world.switch.docket.complaints


def test_a_refund_is_asked_of_the_host_and_the_case_waits_for_it() -> None:
    world = World()
    world.approved()
    world.acknowledge()
    charge = world.charge()
    world.switch.docket.question(charge, Reason.COMPLAINT, world.now)
    assert world.switch.docket.close(charge, "refund", "Ana", world.now) is Answer.DECIDED
    assert world.switch.docket.close(charge, "refund", "Ana", world.now) is Answer.NOT_NOW
    world.settle()
    assert charge.state is State.CASE
    world.answers(answer(world.charges_sent[-1]))
    assert charge.state is State.REFUNDED


# Limits


def test_limits_are_changed_by_two_persons_and_hold_over_a_restart() -> None:
    world = World()
    changes = world.switch.limit_changes
    wanted = LimitSettings(amount_max=500)
    assert changes.propose(wanted, "", world.now) is Answer.NO_NAME
    assert changes.confirm("Ben", world.now) is Answer.NOT_PROPOSED
    assert changes.propose(wanted, "Ana", world.now) is Answer.PROPOSED
    assert changes.propose(wanted, "Ben", world.now) is Answer.OTHERWISE
    assert changes.confirm("Ana", world.now) is Answer.OWN
    world.says(1, sale())
    assert world.codes(1) == []
    assert changes.confirm("Ben", world.now) is Answer.DECIDED
    world.says(2, sale(stan=2))
    assert world.codes(2) == ["61"]
    world.restart()
    world.says(3, sale(stan=3))
    assert world.codes(3) == ["61"]


def test_a_changed_configuration_ends_what_persons_set() -> None:
    world = World()
    world.switch.limit_changes.propose(LimitSettings(amount_max=500), "Ana", world.now)
    world.switch.limit_changes.confirm("Ben", world.now)
    world.settle()
    world.settings = World(limits=LimitSettings(amount_max=2000)).settings
    world.restart()
    world.says(1, sale())
    assert world.codes(1) == []
    assert world.switch.life.limits.settings.amount_max == 2000


def test_what_a_host_approves_beyond_a_limit_that_came_into_force_is_reversed() -> None:
    world = World()
    world.says(1, sale())
    world.switch.limit_changes.propose(LimitSettings(amount_max=500), "Ana", world.now)
    world.switch.limit_changes.confirm("Ben", world.now)
    world.answers(answer(world.charges_sent[-1]))
    assert world.codes(1) == ["68"]
    charge = world.charge()
    assert (charge.state, charge.reason) == (State.REVERSAL_DUE, "over_limit")
    assert world.switch.life.over_limit == 1
    world.wait(1)
    world.answers(answer(world.reversals_sent[-1]))
    assert world.state() is State.REVERSED


def test_a_proposal_of_limits_can_be_withdrawn() -> None:
    world = World()
    changes = world.switch.limit_changes
    assert changes.withdraw("Ana", world.now) is Answer.NOT_PROPOSED
    changes.propose(LimitSettings(amount_max=1), "Ana", world.now)
    assert changes.withdraw("Ana", world.now) is Answer.WITHDRAWN
    world.settle()
    world.restart()
    assert world.switch.limit_changes.proposed is None
