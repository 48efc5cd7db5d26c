"""Reversals towards the host: why they are made, how they look, how often, and what ends them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from routing.charge import Event, State
from routing.reversal import ReversalSettings
from tests.routing.world import (
    ANSWER_TIMEOUT_S,
    AUTH,
    BANK,
    HEADER,
    ISO,
    LINK,
    MARGIN_S,
    OTHER_LINK,
    PAN,
    POS,
    PROOF_S,
    REVERSAL_ANSWER_S,
    RRN,
    SCHEDULE_S,
    WINDOW_S,
    World,
    answer,
    confirmation,
    reversal,
    reversal_rules,
    sale,
    service,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def no_answer(world: World) -> None:
    world.says(1, sale(world.name))
    world.wait(ANSWER_TIMEOUT_S + 0.5)


def link_lost(world: World) -> None:
    world.says(1, sale(world.name))
    world.switch.link_down(BANK, LINK, world.now)
    world.settle()
    world.switch.link_up(BANK, OTHER_LINK, world.now)
    world.wait(1)


def terminal_gone(world: World) -> None:
    world.says(1, sale(world.name))
    world.lose(1)
    world.answers(answer(world.charges_sent[0]))


def delivery_unknown(world: World) -> None:
    world.approved()
    world.lose(1)
    world.wait(PROOF_S + 0.5)


def not_served(world: World) -> None:
    world.says(1, confirmation(world.approved(), served=False))


def not_confirmed(world: World) -> None:
    world.approved()
    world.acknowledge()
    world.wait(WINDOW_S + 0.5)


def terminal_reversal(world: World) -> None:
    world.says(1, reversal(world.approved(), de39="06"))


def terminal_no_answer(world: World) -> None:
    world.says(1, reversal(world.approved(), de39="68" if world.name == ISO else "98"))


def terminal_cannot_finish(world: World) -> None:
    world.says(1, reversal(world.approved(), de39="96"))


def terminal_cancelled(world: World) -> None:
    world.says(1, reversal(world.approved(), de39="17"))


def answer_mac(world: World) -> None:
    world.says(1, sale(world.name))
    world.answers(answer(world.charges_sent[0]), mac_good=False)
    world.wait(ANSWER_TIMEOUT_S + 0.5)


def restart(world: World) -> None:
    world.says(1, sale(world.name))
    world.restart()


CAUSES: list[tuple[Callable[[World], None], str, str, bool]] = [
    (no_answer, "68", "98", False),
    (link_lost, "68", "98", False),
    (terminal_gone, "06", "06", True),
    (delivery_unknown, "06", "06", True),
    (not_served, "17", "06", True),
    (not_confirmed, "17", "06", True),
    (terminal_reversal, "06", "06", True),
    (terminal_no_answer, "68", "98", True),
    (terminal_cannot_finish, "06", "96", True),
    (terminal_cancelled, "17", "06", True),
    (answer_mac, "06", "A0", False),
    (restart, "68", "98", False),
]
NAMES = [cause.__name__ for cause, *_ in CAUSES]


@pytest.mark.parametrize("name", [ISO, POS])
@pytest.mark.parametrize(("cause", "iso", "pos", "held"), CAUSES, ids=NAMES)
def test_every_reason_makes_the_reversal_that_its_dialect_asks_for(
    name: str, cause: Callable[[World], None], iso: str, pos: str, held: bool
) -> None:
    world = World(name, service=service("confirmation"))
    cause(world)
    charge = world.charge()
    assert charge.state is State.REVERSAL_DUE
    assert charge.reason == cause.__name__
    assert charge.approval_held == held
    sent = world.reversals_sent[0]
    assert (sent[2], sent[3], sent[4]) == (PAN, "000000", "000000001000")
    assert not {26, 35, 36, 52, 53} & set(sent.fields())
    if name == ISO:
        assert (sent.mti, sent[39]) == ("0420", iso)
        assert sent[90] == "0200" + charge.host_stan + charge.host_de7 + "0" * 22
        assert (sent.get(37), sent.get(38)) == ((RRN, AUTH) if held else (None, None))
    else:
        assert (sent.mti, sent[39], sent[11]) == ("0400", pos, "000001")
        assert sent["61.1"] + sent["61.2"] == "000007000001"
        assert sent.header == HEADER


def test_a_reversal_goes_out_as_a_request_where_the_host_wants_that() -> None:
    world = World(ISO, host_settings={"reversal_mti": "0400"})
    world.reversal_due()
    world.wait(REVERSAL_ANSWER_S + 5)
    assert [m.mti for m in world.reversals_sent[:2]] == ["0400", "0401"]


def test_repeats_are_marked_and_keep_the_one_identity(world: World) -> None:
    world.reversal_due()
    world.wait(30)
    sent = world.reversals_sent
    assert len(sent) > 2
    assert {(m[11], m.get(7)) for m in sent} == {(sent[0][11], sent[0].get(7))}
    if world.name == ISO:
        assert [m.mti for m in sent] == ["0420"] + ["0421"] * (len(sent) - 1)
        assert sent[0][11] != world.charge().host_stan
    else:
        assert {m.raw for m in sent} == {sent[0].raw}


def test_repeats_after_a_restart_keep_the_identity_and_are_marked(world: World) -> None:
    world.reversal_due()
    (first,) = world.reversals_sent
    world.restart()
    again = world.reversals_sent[0]
    assert (again[11], again.get(7), again[2]) == (first[11], first.get(7), PAN)
    if world.name == ISO:
        assert again.mti == "0421"


def test_no_reversal_leaves_before_its_identity_is_durable(world: World) -> None:
    world.says(1, sale(world.name))
    world.monotonic += ANSWER_TIMEOUT_S + 1
    world.switch.tick(world.now)
    assert world.switch.has_effects
    outbox = world.switch.take()
    assert outbox.records
    world.journal.append(outbox.records)
    held = world.journal.charge(1)
    world.release(outbox)
    world.settle()
    assert held.reversal_stan == world.reversals_sent[0][11]


def test_the_schedule_is_kept_and_its_last_pause_repeats() -> None:
    rules = ReversalSettings(schedule_s=(0.0, 5.0, 15.0), spread=0.0)
    assert [rules.pause_s(n, 1) for n in range(5)] == [0.0, 5.0, 15.0, 15.0, 15.0]


def test_tries_that_an_outage_made_due_at_once_are_spread() -> None:
    rules = ReversalSettings(schedule_s=(10.0,), spread=0.1)
    pauses = sorted(rules.pause_s(1, number) for number in range(100))
    assert pauses[0] >= 10.0
    assert pauses[-1] < 11.0
    assert max(after - before for before, after in pairwise(pauses)) < 0.05


def test_a_reversal_that_cannot_be_built_becomes_a_case_and_holds_nobody_up(world: World) -> None:
    for stan in (1, 2):
        world.says(1, sale(world.name, stan))
    poisoned, other = world.charge(1), world.charge(2)
    poisoned.sent = poisoned.sent | {42: "far too long a merchant number"}
    world.wait(ANSWER_TIMEOUT_S + 0.5)
    assert (poisoned.state, poisoned.reason) == (State.CASE, "unbuildable")
    assert other.state is State.REVERSAL_DUE
    assert len(world.reversals_sent) == 1


def test_tries_come_at_the_times_of_the_schedule(world: World) -> None:
    world.says(1, sale(world.name))
    world.wait(ANSWER_TIMEOUT_S - 0.25)
    times, began = [], world.monotonic
    for _ in range(80):
        before = len(world.reversals_sent)
        world.wait(0.25)
        if len(world.reversals_sent) > before:
            times.append(world.monotonic - began)
    waits = [b - a for a, b in pairwise(times)]
    assert waits[0] == pytest.approx(REVERSAL_ANSWER_S + 2.0, abs=0.5)
    assert waits[1] == pytest.approx(REVERSAL_ANSWER_S + 4.0, abs=0.5)


@pytest.mark.parametrize("rules", [{"attempts_max": 2}, {"age_max_s": 8.0}])
def test_a_reversal_tried_for_too_long_becomes_a_case(world: World, rules: dict[str, int]) -> None:
    world = World(world.name, reversal=reversal_rules(**rules))
    world.reversal_due()
    world.wait(40)
    assert world.state() is State.CASE
    assert world.charge().reason == "exhausted"
    assert world.journal.charge(1).state is State.CASE
    assert len(world.reversals_sent) == 2


def test_a_reversal_waits_for_a_usable_link_and_loses_no_try(world: World) -> None:
    world.says(1, sale(world.name))
    world.switch.link_down(BANK, LINK, world.now)
    world.wait(60)
    assert (world.reversals_sent, world.charge().attempts) == ([], 0)
    world.switch.link_up(BANK, OTHER_LINK, world.now)
    world.wait(1)
    assert len(world.reversals_sent) == 1


VERDICTS = [
    ("00", False, "at once", State.REVERSED),
    ("25", False, "at once", State.REVERSAL_DUE),
    ("12", False, "at once", State.REVERSAL_DUE),
    ("25", False, "later", State.NOTHING_TO_REVERSE),
    ("12", False, "later", State.NOTHING_TO_REVERSE),
    ("25", True, "at once", State.CASE),
    ("12", True, "later", State.CASE),
    ("22", False, "at once", State.CASE),
    ("94", False, "at once", State.CASE),
    *((c, False, "at once", State.CASE) for c in ("40", "64", "14", "30", "58", "05", "ZZ")),
    *(
        (c, held, when, State.REVERSAL_DUE)
        for c in ("90", "91", "92", "96", "68", "98", "A0", "99", "09")
        for held, when in ((False, "at once"), (True, "later"))
    ),
]


@pytest.mark.parametrize(("code", "held", "when", "state"), VERDICTS)
@pytest.mark.parametrize("name", [ISO, POS])
def test_what_ends_a_reversal(name: str, code: str, held: bool, when: str, state: State) -> None:
    pause = MARGIN_S if when == "later" else 0.0
    world = World(name, reversal=reversal_rules(schedule_s=(pause, 1.0)))
    if held:
        world.says(1, reversal(world.approved()))
    else:
        world.says(1, sale(name))
        world.says(1, reversal(sale(name)))
    world.wait(pause + 0.25)
    (sent,) = world.reversals_sent
    world.answers(answer(sent, code))
    assert world.state() is state


@pytest.mark.parametrize("code", ["22", "94"])
def test_already_reversed_counts_in_answer_to_a_repeat(world: World, code: str) -> None:
    world.reversal_due()
    world.wait(REVERSAL_ANSWER_S + 3)
    assert len(world.reversals_sent) == 2
    world.answers(answer(world.reversals_sent[1], code))
    assert world.state() is State.REVERSED


def test_25_ends_it_a_moment_after_the_link_that_carried_the_original_closed(world: World) -> None:
    world.says(1, sale(world.name))
    world.wait(3)
    world.switch.link_down(BANK, LINK, world.now)
    world.switch.link_up(BANK, OTHER_LINK, world.now)
    world.wait(1)
    world.answers(answer(world.reversals_sent[0], "25"), OTHER_LINK)
    assert world.state() is State.REVERSAL_DUE
    world.wait(30)
    world.answers(answer(world.reversals_sent[-1], "25"), OTHER_LINK)
    assert world.state() is State.NOTHING_TO_REVERSE


def test_a_25_may_be_the_late_answer_to_a_try_before_the_approval(world: World) -> None:
    world.says(1, sale(world.name))
    world.says(1, reversal(sale(world.name)))
    world.wait(0.5)
    world.answers(answer(world.charges_sent[0]))
    world.wait(REVERSAL_ANSWER_S + 3)
    assert len(world.reversals_sent) == 2
    world.answers(answer(world.reversals_sent[0], "25"))
    assert world.state() is State.REVERSAL_DUE
    world.wait(MARGIN_S + SCHEDULE_S[-1])
    world.answers(answer(world.reversals_sent[-1], "25"))
    assert world.state() is State.CASE


def test_a_busy_answer_is_not_taken_for_that_to_the_try_before_the_approval(world: World) -> None:
    world.says(1, sale(world.name))
    world.says(1, reversal(sale(world.name)))
    world.wait(0.5)
    world.answers(answer(world.charges_sent[0]))
    world.wait(REVERSAL_ANSWER_S + 3)
    assert len(world.reversals_sent) == 2
    world.answers(answer(world.reversals_sent[1], "96"))
    world.answers(answer(world.reversals_sent[0], "25"))
    assert world.state() is State.REVERSAL_DUE


def test_a_25_may_come_twice_and_is_no_answer_to_the_try_after_the_approval(world: World) -> None:
    world.says(1, sale(world.name))
    world.says(1, reversal(sale(world.name)))
    early = answer(world.reversals_sent[0], "25")
    world.answers(early)
    world.answers(answer(world.charges_sent[0]))
    world.answers(early)
    assert world.state() is State.REVERSAL_DUE, "no try waits for an answer"
    world.wait(SCHEDULE_S[1] + 0.25)
    assert len(world.reversals_sent) == 2
    world.answers(early)
    assert world.state() is State.REVERSAL_DUE, "the copy came while the next try was under way"
    world.answers(answer(world.reversals_sent[1]))
    assert world.state() is State.REVERSED


def test_a_25_that_ended_it_may_come_again_after_a_late_approval(world: World) -> None:
    world.reversal_due()
    world.answers(answer(world.reversals_sent[0], "25"))
    while world.state() is State.REVERSAL_DUE:
        world.wait(MARGIN_S)
        world.answers(answer(world.reversals_sent[-1], "25"))
    assert world.state() is State.NOTHING_TO_REVERSE
    world.answers(answer(world.charges_sent[0]))
    world.wait(SCHEDULE_S[-1] + 0.25)
    world.answers(answer(world.reversals_sent[0], "25"))
    assert world.state() is State.REVERSAL_DUE


def test_what_was_tried_on_a_lost_link_is_not_answered_any_more(world: World) -> None:
    world.says(1, sale(world.name))
    world.says(1, reversal(sale(world.name)))
    world.answers(answer(world.charges_sent[0]))
    world.switch.link_down(BANK, LINK, world.now)
    world.switch.link_up(BANK, OTHER_LINK, world.now)
    world.wait(REVERSAL_ANSWER_S + 3)
    world.answers(answer(world.reversals_sent[-1], "25"), OTHER_LINK)
    assert world.state() is State.CASE


def test_a_decline_that_comes_before_the_reversal_left_ends_it() -> None:
    world = World(ISO, reversal=reversal_rules(schedule_s=(2.0,)))
    request = sale(ISO)
    world.says(1, request)
    world.says(1, reversal(request))
    world.answers(answer(world.charges_sent[0], "51"))
    world.wait(30)
    assert world.state() is State.DECLINED
    assert world.reversals_sent == []


def test_a_decline_that_comes_after_it_left_waits_for_the_hosts_word(world: World) -> None:
    world.reversal_due()
    world.answers(answer(world.charges_sent[0], "51"))
    assert world.state() is State.REVERSAL_DUE
    world.answers(answer(world.reversals_sent[0]))
    assert world.state() is State.REVERSED


@pytest.mark.parametrize(("de", "value"), [(3, "010000"), (4, "000000009999"), (41, "T0000009")])
def test_an_answer_to_a_reversal_that_echoes_another_value_ends_nothing(
    world: World, de: int, value: str
) -> None:
    world.reversal_due()
    sent = world.reversals_sent[0]
    world.answers(answer(sent, **{f"de{de}": value}))
    world.answers(answer(sent), mac_good=False)
    assert world.state() is State.REVERSAL_DUE
    world.answers(answer(sent))
    assert world.state() is State.REVERSED


def test_a_link_that_dies_with_a_reversal_on_it_means_no_answer(world: World) -> None:
    world = World(world.name, links=2, reversal=reversal_rules(answer_timeout_s=1_000.0))
    world.says(1, reversal(world.approved()))
    (got,) = [each for each in world.got if each.message.mti[1] == "4"]
    world.switch.link_down(BANK, got.link, world.now)
    world.wait(5)
    assert len(world.reversals_sent) == 2


def test_a_link_that_dies_without_the_reversal_on_it_changes_nothing(world: World) -> None:
    world = World(world.name, links=2, reversal=reversal_rules(answer_timeout_s=1_000.0))
    world.says(1, reversal(world.approved()))
    (got,) = [each for each in world.got if each.message.mti[1] == "4"]
    (other,) = set(world.links) - {got.link}
    world.switch.link_down(BANK, other, world.now)
    world.wait(5)
    assert len(world.reversals_sent) == 1


def test_an_acknowledged_reversal_never_goes_out_again(world: World) -> None:
    world.reversal_due()
    world.answers(answer(world.reversals_sent[0]))
    world.restart()
    world.wait(100)
    assert world.reversals_sent == []
    assert world.state() is State.REVERSED


# Cases


def a_case(world: World) -> None:
    world.reversal_due()
    world.answers(answer(world.reversals_sent[0], "40"))
    assert world.state() is State.CASE
    assert world.charge().reason == "refused_by_host"


CLOSINGS = [
    (Event.CLOSED_SERVED, State.SERVED),
    (Event.CLOSED_REFUNDED, State.REFUNDED),
    (Event.CLOSED_REVERSED, State.REVERSED),
]


@pytest.mark.parametrize(("how", "state"), CLOSINGS)
def test_a_person_closes_a_case(world: World, how: Event, state: State) -> None:
    a_case(world)
    assert world.switch.close_case(1, how, world.now) is state
    world.settle()
    assert world.journal.charge(1).state is state
    assert world.charge().reason == "by_a_person"
    assert world.switch.close_case(1, how, world.now) is None


def test_a_case_may_be_tried_again_as_a_repeat_of_the_same_reversal(world: World) -> None:
    a_case(world)
    (first,) = world.reversals_sent
    assert world.switch.close_case(1, Event.CASE_RETRIED, world.now) is State.REVERSAL_DUE
    world.settle()
    again = world.reversals_sent[-1]
    assert len(world.reversals_sent) == 2
    assert (again[11], again.get(7)) == (first[11], first.get(7))
    world.answers(answer(again))
    assert world.state() is State.REVERSED


def test_only_open_cases_are_closed(world: World) -> None:
    world.approved()
    for charge_id in (1, 77):
        assert world.switch.close_case(charge_id, Event.CLOSED_SERVED, world.now) is None
    assert world.state() is State.APPROVED


def test_a_case_survives_a_restart_and_memorys_limit(world: World) -> None:
    world = World(world.name, ended_max=1)
    a_case(world)
    for stan in (2, 3, 4):
        world.says(1, sale(world.name, stan))
        world.answers(answer(world.charges_sent[-1], "51"))
    assert world.state() is State.CASE
    world.restart()
    assert world.state() is State.CASE
    assert world.switch.close_case(1, Event.CLOSED_REFUNDED, world.now) is State.REFUNDED
