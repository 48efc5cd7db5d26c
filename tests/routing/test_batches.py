"""Batch settlement: totals, uploads, and what is set right when the two sides differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codec import Message, build, dialect
from routing import batches
from routing.charge import State
from routing.docket import Entry
from routing.effects import Noted
from tests.routing.world import (
    BATCH,
    HEADER,
    MERCHANT,
    PAN,
    POS,
    TERMINAL,
    World,
    answer,
    confirmation,
    refund,
    reversal,
    sale,
    service,
    void,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

FOREIGN = "0" * 31


def message(mti: str, code: str, digits: str, stan: int = 90, **changes: Any) -> Message:
    fields: dict[int, str] = {11: f"{stan:06d}", 41: TERMINAL, 42: MERCHANT, 48: digits}
    fields[60] = "00" + changes.pop("batch", BATCH) + code
    fields |= {int(key.removeprefix("de")): value for key, value in changes.items()}
    return build(dialect(POS), mti, {de: v for de, v in fields.items() if v is not None}, HEADER)


def totals(debits: int, count: int, credits_: int = 0, credit_count: int = 0) -> Message:
    digits = f"{debits:012d}{count:03d}{credits_:012d}{credit_count:03d}0"
    return message("0500", "201", digits + FOREIGN)


def uploaded(sales: Sequence[tuple[int, int]]) -> Message:
    each = "".join(f"00{stan:06d}{PAN:0>20}{amount:012d}" for stan, amount in sales)
    return message("0320", "201", f"{len(sales):02d}{each}")


def end(count: int) -> Message:
    return message("0320", "202", f"{count:04d}")


def settle(world: World, sales: Sequence[tuple[int, int]]) -> list[str]:
    """The terminal's totals, its whole upload, and what it was told."""
    before = len(world.codes(1))
    world.says(1, totals(sum(amount for _, amount in sales), len(sales)))
    for at in range(0, len(sales), 8):
        world.says(1, uploaded(sales[at : at + 8]))
    world.says(1, end(len(sales)))
    return world.codes(1)[before:]


@pytest.fixture
def world() -> World:
    """Three sales that were served."""
    world = World(POS)
    for stan in (1, 2, 3):
        world.approved(stan)
        world.acknowledge(stan)
    return world


ALL = [(1, 1000), (2, 1000), (3, 1000)]


def test_a_batch_that_balances_is_served_by_the_terminals_own_word(world: World) -> None:
    world.says(1, totals(3000, 3))
    told = world.told[-1].message
    assert (told.mti, told[39], told[48][30], told[48][61]) == ("0510", "00", "1", "1")
    assert [world.state(stan) for stan in (1, 2, 3)] == [State.SERVED] * 3
    assert world.switch.terminals.batches.balanced == 1


def test_voids_and_refunds_are_credits(world: World) -> None:
    for request in (void(sale(POS, 1)), refund(sale(POS, 2), 400)):
        world.says(1, request)
        world.answers(answer(world.charges_sent[-1]))
    world.acknowledge(50)
    world.says(1, totals(3000, 3, 1400, 2))
    assert world.told[-1].message[48][30] == "1"


def test_what_was_reversed_or_declined_is_in_no_total(world: World) -> None:
    world.says(1, reversal(sale(POS, 1)))
    world.answers(answer(world.reversals_sent[-1]))
    world.says(1, totals(2000, 2))
    assert world.told[-1].message[48][30] == "1"


def test_another_batch_and_a_preauthorisation_are_left_out(world: World) -> None:
    world.approved(4, de60="22000008000")
    world.approved(5, mti="0100", de3="030000", de60="10" + BATCH + "000")
    world.says(1, totals(3000, 3))
    assert world.told[-1].message[48][30] == "1"


def test_totals_that_differ_ask_for_the_upload(world: World) -> None:
    world.says(1, totals(2000, 2))
    assert (world.codes(1)[-1], world.told[-1].message[48][30]) == ("00", "2")
    assert world.state(1) is State.PRESUMED_SERVED


def test_a_charge_that_the_terminal_does_not_know_is_reversed(world: World) -> None:
    assert settle(world, ALL[:2]) == ["00", "00", "00"]
    states = [world.state(stan) for stan in (1, 2, 3)]
    assert states == [State.PRESUMED_SERVED, State.PRESUMED_SERVED, State.REVERSAL_DUE]
    assert world.charge(3).reason == "unknown_to_terminal"
    (sent,) = world.reversals_sent
    assert sent[11] == "000003"


def test_what_was_confirmed_and_is_not_known_any_more_is_a_case() -> None:
    world = World(POS, service=service("confirmation"))
    world.says(1, confirmation(world.approved()))
    settle(world, [])
    assert (world.state(), world.charge().reason) == (State.CASE, "unknown_to_terminal")


def test_a_sale_that_was_served_after_its_reversal_is_a_case(world: World) -> None:
    world.says(1, reversal(sale(POS, 3)))
    world.answers(answer(world.reversals_sent[-1]))
    settle(world, ALL)
    assert (world.state(3), world.charge(3).reason) == (State.CASE, "served_after_reversal")


def test_a_sale_that_was_declined_and_served_is_a_case(world: World) -> None:
    world.says(1, sale(POS, 4))
    world.answers(answer(world.charges_sent[-1], "51"))
    settle(world, [*ALL, (4, 1000)])
    assert (world.state(4), world.charge(4).reason) == (State.CASE, "served_though_declined")


def test_another_amount_is_a_case(world: World) -> None:
    settle(world, [*ALL[:2], (3, 999)])
    assert (world.state(3), world.charge(3).reason) == (State.CASE, "amount_differs")


def test_what_never_came_here_is_noted_once(world: World) -> None:
    for _ in range(2):
        settle(world, [*ALL, (77, 500)])
    notes = [r for r in world.journal.records if isinstance(r, Noted)]
    found = [each for each in notes if each.kind == Entry.DIFFERENCE]
    assert {(each.said["kind"], each.said["stan"]) for each in found} == {
        ("unknown_here", "000077")
    }
    assert len({each.key for each in found}) == 1


def test_a_sale_that_is_held_while_its_reversal_is_on_its_way_is_told(world: World) -> None:
    world.says(1, reversal(sale(POS, 3)))
    assert world.state(3) is State.REVERSAL_DUE
    settle(world, ALL)
    (found,) = [r for r in world.journal.records if isinstance(r, Noted) and r.said.get("open")]
    assert (found.said["kind"], found.said["stan"]) == ("served_while_reversed", "000003")


def test_a_batch_may_be_larger_than_what_memory_holds() -> None:
    world = World(POS, ended_max=2)
    for stan in range(1, 6):
        world.approved(stan)
        world.acknowledge(stan)
    world.says(1, totals(5000, 5))
    for stan in range(6, 9):
        world.approved(stan)
        world.acknowledge(stan)
    held = world.journal.charges()
    assert [each.state for each in held] == [State.SERVED] * 5 + [State.PRESUMED_SERVED] * 3
    book = world.switch.life.book
    assert len(book) == sum(book.count(state) for state in State) == 2


@pytest.mark.parametrize(
    ("amount", "after"), [(1000, State.SERVED), (999, State.DELIVERED), (None, State.DELIVERED)]
)
def test_what_waits_for_its_confirmation_is_confirmed_by_the_upload(
    amount: int | None, after: State
) -> None:
    world = World(POS, service=service("confirmation"))
    world.approved(1)
    world.acknowledge(1)
    held = [] if amount is None else [(1, amount)]
    assert settle(world, held)[-1] == "00" or not held
    assert world.state(1) is after


def test_totals_prove_a_delivery(world: World) -> None:
    world.approved(4)
    world.lose(1)
    world.gone.clear()
    assert world.state(4) is State.DELIVERY_UNKNOWN
    world.says(1, totals(4000, 4))
    assert world.state(4) is State.SERVED


def test_chip_sales_come_one_by_one(world: World) -> None:
    world.says(1, totals(1, 1))
    for stan, amount in ALL[:2]:
        each = message("0320", "205", "", stan, de48=None, de4=f"{amount:012d}")
        world.says(1, each)
    world.says(1, end(2))
    assert world.codes(1)[-3:] == ["00", "00", "00"]
    assert world.state(3) is State.REVERSAL_DUE


def one(code: str, stan: int, amount: int, kind: str = "00") -> Message:
    """An 0320 with one sale."""
    told = {"de4": f"{amount:012d}", "de48": None, "de60": f"{kind}{BATCH}{code}"}
    return message("0320", "", "", stan, **told)


def test_chip_sales_and_the_end_are_told_of_a_batch_that_balanced_too(world: World) -> None:
    world.says(1, totals(3000, 3))
    before = len(world.journal.records)
    for told in (one("203", 1, 1000), one("204", 7, 500), message("0320", "207", "0002", 91)):
        world.says(1, told)
    assert world.codes(1)[-3:] == ["00"] * 3
    assert [world.state(stan) for stan in (1, 2, 3)] == [State.SERVED] * 3
    assert len(world.journal.records) == before


def test_a_batch_that_is_opened_again_is_settled_no_more(world: World) -> None:
    world.says(1, totals(3000, 3))
    world.approved(4)
    world.acknowledge(4)
    world.says(1, totals(3000, 3))
    world.says(1, end(3))
    assert world.codes(1)[-1] == "79"
    assert world.state(4) is State.PRESUMED_SERVED


def test_what_failed_at_the_card_is_held_only_if_it_stands(world: World) -> None:
    world.says(1, totals(2000, 2))
    for told in (one("205", 1, 1000), one("206", 2, 1000), one("204", 8, 700)):
        world.says(1, told)
    world.says(1, end(3))
    assert world.codes(1)[-1] == "00"
    assert [world.state(stan) for stan in (1, 2)] == [State.PRESUMED_SERVED] * 2
    assert world.state(3) is State.REVERSAL_DUE
    assert world.switch.terminals.batches.differences == 1


def test_refunds_and_advices_are_told_once_more_as_they_were(world: World) -> None:
    world.says(1, refund(sale(POS, 2), 400))
    world.answers(answer(world.charges_sent[-1]))
    world.says(1, totals(2000, 2, 400, 1))
    world.says(1, uploaded([(1, 1000), (2, 1000)]))
    world.says(1, one("000", 60, 400, kind="25"))
    world.says(1, end(3))
    assert world.codes(1)[-1] == "00"
    assert world.state(3) is State.REVERSAL_DUE
    assert world.switch.terminals.batches.differences == 1


def test_long_uploads_come_in_several_messages() -> None:
    world = World(POS)
    for stan in range(1, 20):
        world.approved(stan)
        world.acknowledge(stan)
    assert set(settle(world, [(stan, 1000) for stan in range(1, 19)])) == {"00"}
    assert world.state(18) is State.PRESUMED_SERVED
    assert world.state(19) is State.REVERSAL_DUE


# Nothing is undone on half of the evidence


def test_an_end_without_an_upload_changes_nothing(world: World) -> None:
    world.says(1, end(0))
    assert world.codes(1)[-1] == "79"
    assert world.state(3) is State.PRESUMED_SERVED


def test_an_upload_that_lost_a_message_begins_again(world: World) -> None:
    world.says(1, totals(2000, 2))
    world.says(1, uploaded(ALL[:1]))
    world.says(1, end(2))
    assert world.codes(1)[-1] == "79"
    assert world.reversals_sent == []
    world.says(1, uploaded(ALL[:2]))
    world.says(1, end(2))
    assert world.codes(1)[-1] == "00"
    assert len(world.reversals_sent) == 1


def test_a_restart_in_the_middle_asks_for_all_of_it_again(world: World) -> None:
    world.says(1, totals(2000, 2))
    world.says(1, uploaded(ALL[:2]))
    world.restart()
    world.says(1, end(2))
    assert world.codes(1) == ["79"]
    assert world.reversals_sent == []


def test_a_repeated_end_does_nothing_twice(world: World) -> None:
    settle(world, ALL[:2])
    world.says(1, end(2))
    assert len(world.reversals_sent) == 1


def test_a_forged_settlement_gets_a0(world: World) -> None:
    world.says(1, totals(0, 0), mac_good=False)
    world.says(1, end(0), mac_good=False)
    assert world.codes(1)[-2:] == ["A0", "A0"]


@pytest.mark.parametrize(
    "bad",
    [
        message("0500", "201", "12"),
        message("0500", "201", "0" * 62, batch=""),
        message("0320", "201", "09"),
        message("0320", "201", "0200"),
        message("0320", "999", "0001"),
        message("0320", "203", "", de48=None),
    ],
    ids=["totals", "no batch", "too many", "too short", "code", "no amount"],
)
def test_what_cannot_be_understood_is_a_format_error(world: World, bad: Message) -> None:
    world.says(1, totals(1, 1))
    world.says(1, bad)
    assert world.codes(1)[-1] == "30"


def test_uploads_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "UPLOADS_MAX", 1)
    monkeypatch.setattr(batches, "SALES_MAX", 2)
    world.says(1, totals(1, 1))
    world.says(1, message("0500", "201", "1" * 62, batch="000009"))
    kept = world.switch.terminals.batches
    assert (len(kept), kept.uploads_forgotten) == (1, 1)
    world.says(1, totals(1, 1))
    world.says(1, uploaded(ALL))
    assert world.codes(1)[-1] == "79"
    assert len(kept) == 0
