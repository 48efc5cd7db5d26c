"""What the book of charges holds: whichever way a charge is looked for, and until when."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from routing.book import ChargeBook
from routing.charge import Charge, State
from routing.conventions import Original
from routing.transaction import Transaction
from tests.routing.world import World, answer, sale

if TYPE_CHECKING:
    from collections.abc import Iterable


def charge(number: int, stan: int, *, till: str = "M|T", rest: str = "") -> Charge:
    merchant, terminal = till.split("|")
    words = {
        **dict.fromkeys(("dialect", "listener", "mti", "batch", "de7", "processing_code"), ""),
        **dict.fromkeys(("currency", "pan", "proof", "host", "host_stan", "host_de7"), ""),
    }
    return Charge(
        id=number,
        epoch=1,
        opened_at=0.0,
        identity=f"{till}|{stan:06d}|2|{rest}",
        merchant=merchant,
        terminal=terminal,
        stan=f"{stan:06d}",
        amount=1,
        window_s=0.0,
        sent={},
        kind=Transaction.SALE,
        **words,
    )


def same_as(book: ChargeBook, wanted: Charge) -> Charge | None:
    return book.same_as(wanted.identity, wanted.till, wanted.stan)


def move(book: ChargeBook, charge: Charge, *states: State) -> None:
    for state in states:
        before, charge.state = charge.state, state
        book.moved(charge, before)


def ids(charges: Iterable[Charge]) -> list[int]:
    return sorted(each.id for each in charges)


@pytest.fixture
def book() -> ChargeBook:
    return ChargeBook(ended_max=3)


def test_two_charges_with_one_stan_are_told_apart_and_the_newest_is_the_one_named(
    book: ChargeBook,
) -> None:
    old, other, new = charge(1, 7, rest="a"), charge(2, 8), charge(3, 7, rest="b")
    for each in (old, other, new):
        book.add(each)
    assert [same_as(book, each) for each in (old, other, new)] == [old, other, new]
    assert book.find(Original("M|T|000007|2|", "", "")) is new
    assert book.find(Original("M|T|000007|1|", "", "")) is None
    assert book.find(Original("M|U|000007|2|", "", "")) is None
    book.remove(new)
    assert book.find(Original("M|T|000007|2|", "", "")) is old
    book.add(new)
    book.remove(old)
    assert same_as(book, old) is None
    assert same_as(book, new) is new


@pytest.mark.parametrize("lowest", [1, 2, 3])
def test_whichever_of_one_stan_is_forgotten_the_others_are_found(
    book: ChargeBook, lowest: int
) -> None:
    held = [charge(number, 7, rest=f"{number}") for number in (1, 2, 3)]
    for each in held:
        book.add(each)
    gone = held.pop(lowest - 1)
    book.remove(gone)
    assert same_as(book, gone) is None
    assert [same_as(book, each) for each in held] == held


def test_names_with_bars_in_them_are_found(book: ChargeBook) -> None:
    odd = charge(1, 7)
    odd.merchant, odd.terminal, odd.till = "M|\\1", "T", "M|\\1|T"
    odd.identity = "M\\p\\\\1|T|000007|2|"
    book.add(odd)
    assert book.find(Original("M\\p\\\\1|T|000007|2|", "", "")) is odd


def test_ended_charges_go_in_the_order_in_which_they_last_ended(book: ChargeBook) -> None:
    held = [charge(number, number) for number in range(1, 7)]
    for each in held[:3]:
        book.add(each)
        move(book, each, State.APPROVED, State.PRESUMED_SERVED)
    # The first one is undone, in vain, and so ends once more: after the others.
    move(book, held[0], State.VOIDING)
    assert ids(book.open()) == [1]
    move(book, held[0], State.PRESUMED_SERVED)
    for number, left in ((4, [1, 3, 4]), (5, [1, 4, 5]), (6, [4, 5, 6])):
        book.add(held[number - 1])
        move(book, held[number - 1], State.DECLINED)
        assert ids(book.newest()) == left
    assert len(book) == book.count(State.DECLINED) == 3
    assert book.count(State.PRESUMED_SERVED) == 0
    assert same_as(book, held[0]) is None


def test_a_charge_that_ends_again_and_again_takes_no_more_room(book: ChargeBook) -> None:
    once, often = charge(1, 1), charge(2, 2)
    for each in (once, often):
        book.add(each)
        move(book, each, State.APPROVED, State.PRESUMED_SERVED)
    for _ in range(15_000):
        move(book, often, State.VOIDING, State.PRESUMED_SERVED)
    assert ids(book.newest()) == [1, 2]
    for number in (3, 4):
        book.add(charge(number, number))
        move(book, book.get(number) or once, State.DECLINED)
    assert ids(book.newest()) == [2, 3, 4]


def test_one_that_was_forgotten_while_it_was_held_comes_back(book: ChargeBook) -> None:
    held = charge(1, 1)
    book.add(held)
    move(book, held, State.APPROVED, State.PRESUMED_SERVED)
    for number in (2, 3, 4):
        book.add(charge(number, number))
        move(book, book.get(number) or held, State.DECLINED)
    assert book.get(1) is None
    twin = charge(1, 1)
    twin.state = State.PRESUMED_SERVED
    book.add(twin)
    move(book, held, State.SERVED)
    assert book.get(1) is held
    assert same_as(book, held) is held
    assert book.count(State.PRESUMED_SERVED) == 0
    assert book.count(State.SERVED) == 1


def test_what_charges_of_a_terminal_say_alike_is_held_once(book: ChargeBook) -> None:
    first, second = charge(1, 1), charge(2, 2)
    second.merchant, second.terminal = "".join(["M"]), "".join(["T"])
    for each in (first, second):
        book.add(each)
    assert first.merchant is second.merchant
    assert first.till is second.till
    book.remove(first)
    assert ids(book.newest()) == [2]


def test_only_unproven_charges_of_a_terminal_wait_for_its_proof(book: ChargeBook) -> None:
    held = [charge(number, number) for number in (1, 2, 3)]
    for each in held:
        book.add(each)
        move(book, each, State.APPROVED)
    move(book, held[1], State.DELIVERY_UNKNOWN, State.PRESUMED_SERVED)
    assert ids(book.unproven("M|T")) == [1, 3]
    move(book, held[0], State.REVERSAL_DUE)
    move(book, held[2], State.PRESUMED_SERVED)
    assert book.unproven("M|T") == ()
    assert book.unproven("M|U") == ()


class Remark(str):
    """One that tells when the charge is gone that holds it."""

    __slots__ = ("__weakref__",)


def test_a_gateway_that_is_gone_holds_no_charge() -> None:
    world = World()
    for stan, code in ((1, "00"), (2, "51"), (3, "")):
        world.says(1, sale(world.name, stan))
        if code:
            world.answers(answer(world.charges_sent[-1], code))
    remarks = [Remark("seen"), Remark("seen"), Remark("seen")]
    held = [weakref.ref(each) for each in remarks]
    for stan in (1, 2, 3):
        world.charge(stan).remark = remarks.pop()
    gc.collect()
    assert all(each() is not None for each in held)
    del world
    gc.collect()
    assert [each() for each in held] == [None, None, None]


def test_many_charges_with_one_stan_come_and_go() -> None:
    many = ChargeBook(ended_max=2_000)
    for number in range(50_000):
        many.add(each := charge(number, 7, rest=f"{number}"))
        move(many, each, State.DECLINED)
    assert len(many) == 2_000
    assert same_as(many, charge(0, 7, rest="49000")) is many.get(49_000)
    assert many.find(Original("M|T|000007|2|", "", "")) is many.get(49_999)
