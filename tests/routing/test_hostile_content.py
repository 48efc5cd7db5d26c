"""Well-formed frames with nonsense in them cost their sender alone: no exception leaves routing."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec import BuildError, Message, build, dialect
from routing.charge import State
from tests.codec.samples import values_of
from tests.routing.world import (
    ANSWER_TIMEOUT_S,
    DIALECTS,
    HEADER,
    ISO,
    LINK,
    POS,
    SCHEDULE_S,
    World,
    answer,
    confirmation,
    is_open,
    reversal,
    sale,
)

PAIRS = [(terminal, host) for terminal in DIALECTS for host in DIALECTS]
MTIS = ["0100", "0200", "0201", "0220", "0400", "0401", "0420", "0800", "0820", "0302", "0210"]
INTERESTING: Final = (
    *(2, 3, 4, 7, 11, 12, 13, 22, 25, 35, 37, 38, 39, 41, 42, 44, 49, 54, 55, 60, 61, 70, 90),
)
HOST_MTIS = ["0110", "0210", "0230", "0410", "0430", "0810", "0800", "0820", "0830", "0200"]


def test_track_2_without_a_separator_is_no_card_number_that_a_reversal_chokes_on() -> None:
    world = World(ISO)
    world.says(1, sale(ISO, de2=None, de35="4" * 37))
    world.wait(ANSWER_TIMEOUT_S + 1)
    assert len(world.reversals_sent) <= 1
    world.wait(sum(SCHEDULE_S))


def test_a_value_that_the_hosts_dialect_cannot_hold_is_a_format_error() -> None:
    world = World(ISO, POS)
    world.says(1, sale(ISO, de22="02A"))
    assert world.codes(1) == ["30"]
    assert world.charges_sent == []


@pytest.mark.parametrize("code", ["00", "51"])
def test_an_answer_that_the_terminals_dialect_cannot_hold_is_an_answer_all_the_same(
    code: str,
) -> None:
    world = World(ISO, POS)
    world.says(1, sale(ISO))
    world.answers(answer(world.charges_sent[0], code, de44="\xd6\xd0\xb9\xfa"))
    world.wait(ANSWER_TIMEOUT_S + 1)
    assert len(world.codes(1)) == 1
    assert world.state() in (State.APPROVED, State.DECLINED, State.REVERSAL_DUE)


@pytest.mark.parametrize("amount", ["ABCDEFGHIJKL", "000000000000", "000000002000"])
def test_a_partial_approval_of_a_senseless_amount_is_no_answer(amount: str) -> None:
    world = World(ISO)
    world.says(1, sale(ISO))
    world.answers(answer(world.charges_sent[0], "10", de4=amount))
    assert world.state() is State.SENT
    world.wait(ANSWER_TIMEOUT_S + 1)
    assert world.codes(1) == ["68"]
    assert world.state() is State.REVERSAL_DUE


@pytest.mark.parametrize("de4", ["ABCDEFGHIJKL", "00000000 100"])
def test_a_senseless_amount_is_a_format_error(de4: str) -> None:
    world = World(ISO)
    world.says(1, sale(ISO, de4=de4))
    assert world.codes(1) == ["30"]


@pytest.mark.parametrize("de", [3, 4, 7, 11, 41, 42])
def test_a_charge_that_lacks_a_field_is_a_format_error(de: int) -> None:
    world = World(ISO)
    without: dict[str, Any] = {f"de{de}": None}
    world.says(1, sale(ISO, **without))
    assert world.told[-1].message[39] == "30"
    assert world.charges_sent == []


def messages(name: str, mtis: list[str]) -> st.SearchStrategy[Message | None]:
    """Messages of a dialect with any content; None where a value can't be put on the wire."""
    spec = dialect(name)
    usual = sale(name).to_dict() | {39: "00"}
    fields = st.fixed_dictionaries(
        {},
        optional={
            de: st.one_of(st.just(usual[de]), values_of(spec.fields[de], 20))
            if de in usual
            else values_of(spec.fields[de], 20)
            for de in INTERESTING
            if de in spec.fields
        },
    )

    def built(mti: str, chosen: dict[int, str], base: bool) -> Message | None:
        values = {de: usual[de] for de in usual if de != 39 or mti[2] in "13"} if base else {}
        try:
            return build(spec, mti, values | chosen, HEADER if name == POS else b"")
        except BuildError:
            return None

    return st.builds(built, st.sampled_from(mtis), fields, st.booleans())


def bent(sent: Message, reply: Message) -> Message:
    """An answer to `sent` with what stands in `reply` where it may."""
    message = sent.copy()
    for de in (39, 44, 54, 37, 38):
        if reply.has(de) and not sent.has(de):
            message.patch(de, reply[de])
    message.set_mti(sent.mti[:2] + "10")
    return message


@pytest.mark.parametrize(("terminal", "host"), PAIRS)
def test_no_content_of_a_message_stops_the_gateway(terminal: str, host: str) -> None:
    @given(
        st.lists(messages(terminal, MTIS), min_size=1, max_size=4),
        st.lists(messages(host, HOST_MTIS), max_size=4),
    )
    def hold(requests: list[Message | None], replies: list[Message | None]) -> None:
        world = World(terminal, host)
        for request in filter(None, requests):
            world.says(1, request)
        for reply in filter(None, replies):
            world.answers(reply)
        for sent in list(world.charges_sent):
            for reply in filter(None, replies):
                world.answers(bent(sent, reply))
        world.wait(ANSWER_TIMEOUT_S + sum(SCHEDULE_S) + 30, step_s=1.0)
        assert not [c for c in world.switch.life.book.open() if c.state is State.SENT]
        assert world.switch.life.internal_errors == 0

    hold()


def test_a_reversal_and_a_confirmation_that_name_nothing_are_format_errors() -> None:
    world = World(ISO)
    request = sale(ISO)
    world.says(1, reversal(request, de90=None))
    world.says(1, confirmation(request, de90=None))
    world.says(1, confirmation(request, de60="PERHAPS"))
    assert world.codes(1) == ["30", "30", "30"]


def test_what_the_gateway_does_not_do_is_answered_40_and_what_is_no_request_is_counted() -> None:
    world = World(ISO)
    world.says(1, sale(ISO, mti="0320"))
    world.says(1, sale(ISO, de3="280000"))
    world.says(1, sale(ISO, mti="0210"))
    assert world.codes(1) == ["40", "40"]
    assert world.switch.terminals.not_requests == 1


def test_messages_of_a_host_that_answer_nothing_are_counted_and_change_nothing(
    world: World,
) -> None:
    world.says(1, sale(world.name))
    sent = world.charges_sent[0]
    stranger = answer(sent)
    stranger.patch(11, "777777")
    world.answers(stranger)
    world.switch.from_host("bank", LINK, sent.copy(), world.now, mac_good=True)
    world.answers(answer(sent), mac_good=False)
    assert world.switch.host_side.unmatched == {
        ("bank", "nobody waits"): 1,
        ("bank", "a request"): 1,
        ("bank", "bad MAC"): 1,
    }
    assert is_open(world.state())
    assert world.told == []
