"""What a line's requests say alike is found out once, and never believed of one that says more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from codec import build
from codec.likeness import Likeness
from routing.book import ChargeBook
from routing.conventions import CONVENTIONS
from routing.line import Line
from routing.states import State
from tests.routing.world import World, answer, sale

if TYPE_CHECKING:
    from codec import Message
    from routing.conventions import Convention

SALE: Final = {
    2: "4761739001010119",
    3: "000000",
    4: "000000001000",
    7: "1123171500",
    11: "000123",
    41: "T0000001",
    42: "MERCHANT0000001",
}
OTHERWISE: Final = {
    3: ("010000", "200000", "300000", "990000"),
    4: ("000000002000",),
    11: ("000124",),
    25: ("00", "06"),
    41: ("T0000002",),
    42: ("MERCHANT0000002",),
    49: ("840", "978"),
    60: ("22000001000", "22000002000", "20000001000", "80000001000", "SERVED"),
}
WIDTHS: Final[dict[str, dict[int, int]]] = {
    "iso93": {},
    "iso2003": {4: 16, 11: 12, 12: 14, 41: 16, 42: 35},
}
MTIS: Final = ("0200", "0201", "0100", "0220", "0400", "0500", "0800", "0210")


def said(name: str, mti: str, fields: dict[int, str]) -> Message | None:
    """The message, where the dialect can say it."""
    wire, edition = CONVENTIONS[name].dialect, name.partition("-")[0]
    if edition in WIDTHS:
        mti = {"iso93": "1", "iso2003": "2"}[edition] + mti[1:]
        fields = {12: "240101120000", **fields}
        for de, width in WIDTHS[edition].items():
            if de in fields:
                fields[de] = fields[de].rjust(width, "0") if de < 41 else fields[de].ljust(width)
    try:
        return build(wire, mti, {de: value for de, value in fields.items() if de in wire.fields})
    except ValueError:
        return None


def variants(name: str) -> list[Message]:
    """A sale, and what differs from it in one thing or two."""
    changes: list[dict[int, str]] = [{}]
    changes += [{de: value} for de, values in OTHERWISE.items() for value in values]
    changes += [{3: "010000", 60: value} for value in OTHERWISE[60]]
    messages = [said(name, mti, SALE | change) for mti in MTIS for change in changes]
    without = [{de: x for de, x in SALE.items() if de != gone} for gone in SALE]
    messages += [said(name, "0200", fields) for fields in without]
    return [message for message in messages if message is not None]


def found_out(convention: Convention, message: Message) -> tuple[object, ...]:
    """All that is found out once."""
    wish = convention.wish(message)
    return (
        (wish.kind, wish.transaction),
        convention.missing(message) is None,
        (message.text(42), message.text(41)),
        message.text(3),
        convention.currency_of(message) if convention.says_currency_alike else "",
    )


@pytest.mark.parametrize("name", sorted(CONVENTIONS))
def test_requests_that_are_alike_say_the_same(name: str) -> None:
    convention, messages = CONVENTIONS[name], variants(name)
    alike = 0
    for one in messages:
        likeness = Likeness(one, convention.alike)
        for other in messages:
            if likeness.fits(other):
                alike += one is not other
                assert found_out(convention, one) == found_out(convention, other)
    assert alike > len(MTIS)


@pytest.mark.parametrize("name", sorted(CONVENTIONS))
def test_the_beginning_of_an_identity_is_that_of_its_terminal(name: str) -> None:
    convention = CONVENTIONS[name]
    for message in variants(name):
        line = Line(1, {})
        habit = line.habit_of(message, convention)
        assert line.habit_of(message.copy(), convention) is habit
        identity = convention.identity_after(habit.beginning, message)
        assert identity == convention.identity(message)
        assert identity.startswith(f"{message.text(42)}|{message.text(41)}|{message.text(11)}|")


def test_a_line_knows_two_habits_of_one_terminal() -> None:
    convention, line = CONVENTIONS["iso87-ascii"], Line(1, {})
    charge, confirmation, other = (
        build(convention.dialect, mti, SALE | {41: terminal})
        for mti, terminal in (("0200", "T0000001"), ("0220", "T0000001"), ("0200", "T0000002"))
    )
    first, second = (line.habit_of(each, convention) for each in (charge, confirmation))
    assert first is not second
    assert first.speaker is second.speaker
    for _ in range(3):
        assert line.habit_of(charge, convention) is first
        assert line.habit_of(confirmation, convention) is second
    third = line.habit_of(other, convention)
    assert third.speaker is not first.speaker
    assert line.habit_of(charge, convention) is not second


def test_a_terminal_is_known_again_after_all_of_it_was_forgotten() -> None:
    world = World(ended_max=1)
    first, other = sale(stan=1), sale(stan=2, de41="T0000002")
    for conn, request in ((1, first), (2, other)):
        world.says(conn, request)
        world.answers(answer(world.charges_sent[-1], "05"))
    # Nothing is held of the first terminal any more; both lines still know who speaks over them.
    third = sale(stan=3)
    for conn in (1, 3):
        world.says(conn, third)
    assert len(world.charges_sent) == 3
    world.answers(answer(world.charges_sent[-1]))
    assert world.codes(3) == ["00"]
    world.says(1, sale(stan=4))
    assert world.state(3) is State.PRESUMED_SERVED


def test_two_lines_of_one_terminal_see_the_same_charges() -> None:
    world = World()
    for conn in (1, 2):  # neither knows yet that there is another
        world.says(conn, sale(stan=conn))
    for stan, conn in ((1, 2), (2, 1)):
        world.says(conn, sale(stan=stan, mti="0201"))
    assert len(world.charges_sent) == 2


def test_terminals_of_two_dialects_whose_names_join_to_the_same_text_keep_apart() -> None:
    """`AAAAAAA|BBBBBBB` with `CCCCCCCC`, and `AAAAAAA` with `BBBBBBB|CCCCCCCC`."""
    book, habits = ChargeBook(ended_max=9), []
    for name, merchant, terminal in (
        ("iso87-ascii", "AAAAAAA|BBBBBBB", "CCCCCCCC"),
        ("iso2003-binary", "AAAAAAA", "BBBBBBB|CCCCCCCC"),
    ):
        request = said(name, "0200", SALE)
        assert request is not None
        request.patch(42, merchant)
        request.patch(41, terminal)
        habits.append(Line(1, {}).habit_of(request, CONVENTIONS[name]))
    first, second = (habit.speaker for habit in habits)
    assert first.till == second.till
    world = World()
    world.says(1, sale())
    (held,) = world.switch.life.book.open()
    world.switch.life.book.remove(held)
    held.merchant, held.terminal, held.till = first.merchant, first.terminal, first.till
    book.add(held)
    book.look_for(habits[1])
    assert habits[1].speaker is second
    book.look_for(habits[0])
    assert habits[0].speaker is not first
