"""The table of a charge's life, as a table: nothing is missing, nothing leads nowhere."""

from __future__ import annotations

import pytest

from routing.charge import (
    END_OF,
    INTERNAL_ERROR,
    OPEN_STATES,
    TABLE,
    Action,
    Event,
    State,
    step,
)
from tests.routing.world import World, sale

PAIRS = [(state, event) for state in State for event in Event]
MISSING = [(s, e) for s, e in PAIRS if e not in TABLE[s]]
ASKED_BY_NOBODY = frozenset(Event) - {Event.QUESTIONED, Event.ADVISED_AGAIN}
"""All that happens without a person, a settlement file or an advice's terminal saying otherwise."""
ENDS = [state for state in State if state not in OPEN_STATES]
MONEY_MAY_BE_TAKEN = {
    State.SENT,
    State.APPROVED,
    State.DELIVERY_UNKNOWN,
    State.DELIVERED,
    State.REVERSAL_DUE,
    State.VOIDING,
}
STANDS_AGAIN = {
    Event.STANDS_UNCONFIRMED: State.DELIVERED,
    Event.STANDS_PRESUMED: State.PRESUMED_SERVED,
    Event.STANDS_SERVED: State.SERVED,
    Event.VOID_UNCLEAR: State.CASE,
}


def test_every_state_has_a_row() -> None:
    assert set(TABLE) == set(State)


def test_open_states_and_ends_are_all_there_is() -> None:
    assert set(OPEN_STATES) == MONEY_MAY_BE_TAKEN
    assert set(END_OF) == set(State) - OPEN_STATES - {State.NEVER_LEFT}


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_pair_is_in_the_table_or_opens_a_case(state: State, event: Event) -> None:
    cell = step(state, event)
    assert cell is TABLE[state].get(event, INTERNAL_ERROR)
    assert cell.next in State


@pytest.mark.parametrize(("state", "event"), MISSING)
def test_a_pair_that_cannot_be_makes_that_charge_alone_a_case(state: State, event: Event) -> None:
    world = World()
    world.says(1, sale())
    world.says(2, sale(stan=2))
    charge = world.charge(1)
    before = charge.state
    charge.state = state
    world.switch.life.book.moved(charge, before)
    world.switch.life.apply(charge, event, world.now)
    world.settle()
    assert charge.state is State.CASE
    assert charge.reason == "internal_error"
    assert world.switch.life.internal_errors == 1
    assert world.journal.charge(charge.id).state is State.CASE
    assert world.state(2) is State.SENT


@pytest.mark.parametrize("state", sorted(OPEN_STATES))
def test_every_open_state_has_a_way_to_an_end_of_the_promise(state: State) -> None:
    reached, waiting = {state}, [state]
    while waiting:
        for cell in TABLE[waiting.pop()].values():
            if cell.next not in reached:
                reached.add(cell.next)
                waiting.append(cell.next)
    assert {State.REVERSED, State.CASE} <= reached


def test_what_leaves_an_end_is_known_by_name() -> None:
    leaving = {
        (state, event): cell.next
        for state in ENDS
        for event, cell in TABLE[state].items()
        if cell.next is not state
    }
    assert leaving == {
        (State.PRESUMED_SERVED, Event.CONFIRMED): State.SERVED,
        (State.PRESUMED_SERVED, Event.NOT_SERVED): State.REVERSAL_DUE,
        (State.PRESUMED_SERVED, Event.TERMINAL_REVERSAL): State.REVERSAL_DUE,
        (State.PRESUMED_SERVED, Event.PARTLY_SERVED): State.REVERSAL_DUE,
        (State.PRESUMED_SERVED, Event.VOID_BEGUN): State.VOIDING,
        (State.PRESUMED_SERVED, Event.REFUNDED_WHOLE): State.REFUNDED,
        (State.SERVED, Event.VOID_BEGUN): State.VOIDING,
        (State.SERVED, Event.REFUNDED_WHOLE): State.REFUNDED,
        **{(State.VOIDED, event): after for event, after in STANDS_AGAIN.items()},
        (State.NOTHING_TO_REVERSE, Event.APPROVAL): State.REVERSAL_DUE,
        **{(state, Event.QUESTIONED): State.CASE for state in set(ENDS) - {State.CASE}},
        (State.PRESUMED_SERVED, Event.HELD_FOR_REVIEW): State.CASE,
        (State.CASE, Event.APPROVAL_STANDS): State.PRESUMED_SERVED,
        (State.CASE, Event.ADVICE_TAKEN): State.SERVED,
        **{(state, Event.ADVISED_AGAIN): State.SENT for state in (State.CASE, State.NEVER_LEFT)},
        (State.CASE, Event.REFUNDED_WHOLE): State.REFUNDED,
        (State.CASE, Event.VOUCHED_LATE): State.SERVED,
        (State.CASE, Event.CLOSED_SERVED): State.SERVED,
        (State.CASE, Event.CLOSED_REFUNDED): State.REFUNDED,
        (State.CASE, Event.CLOSED_REVERSED): State.REVERSED,
        (State.CASE, Event.CASE_RETRIED): State.REVERSAL_DUE,
    }


def test_a_reversal_begins_on_every_way_into_reversal_due_and_nowhere_else() -> None:
    for before, row in TABLE.items():
        for event, cell in row.items():
            enters = cell.next is State.REVERSAL_DUE and before is not State.REVERSAL_DUE
            begins = Action.BEGIN_REVERSAL in cell.actions
            if before is State.NOTHING_TO_REVERSE:
                assert not begins, "its reversal has its identity already"
            else:
                assert begins == enters, (before, event)


def test_a_proven_service_is_never_reversed() -> None:
    undone_by_the_cashier = {State.VOIDING, State.REFUNDED}
    reached = {cell.next for cell in TABLE[State.SERVED].values()}
    assert reached == {State.SERVED, State.CASE} | undone_by_the_cashier


def test_a_declined_charge_is_never_reversed() -> None:
    for state in (State.DECLINED, State.NEVER_LEFT):
        reached = {cell.next for event, cell in TABLE[state].items() if event in ASKED_BY_NOBODY}
        assert reached == {state}
        assert TABLE[state][Event.QUESTIONED].next is State.CASE


def test_only_sent_relays_the_hosts_answer() -> None:
    relaying = {
        s for s, row in TABLE.items() for c in row.values() if Action.RELAY_ANSWER in c.actions
    }
    assert relaying == {State.SENT}


@pytest.mark.parametrize("state", list(State))
def test_whoever_asks_of_a_charge_is_answered_in_every_state(state: State) -> None:
    for event in (Event.CONFIRMED, Event.NOT_SERVED, Event.TERMINAL_REVERSAL):
        assert step(state, event).code in {"00", "12", "22", "25"}
    assert Event.REPEAT in TABLE[state]


def test_who_begins_a_reversal_owes_one() -> None:
    """`Lifecycle` looks at what leads to a reversal or a case only, whether it may."""
    cells = [cell for row in TABLE.values() for cell in row.values()]
    begin = {cell.next for cell in cells if Action.BEGIN_REVERSAL in cell.actions}
    assert begin == {State.REVERSAL_DUE}
    decided = (Event.OUTCOME_UNKNOWN, Event.HELD_FOR_REVIEW)
    assert {row[event].next for row in TABLE.values() for event in decided if event in row} == {
        State.CASE
    }


def test_without_a_record_of_its_steps_a_charge_goes_the_same_way() -> None:
    told = []
    for is_recorded in (True, False):
        world = World()
        world.switch.life.is_recorded = is_recorded
        world.approved()
        world.says(1, sale(stan=2))
        told.append((world.codes(1), world.state(1), world.state(2), len(world.at_host("0200"))))
        assert bool(world.journal.records) is is_recorded
    assert told[0] == told[1]
