"""Delivered or not: what proves it, what unproves it, and how long an unknown is held."""

from __future__ import annotations

import pytest

from routing.charge import State
from tests.routing.world import (
    BANK,
    ISO,
    LINK,
    POS,
    PROOF_S,
    World,
    answer,
    repeated,
    reversal,
    sale,
    service,
)


def test_acknowledged_bytes_prove_it(world: World) -> None:
    world.approved()
    assert world.state() is State.APPROVED
    world.acknowledge()
    assert world.state() is State.PRESUMED_SERVED


def test_an_acknowledgement_of_another_connection_proves_nothing(world: World) -> None:
    world.approved(conn=1)
    world.acknowledge(conn=2)
    assert world.state() is State.APPROVED


def test_an_acknowledgement_before_the_answer_was_handed_over_proves_nothing(world: World) -> None:
    world.says(1, sale(world.name))
    reply = answer(world.charges_sent[0])
    world.switch.from_host("bank", LINK, reply, world.now, mac_good=True)
    world.switch.acknowledged(world.charge(), 1, world.now)
    assert world.state() is State.APPROVED


def test_a_next_sale_on_the_same_connection_proves_it(world: World) -> None:
    world.approved()
    world.says(1, sale(world.name, 2))
    assert world.state(1) is State.PRESUMED_SERVED


def test_a_next_sale_before_the_answer_was_handed_over_proves_nothing(world: World) -> None:
    world.says(1, sale(world.name))
    reply = answer(world.charges_sent[0])
    world.switch.from_host("bank", LINK, reply, world.now, mac_good=True)
    world.hears(1, sale(world.name, 2))
    assert world.state(1) is State.APPROVED


def test_a_refusal_waits_for_the_record_of_the_sale_that_its_request_proved(world: World) -> None:
    world.approved()
    world.switch.journal_failing(True)
    world.hears(1, sale(world.name, 2))
    assert world.switch.take_express() == []
    world.settle()
    assert world.journal.charge(1).state is State.PRESUMED_SERVED
    assert world.codes(1) == ["00", "96"]


def test_a_refusal_that_proves_nothing_waits_for_nothing(world: World) -> None:
    world.switch.journal_failing(True)
    world.hears(1, sale(world.name))
    assert len(world.switch.take_express()) == 1


@pytest.mark.parametrize(
    ("stan", "proves"), [(2, True), (101, True), (102, False), (999_999, False)]
)
def test_on_another_connection_the_stan_must_follow(stan: int, proves: bool) -> None:
    world = World(ISO)
    world.approved(1)
    world.lose(1)
    world.says(2, sale(ISO, stan))
    assert world.state(1) is (State.PRESUMED_SERVED if proves else State.DELIVERY_UNKNOWN)


def test_stans_that_wrap_still_follow() -> None:
    world = World(ISO)
    world.approved(999_999)
    world.lose(1)
    world.says(2, sale(ISO, 1))
    assert world.charge(999_999).state is State.PRESUMED_SERVED


def test_a_next_sale_of_another_terminal_proves_nothing(world: World) -> None:
    world.approved()
    world.says(1, sale(world.name, 2, de41="T0000002"))
    assert world.state(1) is State.APPROVED


def test_a_repeat_is_no_next_sale(world: World) -> None:
    request = world.approved()
    world.says(1, repeated(request))
    assert world.state() is State.APPROVED


def test_a_next_sale_proves_nothing_where_terminals_do_not_resolve_first() -> None:
    world = World(ISO, resolves_first=False)
    world.approved()
    world.says(1, sale(ISO, 2))
    assert world.state(1) is State.APPROVED


def test_a_next_sale_that_is_refused_proves_the_last_one_all_the_same(world: World) -> None:
    world.approved()
    world.switch.drain()
    world.says(1, sale(world.name, 2))
    assert world.state(1) is State.PRESUMED_SERVED


def test_a_reset_after_the_answer_was_handed_over_leaves_it_unknown(world: World) -> None:
    world.approved()
    world.lose(1)
    assert world.state() is State.DELIVERY_UNKNOWN
    world.wait(PROOF_S - 1)
    assert world.state() is State.DELIVERY_UNKNOWN
    world.wait(2)
    assert world.state() is State.REVERSAL_DUE
    assert world.charge().reason == "delivery_unknown"


def test_a_terminal_gone_before_the_answer_is_reversed_at_once(world: World) -> None:
    world.says(1, sale(world.name))
    world.lose(1)
    world.answers(answer(world.charges_sent[0]))
    assert world.state() is State.REVERSAL_DUE
    assert world.charge().reason == "terminal_gone"
    assert len(world.reversals_sent) == 1
    assert world.told == []


def test_a_half_closed_terminal_can_be_handed_nothing(world: World) -> None:
    world.says(1, sale(world.name))
    world.switch.terminal_closed(1)
    world.answers(answer(world.charges_sent[0]))
    assert world.state() is State.REVERSAL_DUE


def test_a_terminal_gone_while_the_approval_was_on_its_way_to_the_disk(world: World) -> None:
    world.says(1, sale(world.name))
    world.gone.add(1)
    world.answers(answer(world.charges_sent[0]))
    assert world.state() is State.REVERSAL_DUE
    assert world.told == []


def test_a_decline_needs_nobody_to_hear_it(world: World) -> None:
    request = sale(world.name)
    world.says(1, request)
    world.lose(1)
    world.answers(answer(world.charges_sent[0], "51"))
    assert world.state() is State.DECLINED
    assert world.reversals_sent == []
    world.says(2, repeated(request))
    assert world.codes(2) == ["51"]


def test_an_answer_that_may_have_crossed_a_repeat_is_unknown_not_undelivered(world: World) -> None:
    """The first copy was handed over; the terminal may be serving on it right now."""
    request = world.approved()
    world.hears(1, repeated(request))
    world.lose(1)
    assert world.state() is State.DELIVERY_UNKNOWN
    assert world.reversals_sent == []
    world.says(2, sale(world.name, 2))
    assert world.state(1) is State.PRESUMED_SERVED


def test_a_repeat_of_an_unknown_delivery_gets_the_answer_and_is_watched_again(
    world: World,
) -> None:
    request = world.approved()
    world.lose(1)
    world.says(2, repeated(request))
    assert world.codes(2) == ["00"]
    assert world.state() is State.APPROVED
    world.acknowledge(conn=2)
    assert world.state() is State.PRESUMED_SERVED


def test_an_approval_said_again_does_not_leave_once_its_charge_is_being_undone(
    world: World,
) -> None:
    """The disk was slow: both were decided before either was durable."""
    request = world.approved()
    world.acknowledge()
    world.hears(2, repeated(request))
    world.hears(1, reversal(request))
    world.settle()
    assert world.codes(2) == []
    assert len(world.reversals_sent) == 1


def test_an_approval_said_again_leaves_while_its_charge_stands(world: World) -> None:
    request = world.approved()
    world.acknowledge()
    world.says(2, repeated(request))
    assert world.codes(2) == ["00"]
    assert world.state() is State.PRESUMED_SERVED


def test_the_clock_of_an_unknown_delivery_restarts_once_and_no_more(world: World) -> None:
    request = world.approved()
    began = world.monotonic
    world.lose(1)
    for conn in (2, 3, 4, 5):
        world.wait(PROOF_S * 0.4)
        world.says(conn, repeated(request))
        world.lose(conn)
    assert world.monotonic - began == pytest.approx(PROOF_S * 1.6)
    assert world.state() is State.REVERSAL_DUE


def test_after_a_restart_an_approval_without_proof_is_unknown(world: World) -> None:
    request = world.approved()
    world.restart()
    assert world.state() is State.DELIVERY_UNKNOWN
    world.says(1, repeated(request))
    assert world.codes(1) == ["00"]
    world.acknowledge()
    assert world.state() is State.PRESUMED_SERVED


def test_after_a_restart_a_next_sale_that_follows_proves_it(world: World) -> None:
    world.approved()
    world.restart()
    world.says(1, sale(world.name, 2))
    assert world.state(1) is State.PRESUMED_SERVED


def test_after_a_restart_an_unproven_approval_is_reversed_when_its_time_is_over(
    world: World,
) -> None:
    world.approved()
    world.restart()
    world.wait(PROOF_S + 1)
    assert world.state() is State.REVERSAL_DUE
    assert len(world.reversals_sent) >= 1


def test_delivered_survives_a_restart(world: World) -> None:
    world.approved()
    world.acknowledge()
    world.restart()
    assert world.state() is State.PRESUMED_SERVED
    world.wait(PROOF_S * 3)
    assert world.reversals_sent == []


def test_delivered_opens_a_window_where_service_is_confirmed() -> None:
    world = World(POS, service=service("confirmation"))
    world.approved()
    world.acknowledge()
    assert world.state() is State.DELIVERED


def test_no_approval_leaves_once_its_reversal_has_begun(world: World) -> None:
    """The reversal came while the approval's record was on its way to the disk."""
    request = sale(world.name)
    world.says(1, request)
    reply = answer(world.charges_sent[0])
    world.switch.from_host("bank", LINK, reply, world.now, mac_good=True)
    outbox = world.commit()
    world.hears(2, reversal(request))
    world.release(outbox)
    world.settle()
    assert world.codes(1) == []
    assert world.codes(2) == ["00"]
    assert world.state() is State.REVERSAL_DUE


def test_nothing_leaves_for_a_charge_whose_time_was_over_before_it_was_durable(
    world: World,
) -> None:
    world.hears(1, sale(world.name))
    outbox = world.commit()
    world.monotonic += 60
    world.switch.tick(world.now)
    world.release(outbox)
    world.settle()
    assert world.charges_sent == []
    assert world.codes(1) == ["91"]
    assert world.state() is State.NEVER_LEFT


def test_a_reversal_of_a_charge_that_did_not_leave_yet_keeps_it_from_leaving(
    world: World,
) -> None:
    request = sale(world.name)
    world.hears(1, request)
    outbox = world.commit()
    world.hears(2, reversal(request))
    world.release(outbox)
    world.settle()
    assert world.charges_sent == []
    assert world.reversals_sent == []
    assert world.state() is State.NEVER_LEFT
    assert world.codes(2) == ["00"]


def test_a_first_try_that_comes_late_on_a_connection_left_takes_no_watch_over(
    world: World,
) -> None:
    request = sale(world.name)
    world.says(2, repeated(request))
    world.answers(answer(world.charges_sent[0]))
    world.says(1, request)
    assert world.codes(1) == world.codes(2) == ["00"]
    world.lose(1)
    assert world.state() is State.APPROVED
    world.acknowledge(1, conn=2)
    assert world.state() is State.PRESUMED_SERVED


def test_it_takes_none_over_while_the_approval_is_on_its_way_to_the_disk(world: World) -> None:
    request = sale(world.name)
    world.says(2, repeated(request))
    world.switch.from_host(BANK, LINK, answer(world.charges_sent[0]), world.now, mac_good=True)
    outbox = world.commit()
    world.hears(1, request)
    world.release(outbox)
    world.acknowledge(1, conn=2)
    world.settle()
    world.lose(1)
    assert world.state() is State.PRESUMED_SERVED


def test_it_takes_no_answer_from_the_connection_that_waits(world: World) -> None:
    request = sale(world.name)
    world.says(2, repeated(request))
    world.says(1, request)
    world.answers(answer(world.charges_sent[0]))
    assert (world.codes(1), world.codes(2)) == ([], ["00"])
