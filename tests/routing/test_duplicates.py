"""The same charge twice: one charge at the host, one answer for the terminal."""

from __future__ import annotations

from typing import Any

import pytest

from codec import Message
from routing.charge import Event, State
from routing.effects import Outbox
from tests.routing.world import (
    ANSWER_TIMEOUT_S,
    DIALECTS,
    ISO,
    OTHER_PAN,
    POS,
    World,
    answer,
    confirmation,
    repeated,
    reversal,
    sale,
    service,
)

CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"de2": OTHER_PAN, "de35": None}, "another card"),
    ({"de3": "010000"}, "another transaction"),
    ({"de4": "000000001001"}, "another amount"),
]


@pytest.mark.parametrize(("changes", "what"), CHANGES, ids=[what for _, what in CHANGES])
def test_same_key_with_other_content_is_answered_94(changes: dict[str, Any], what: str) -> None:
    world = World(ISO)
    world.approved()
    world.says(2, sale(ISO, **changes))
    assert world.codes(2) == ["94"]
    assert len(world.charges_sent) == 1
    assert world.state() is State.APPROVED


def test_94_in_the_pos_dialect(world: World) -> None:
    world.approved()
    world.says(2, sale(world.name, de4="000000009999"))
    assert world.codes(2) == ["94"]
    assert len(world.charges_sent) == 1


def test_94_does_not_disturb_the_first_ones_wait(world: World) -> None:
    world.says(1, sale(world.name))
    world.says(2, sale(world.name, de4="000000009999"))
    assert world.codes(2) == ["94"]
    world.answers(answer(world.charges_sent[0]))
    assert world.codes(1) == ["00"]


def test_a_bad_mac_is_answered_before_anything_else_is_looked_at(world: World) -> None:
    request = world.approved()
    for message in (repeated(request), sale(world.name, 2), sale(world.name, de4="000000000009")):
        world.says(7, message, mac_good=False)
    world.says(7, reversal(request), mac_good=False)
    assert world.codes(7) == ["A0"] * 4
    assert world.charge().repeats_answered == 0
    assert world.state() is State.APPROVED
    assert len(world.charges_sent) == 1


def test_a_forged_repeat_does_not_steal_the_answer_that_is_waited_for(world: World) -> None:
    request = sale(world.name)
    world.says(1, request)
    world.says(2, repeated(request), mac_good=False)
    world.answers(answer(world.charges_sent[0]))
    assert world.codes(1) == ["00"]
    assert world.codes(2) == ["A0"]


def test_a_repeat_of_an_unanswered_charge_waits_and_gets_the_one_answer(world: World) -> None:
    request = sale(world.name)
    world.says(1, request)
    world.says(2, repeated(request))
    assert world.told == []
    world.answers(answer(world.charges_sent[0]))
    assert (world.codes(1), world.codes(2)) == ([], ["00"])
    assert len(world.charges_sent) == 1


@pytest.mark.parametrize("code", ["00", "10", "51", "A2"])
def test_a_stored_answer_is_byte_for_byte_the_first_one(world: World, code: str) -> None:
    request = sale(world.name)
    world.says(1, request)
    changes = {"de4": "000000000600"} if code == "10" else {}
    world.answers(answer(world.charges_sent[0], code, **changes))
    world.says(2, repeated(request))
    first, again = (told.message.raw for told in world.told)
    assert first == again


@pytest.mark.parametrize("code", ["00", "51"])
def test_a_stored_answer_is_the_first_one_after_a_restart_too(world: World, code: str) -> None:
    request = sale(world.name)
    world.says(1, request)
    world.answers(answer(world.charges_sent[0], code))
    first = world.told[0].message.raw
    world.restart()
    world.says(1, repeated(request))
    assert [told.message.raw for told in world.told] == [first]
    assert world.got == []


@pytest.mark.parametrize("name", DIALECTS)
def test_a_stored_answer_is_the_first_one_between_two_dialects(name: str) -> None:
    world = World(name, POS if name == ISO else ISO)
    request = world.approved()
    world.wait(3)
    world.says(2, repeated(request))
    first, again = (told.message.raw for told in world.told)
    assert first == again


def test_answers_carry_the_hosts_rrn_and_approval_code_unchanged(world: World) -> None:
    world.approved(de37="IGNORED00000")
    (told,) = world.told
    sent_back = answer(world.charges_sent[0])
    assert (told.message[37], told.message[38]) == (sent_back[37], sent_back[38])
    assert told.message[11] == "000001"


def test_a_repeat_of_a_charge_that_was_given_up_is_told_that_it_does_not_stand(
    world: World,
) -> None:
    request = world.reversal_due()
    (first,) = world.codes(1)
    assert first == ("68" if world.name == ISO else "98")
    world.says(2, repeated(request))
    assert world.codes(2) == [first]
    assert len(world.charges_sent) == 1


def test_a_repeat_after_the_approval_was_reversed_is_not_told_00() -> None:
    world = World(ISO, service=service("confirmation"))
    request = world.approved()
    world.says(1, reversal(request))
    world.says(2, repeated(request))
    assert world.codes(2) == ["68"]


def test_a_repeat_of_a_charge_that_memory_forgot_gets_its_stored_answer() -> None:
    world = World(ISO, ended_max=1)
    requests = []
    for stan in (1, 2, 3):
        requests.append(sale(ISO, stan))
        world.says(1, requests[-1])
        world.answers(answer(world.charges_sent[-1], "51"))
    first = world.told[0].message.raw
    world.says(1, repeated(requests[0]))
    assert world.told[-1].message.raw == first
    assert len(world.charges_sent) == 3


def test_a_repeat_of_what_memory_forgot_is_not_refused_while_the_gateway_drains() -> None:
    """91 would tell the terminal that nothing was charged."""
    world = World(ISO, ended_max=1)
    requests = [sale(ISO, stan) for stan in (1, 2, 3)]
    for request in requests:
        world.says(1, request)
        world.answers(answer(world.charges_sent[-1], "51"))
    world.switch.drain()
    world.says(2, repeated(requests[0]))
    world.says(2, sale(ISO, 4))
    assert world.codes(2) == ["51", "91"]
    assert len(world.charges_sent) == 3


def test_a_repeat_decided_while_the_journal_finds_out_is_dropped_with_its_charge() -> None:
    """A step of a charge that the journal never took would look like another owner's doing."""
    world = World(ISO, ended_max=1)
    for stan in (1, 2, 3):
        world.says(1, sale(ISO, stan))
        world.answers(answer(world.charges_sent[-1], "51"))
    world.hears(1, repeated(sale(ISO, 1)))
    outbox = world.switch.take()
    world.hears(2, repeated(sale(ISO, 1)))
    for charge_id, earlier in world.journal.append(outbox.records).items():
        world.switch.known_already(charge_id, earlier, world.now)
    world.release(outbox)
    world.settle()
    assert len(world.charges_sent) == 3
    assert world.codes(2) == ["51"]


def forgotten() -> World:
    """A world whose memory no longer has its first sale, which stands."""
    world = World(ISO, ended_max=1)
    for stan in (1, 2, 3):
        world.approved(stan)
        world.acknowledge(stan)
    assert world.switch.life.book.get(1) is None
    return world


def found_out(world: World, outbox: Outbox) -> None:
    """The journal takes its time over `outbox`, and then all goes on."""
    for charge_id, earlier in world.journal.append(outbox.records).items():
        world.switch.known_already(charge_id, earlier, world.now)
    world.release(outbox)
    world.settle()


def test_a_repeat_is_told_nothing_before_the_journal_knows_it_however_long_that_takes() -> None:
    world = forgotten()
    world.hears(2, repeated(sale(ISO, 1)))
    outbox = world.switch.take()
    world.wait(ANSWER_TIMEOUT_S + 1)
    assert world.codes(2) == [], "91 would tell it that nothing was charged"
    found_out(world, outbox)
    assert world.codes(2) == ["00"]


def test_what_is_new_and_was_too_late_for_its_record_never_leaves() -> None:
    world = forgotten()
    sent = len(world.charges_sent)
    world.hears(2, sale(ISO, 4))
    outbox = world.switch.take()
    world.wait(ANSWER_TIMEOUT_S + 1)
    found_out(world, outbox)
    assert (world.codes(2), world.state(4)) == (["91"], State.NEVER_LEFT)
    assert len(world.charges_sent) == sent


def test_a_reversal_that_came_while_the_journal_found_out_is_of_the_charge_that_stands() -> None:
    world = forgotten()
    sent = len(world.charges_sent)
    world.hears(2, repeated(sale(ISO, 1)))
    outbox = world.switch.take()
    world.hears(3, reversal(sale(ISO, 1)))
    world.switch.tick(world.now)
    found_out(world, outbox)
    assert (world.codes(2), world.codes(3)) == (["68"], ["00"])
    assert len(world.charges_sent) == sent
    (undone,) = world.reversals_sent
    charge = world.journal.charge(1)
    assert (charge.state, charge.reversal_stan) == (State.REVERSAL_DUE, undone[11])
    assert undone[90][4:10] == charge.host_stan


def test_the_reversal_of_a_repeat_that_is_dropped_does_not_leave_with_it() -> None:
    """Where terminals' numbers go on to the host it would be that of the charge that stands."""
    world = World(POS, ended_max=1)
    for stan in (1, 2, 3):
        world.approved(stan)
        world.says(1, confirmation(sale(POS, stan)))
    world.hears(2, repeated(sale(POS, 1)))
    world.hears(3, reversal(sale(POS, 1)))
    world.switch.tick(world.now)
    world.settle()
    assert world.reversals_sent == []
    assert world.journal.charge(1).state is State.SERVED


def test_the_reversal_of_a_repeat_that_is_dropped_takes_no_key_from_another() -> None:
    world = World(POS, ended_max=1)
    for stan in (1, 2, 3):
        world.approved(stan)
        world.acknowledge(stan)
    world.hears(2, repeated(sale(POS, 1)))
    outbox = world.switch.take()
    world.hears(3, reversal(sale(POS, 1)))
    world.switch.tick(world.now)
    found_out(world, outbox)
    (undone,) = world.reversals_sent
    world.answers(answer(undone))
    assert world.journal.charge(1).state is State.REVERSED


def test_a_repeat_finds_the_charge_that_the_journal_names_not_a_third_one() -> None:
    world = World(ISO, ended_max=1)
    for stan in (1, 2, 3):
        world.says(1, sale(ISO, stan))
        world.answers(answer(world.charges_sent[-1], "51" if stan > 1 else "05"))
    world.says(1, repeated(sale(ISO, 1)))
    assert world.codes(1)[-1] == "05"
    world.says(1, sale(ISO, 1, de4="000000000001"))
    assert world.codes(1)[-1] == "94"


def test_a_charge_refused_before_it_left_may_come_again_and_pass(world: World) -> None:
    world.switch.link_down("bank", world.links[0], world.now)
    request = sale(world.name)
    world.says(1, request)
    assert world.codes(1) == ["91"]
    world.switch.link_up("bank", world.links[0], world.now)
    world.says(1, repeated(request))
    assert len(world.charges_sent) == 1


def test_the_class_of_the_mti_keeps_an_authorisation_and_a_sale_apart() -> None:
    world = World(ISO)
    world.says(1, sale(ISO))
    world.says(1, sale(ISO, mti="0100"))
    assert [m.mti for m in world.charges_sent] == ["0200", "0100"]


def test_another_batch_is_another_charge_in_the_pos_dialect() -> None:
    world = World(POS)
    world.approved()
    world.says(1, sale(POS, de60="22000008000"))
    assert len(world.charges_sent) == 2


def test_repeats_are_counted_by_what_was_done(world: World) -> None:
    request = sale(world.name)
    world.says(1, request)
    world.says(1, repeated(request))
    world.answers(answer(world.charges_sent[0]))
    world.says(1, repeated(request))
    world.says(1, sale(world.name, de4="000000000009"))
    assert world.switch.terminals.admission.duplicates == {"waits": 1, "answered": 1, "refused": 1}
    assert world.charge().repeats_answered == 1


def test_a_repeat_that_reaches_the_host_side_late_changes_nothing(world: World) -> None:
    request = sale(world.name)
    world.says(1, request)
    sent = world.charges_sent[0]
    world.answers(answer(sent))
    world.answers(answer(sent, "51"))
    assert world.codes(1) == ["00"]
    assert world.state() is State.APPROVED


def test_a_repeat_of_a_charge_unsent_is_answered_91_again(world: World) -> None:
    request = sale(world.name)
    world.gone.add(world.links[0])
    world.says(1, request)
    assert world.codes(1) == ["91"]
    assert world.state() is State.NEVER_LEFT
    world.says(1, repeated(request))
    first, again = (told.message.raw for told in world.told)
    assert first == again


def test_no_answer_holds_card_data_where_it_is_stored(world: World) -> None:
    request = sale(world.name)
    world.says(1, request)
    extra = {"de2": request[2], "de35": request[35], "de14": "3012"}
    world.answers(answer(world.charges_sent[0], **extra))
    held = world.journal.charge(1)
    assert held.answer is not None
    assert not {2, 14, 35, 52} & (held.answer.keys() | held.sent.keys() - {14})
    world.says(1, repeated(request))
    assert isinstance(world.told[-1].message, Message)
    assert world.told[-1].message[2] == request[2]


def test_the_one_who_asked_last_is_the_one_that_is_answered(world: World) -> None:
    request = sale(world.name)
    for conn in (1, 2, 3):
        world.says(conn, repeated(request) if conn > 1 else request)
    world.switch.terminal_lost(1, world.now)
    world.answers(answer(world.charges_sent[0]))
    assert world.codes(3) == ["00"]
    assert world.switch.life.outcomes["bank", world.name, "2", Event.APPROVAL] == 1


def test_a_timeout_is_told_to_the_one_who_waits_now(world: World) -> None:
    request = sale(world.name)
    world.says(1, request)
    world.says(2, repeated(request))
    world.wait(ANSWER_TIMEOUT_S + 1)
    assert (len(world.codes(1)), len(world.codes(2))) == (0, 1)


def test_each_of_two_repeats_of_what_memory_forgot_is_known_where_numbers_begin_a_row() -> None:
    """The row of the first one's number is given up with it; the second one's number is in it."""
    world = World(ISO, ended_max=2)
    for stan in range(1, 128):
        world.approved(stan)
        world.acknowledge(stan)
    world.says(3, reversal(sale(ISO, 127)))  # it is open again: there is room for one that ended
    sent = len(world.charges_sent)
    for stan in (1, 2):
        world.says(7, repeated(sale(ISO, stan)))
    assert world.codes(7) == ["00", "00"]
    assert len(world.charges_sent) == sent
