"""Voids and refunds: what may be undone, and what becomes of the charge that they are about."""

from __future__ import annotations

import pytest

from routing.charge import Event, State
from routing.transaction import Transaction
from tests.routing.world import (
    ANSWER_TIMEOUT_S,
    BANK,
    DIALECTS,
    ISO,
    LINK,
    OTHER_PAN,
    PAN,
    POS,
    PROOF_S,
    REVERSAL_ANSWER_S,
    WINDOW_S,
    World,
    answer,
    confirmation,
    refund,
    repeated,
    reversal,
    sale,
    service,
    void,
)

UNDOING = {"void": void, "refund": refund}


@pytest.fixture(params=[ISO, POS])
def served(request: pytest.FixtureRequest) -> World:
    """A world with one sale, served at approval."""
    world = World(request.param)
    world.approved()
    world.acknowledge()
    assert world.state() is State.PRESUMED_SERVED
    return world


def voided(world: World) -> None:
    world.says(1, void(sale(world.name)))
    world.answers(answer(world.charges_sent[-1]))
    world.acknowledge(50)


def test_a_void_takes_the_sale_back_at_its_host(served: World) -> None:
    served.says(1, void(sale(served.name)))
    sent, original = served.charges_sent[-1], served.charge()
    assert served.state() is State.VOIDING
    assert sent[2] == PAN
    if served.name == ISO:
        assert sent[90] == "0200" + original.host_stan + original.host_de7 + "0" * 22
        assert sent[11] != served.charge(50).stan
    else:
        assert sent[61] == "0000070000011123"
    served.answers(answer(sent))
    assert served.codes(1) == ["00", "00"]
    served.acknowledge(50)
    assert served.state() is State.VOIDED
    assert served.state(50) is State.PRESUMED_SERVED
    assert served.charge(50).kind is Transaction.VOID


def test_the_terminal_is_told_of_the_original_by_its_own_numbers_each_time() -> None:
    world = World(ISO)
    world.approved(7)
    request = void(sale(ISO, 7))
    world.says(1, request)
    sent = world.charges_sent[-1]
    assert sent[90] != request[90]
    world.answers(answer(sent, de90=sent[90]))
    world.says(1, repeated(request))
    first, again = (told.message for told in world.told[-2:])
    assert first[90] == request[90]
    assert again.raw == first.raw


@pytest.mark.parametrize("state", ["SENT", "REVERSAL_DUE", "DECLINED", "VOIDING", "VOIDED"])
def test_what_does_not_stand_is_not_voided(state: str) -> None:
    world = World(POS)
    request = sale(POS)
    if state == "SENT":
        world.says(1, request)
    elif state == "DECLINED":
        world.says(1, request)
        world.answers(answer(world.charges_sent[-1], "51"))
    elif state == "REVERSAL_DUE":
        world.says(1, reversal(world.approved()))
    else:
        world.approved()
        world.acknowledge()
        if state == "VOIDED":
            voided(world)
        else:
            world.says(1, void(request, 49))
    assert world.state().value == state
    sent = len(world.charges_sent)
    world.says(1, void(request, 51))
    expected = {"SENT": "09", "DECLINED": "12"}.get(state, "22")
    assert world.codes(1)[-1] == expected
    assert len(world.charges_sent) == sent


def test_a_void_of_what_never_was_is_not_sent(served: World) -> None:
    sent = len(served.charges_sent)
    served.says(1, void(sale(served.name, 9)))
    assert served.codes(1)[-1] == "25"
    assert len(served.charges_sent) == sent


def test_a_void_names_its_original_or_is_refused(served: World) -> None:
    served.says(1, void(sale(served.name), de61=None, de90=None))
    assert served.codes(1)[-1] == "25"


@pytest.mark.parametrize("kind", UNDOING)
def test_another_card_gets_nothing_back(served: World, kind: str) -> None:
    served.says(1, UNDOING[kind](sale(served.name), de2=OTHER_PAN, de35=None))
    assert served.codes(1)[-1] == "14"


def test_a_void_is_of_the_whole_amount(served: World) -> None:
    served.says(1, void(sale(served.name), de4="000000000999"))
    assert served.codes(1)[-1] == "64"


def test_a_declined_void_leaves_the_sale_as_it_was(served: World) -> None:
    served.says(1, void(sale(served.name)))
    served.answers(answer(served.charges_sent[-1], "57"))
    assert served.codes(1)[-1] == "57"
    assert served.state() is State.PRESUMED_SERVED


def test_a_void_without_an_answer_is_reversed_and_the_sale_stands(served: World) -> None:
    served.says(1, void(sale(served.name)))
    served.wait(ANSWER_TIMEOUT_S + 0.5)
    assert served.codes(1)[-1] == ("68" if served.name == ISO else "98")
    assert served.state() is State.VOIDING
    (sent,) = served.reversals_sent
    undoing = served.charge(50)
    if served.name == ISO:
        assert sent[90] == "0200" + undoing.host_stan + undoing.host_de7 + "0" * 22
    else:
        assert (sent[11], sent["60.1"]) == ("000050", "23")
    served.answers(answer(sent))
    assert (served.state(50), served.state()) == (State.REVERSED, State.PRESUMED_SERVED)


def test_a_void_whose_approval_never_reached_its_terminal_is_reversed(served: World) -> None:
    served.says(2, void(sale(served.name)))
    served.answers(answer(served.charges_sent[-1]))
    served.lose(2)
    served.wait(PROOF_S + 1)
    served.answers(answer(served.reversals_sent[0]))
    assert (served.state(50), served.state()) == (State.REVERSED, State.PRESUMED_SERVED)


def test_the_terminal_may_take_its_void_back(served: World) -> None:
    voided(served)
    served.says(1, reversal(void(sale(served.name))))
    assert served.codes(1)[-1] == "00"
    assert served.state() is State.VOIDED
    served.answers(answer(served.reversals_sent[0]))
    assert (served.state(50), served.state()) == (State.REVERSED, State.PRESUMED_SERVED)


def test_a_void_that_nobody_can_settle_makes_a_case_of_the_sale_too(served: World) -> None:
    served.says(1, void(sale(served.name)))
    served.wait(ANSWER_TIMEOUT_S + 0.5)
    served.answers(answer(served.reversals_sent[0], "58"))
    assert (served.state(50), served.state()) == (State.CASE, State.CASE)
    assert served.charge().reason == "void_unclear"


@pytest.mark.parametrize("said", ["confirmation", "not served", "reversal"])
def test_what_is_being_voided_or_is_voided_cannot_be_undone_again(served: World, said: str) -> None:
    request = sale(served.name)
    word = {
        "confirmation": confirmation(request),
        "not served": confirmation(request, served=False),
        "reversal": reversal(request),
    }[said]
    served.says(1, void(request))
    served.says(2, word)
    served.answers(answer(served.charges_sent[-1]))
    served.acknowledge(50)
    served.says(2, word)
    assert served.codes(2) == ["22", "00" if said == "not served" else "22"]
    assert served.reversals_sent == []


def test_an_unconfirmed_sale_may_be_voided_and_its_window_waits() -> None:
    world = World(ISO, service=service("confirmation"))
    world.approved()
    world.says(1, void(sale(ISO)))
    world.wait(ANSWER_TIMEOUT_S - 1)
    world.answers(answer(world.charges_sent[-1], "96"))
    assert world.state() is State.DELIVERED
    world.wait(WINDOW_S - 1)
    assert world.state() is State.DELIVERED
    world.wait(2)
    assert world.state() is State.REVERSAL_DUE


def test_a_confirmed_sale_stays_confirmed_when_its_void_fails() -> None:
    world = World(ISO, service=service("confirmation"))
    world.says(1, confirmation(world.approved()))
    world.says(1, void(sale(ISO)))
    world.answers(answer(world.charges_sent[-1], "96"))
    world.wait(WINDOW_S + 1)
    assert world.state() is State.SERVED


def test_a_repeated_void_gets_its_stored_answer_and_is_sent_once(served: World) -> None:
    voided(served)
    sent = len(served.charges_sent)
    served.says(2, repeated(void(sale(served.name))))
    assert served.codes(2) == ["00"]
    assert len(served.charges_sent) == sent


@pytest.mark.parametrize("times", [1, 2])
def test_a_restart_in_the_middle_of_a_void_reverses_it_once(served: World, times: int) -> None:
    served.says(1, void(sale(served.name)))
    for _ in range(times):
        served.restart()
    assert (served.state(50), served.state()) == (State.REVERSAL_DUE, State.VOIDING)
    served.answers(answer(served.reversals_sent[0]))
    assert served.state() is State.PRESUMED_SERVED


def test_a_void_that_could_not_leave_never_was(served: World) -> None:
    served.gone.add(LINK)
    served.says(1, void(sale(served.name)))
    assert (served.state(50), served.state()) == (State.NEVER_LEFT, State.PRESUMED_SERVED)


def test_a_void_waits_for_no_other_host(served: World) -> None:
    served.switch.link_down(BANK, LINK, served.now)
    served.says(1, void(sale(served.name)))
    assert served.codes(1)[-1] == "91"
    assert served.state() is State.PRESUMED_SERVED


def test_a_sale_that_memory_forgot_is_found_in_the_journal() -> None:
    world = World(POS, ended_max=1)
    for stan in (1, 2, 3):
        world.approved(stan)
        world.acknowledge(stan)
    assert world.switch.life.book.get(1) is None
    world.says(1, void(sale(POS, 1)))
    world.answers(answer(world.charges_sent[-1]))
    world.acknowledge(50)
    assert world.journal.charge(1).state is State.VOIDED


@pytest.mark.parametrize("name", DIALECTS)
def test_a_void_whose_reversal_came_while_its_sale_was_looked_up_is_not_taken(name: str) -> None:
    """Its terminal was told that there is nothing to reverse, and believes that the sale stands."""
    world = World(name, ended_max=1)
    for stan in (1, 2, 3):
        world.approved(stan)
        world.acknowledge(stan)
    sent, request = len(world.charges_sent), void(sale(name, 1))
    world.hears(1, request)
    outbox = world.switch.take()
    assert outbox.lookups
    world.says(2, reversal(request))
    world.release(outbox)
    world.settle()
    assert world.codes(1)[-1] == "22"
    assert len(world.charges_sent) == sent
    assert world.journal.charge(1).state is State.PRESUMED_SERVED


@pytest.mark.parametrize("kind", UNDOING)
def test_what_memory_forgot_of_a_failed_void_or_refund_moves_its_sale_no_more(kind: str) -> None:
    """A gateway that ended before it heard that the request is known would leave the sale moved."""
    world = World(POS, ended_max=1)
    world.approved(1)
    world.acknowledge(1)
    request = UNDOING[kind](sale(POS, 1))
    world.says(1, request)
    world.answers(answer(world.charges_sent[-1], "05"))
    for stan in (2, 3):
        world.approved(stan)
        world.acknowledge(stan)
    before = world.journal.charge(1)
    world.hears(2, repeated(request))
    world.release(world.commit())
    world.commit()
    world.restart()
    after = world.journal.charge(1)
    assert (after.state, after.given_back) == (before.state, before.given_back)


def test_refunds_give_back_no_more_than_there_is(served: World) -> None:
    request = sale(served.name)
    for stan, amount, refused in ((60, 400, False), (61, 601, True), (62, 600, False)):
        served.says(1, refund(request, amount, stan))
        if not refused:
            served.answers(answer(served.charges_sent[-1]))
        assert served.codes(1)[-1] == ("61" if refused else "00")
    assert served.state() is State.REFUNDED
    assert served.charge().given_back == 1000


def test_a_partly_refunded_sale_is_still_served_and_not_undone_otherwise(served: World) -> None:
    request = sale(served.name)
    served.says(1, refund(request, 400))
    served.answers(answer(served.charges_sent[-1]))
    assert served.state() is State.PRESUMED_SERVED
    for message in (void(request), reversal(request), confirmation(request, served=False)):
        served.says(2, message)
    assert served.codes(2) == ["22", "22", "22"]
    assert served.reversals_sent == []


def test_a_declined_refund_leaves_all_of_the_amount(served: World) -> None:
    request = sale(served.name)
    served.says(1, refund(request, 1000))
    served.answers(answer(served.charges_sent[-1], "51"))
    assert (served.state(), served.charge().given_back) == (State.PRESUMED_SERVED, 0)


def test_a_refund_is_never_reversed(served: World) -> None:
    request = sale(served.name)
    served.says(1, refund(request))
    served.says(2, reversal(refund(request)))
    assert served.codes(2) == ["40"]
    served.wait(ANSWER_TIMEOUT_S + 0.5)
    assert (served.state(60), served.charge(60).reason) == (State.CASE, "outcome_unknown")
    assert served.codes(1)[-1] == ("68" if served.name == ISO else "98")
    served.switch.close_case(served.charge(60).id, Event.CASE_RETRIED, served.now)
    served.wait(REVERSAL_ANSWER_S)
    assert served.reversals_sent == []


def test_a_refunds_late_approval_settles_it(served: World) -> None:
    request = sale(served.name)
    served.says(1, refund(request))
    served.wait(ANSWER_TIMEOUT_S + 0.5)
    served.answers(answer(served.charges_sent[-1]))
    assert (served.state(60), served.state()) == (State.PRESUMED_SERVED, State.REFUNDED)


def test_a_refund_need_not_be_heard_of(served: World) -> None:
    served.says(2, refund(sale(served.name)))
    served.lose(2)
    served.answers(answer(served.charges_sent[-1]))
    assert (served.state(60), served.state()) == (State.PRESUMED_SERVED, State.REFUNDED)


def test_a_refund_in_flight_at_a_restart_is_a_case(served: World) -> None:
    served.says(1, refund(sale(served.name)))
    served.restart()
    assert (served.state(60), served.charge(60).reason) == (State.CASE, "outcome_unknown")
    assert served.charge().given_back == 1000


def test_an_unconfirmed_sale_is_not_refunded() -> None:
    world = World(ISO, service=service("confirmation"))
    world.approved()
    world.says(1, refund(sale(ISO)))
    assert world.codes(1)[-1] == "22"


def test_an_old_sale_that_this_journal_never_had_may_be_refunded(served: World) -> None:
    served.says(1, refund(sale(served.name, 9)))
    served.answers(answer(served.charges_sent[-1]))
    assert (served.codes(1)[-1], served.state(60)) == ("00", State.PRESUMED_SERVED)


def test_what_gives_money_back_counts_towards_no_limit_and_no_end(served: World) -> None:
    before = dict(served.switch.life.entered)
    served.says(1, refund(sale(served.name), 400))
    served.answers(answer(served.charges_sent[-1]))
    assert served.switch.life.entered == before


@pytest.mark.parametrize(("terminal", "host"), [(ISO, POS), (POS, ISO)])
@pytest.mark.parametrize("kind", UNDOING)
def test_between_dialects_the_host_gets_its_own_words(terminal: str, host: str, kind: str) -> None:
    world = World(terminal, host)
    world.approved()
    world.acknowledge()
    world.says(1, UNDOING[kind](sale(terminal)))
    sent, original = world.charges_sent[-1], world.charge()
    if host == POS:
        assert (sent.mti, sent[3]) == ("0200" if kind == "void" else "0220", "200000")
        assert sent["60.1"] == {"void": "23", "refund": "25"}[kind]
        assert sent["61.2"] == original.host_stan
    else:
        assert sent[3] == {"void": "020000", "refund": "200000"}[kind]
        assert sent[90][4:20] == original.host_stan + original.host_de7
    world.answers(answer(sent))
    assert world.codes(1)[-1] == "00"


def test_preauthorisation_completion_and_their_voids_are_told_apart() -> None:
    world = World(POS)
    hold = sale(POS, mti="0100", de3="030000", de25="06", de60="10000007000")
    take = sale(POS, 2, de25="06", de60="20000007000")
    for stan, request in enumerate((hold, take), start=1):
        world.says(1, request)
        world.answers(answer(world.charges_sent[-1]))
        world.acknowledge(stan)
    kinds = [world.charge(stan).kind for stan in (1, 2)]
    assert kinds == [Transaction.PREAUTHORISATION, Transaction.COMPLETION]
    for stan, request in ((51, hold), (52, take)):
        world.says(1, void(request, stan))
        world.answers(answer(world.charges_sent[-1]))
        world.acknowledge(stan)
    assert [world.state(stan) for stan in (1, 2)] == [State.VOIDED, State.VOIDED]
    world.says(1, reversal(void(hold, 51)))
    world.answers(answer(world.reversals_sent[-1]))
    assert (world.state(1), world.state(51)) == (State.PRESUMED_SERVED, State.REVERSED)
