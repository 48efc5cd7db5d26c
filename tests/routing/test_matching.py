"""Keys in flight, and what counts as an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec import build
from routing.charge import State
from routing.conventions import CONVENTIONS
from routing.key_table import KeyTable, numbered, parts_of
from routing.matching import STANS, NoFreeKeyError, PendingKeys
from tests.routing.world import ANSWER_TIMEOUT_S, BANK, ISO, POS, TERMINAL, World, answer, sale

QUARANTINE_S = 30.0


def keys(pending_max: int = 10, first_stan: int = 0) -> PendingKeys:
    return PendingKeys(first_stan=first_stan, pending_max=pending_max, quarantine_s=QUARANTINE_S)


def test_stans_go_round_and_are_never_zero() -> None:
    table = keys(first_stan=STANS - 1)
    assert [table.next_stan() for _ in range(3)] == ["999999", "000001", "000002"]


def test_a_key_is_not_given_twice_while_its_owner_waits_or_is_in_quarantine() -> None:
    table = keys()
    table.claim("k", "first")
    with pytest.raises(NoFreeKeyError):
        table.claim("k", "second")
    table.quarantine("k", 100.0)
    table.expire(100.0 + QUARANTINE_S - 0.001)
    with pytest.raises(NoFreeKeyError):
        table.claim("k", "second")
    assert table.owner("k") == "first"
    table.expire(100.0 + QUARANTINE_S)
    table.claim("k", "second")
    assert table.owner("k") == "second"


def test_an_owner_may_claim_its_key_again_and_leaves_quarantine_by_that() -> None:
    table = keys()
    table.claim("k", "owner")
    table.quarantine("k", 100.0)
    table.claim("k", "owner")
    table.expire(100.0 + QUARANTINE_S)
    assert table.owner("k") == "owner"


def test_the_table_is_bounded_and_its_owners_keep_their_keys() -> None:
    table = keys(pending_max=2)
    table.claim("a", "a")
    table.claim("b", "b")
    with pytest.raises(NoFreeKeyError):
        table.claim("c", "c")
    table.claim("a", "a")
    table.release("a")
    table.claim("c", "c")
    assert len(table) == 2


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["claim", "quarantine", "release", "wait"]),
            st.sampled_from("abc"),
            st.sampled_from("XY"),
        ),
        max_size=40,
    )
)
def test_whatever_happens_a_key_in_use_has_one_owner(moves: list[tuple[str, str, str]]) -> None:
    table, now = keys(pending_max=2), 100.0
    held: dict[str, str] = {}
    until: dict[str, float] = {}
    for move, key, owner in moves:
        match move:
            case "claim":
                free = table.is_free_for(key, owner)
                assert free == (held.get(key, owner) == owner and (key in held or len(held) < 2))
                if free:
                    table.claim(key, owner)
                    held[key] = owner
                    until.pop(key, None)
            case "quarantine":
                table.quarantine(key, now)
                if key in held:
                    until.setdefault(key, now + QUARANTINE_S)
            case "release":
                table.release(key)
                held.pop(key, None)
                until.pop(key, None)
            case "wait":
                now += QUARANTINE_S / 2
                table.expire(now)
                for each in [k for k, at in until.items() if at <= now]:
                    del held[each], until[each]
        assert {k: table.owner(k) for k in "abc" if table.owner(k)} == held


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({11: "000123", 7: "0102030405"}, numbered(2, 123, 102030405)),
        ({11: "00012A", 7: "0102030405"}, "2|00012A|0102030405"),
        ({11: "000123"}, "2|000123|"),
        ({7: "0102030405"}, "2||0102030405"),
    ],
)
def test_the_key_read_off_an_answer_is_the_key_of_its_fields(
    fields: dict[int, str], key: int | str
) -> None:
    convention = CONVENTIONS[ISO]
    read_off = convention.pending_key(build(convention.dialect, "0210", fields))
    assert read_off == key
    assert convention.key_of("2", fields.get(11, ""), fields.get(7, ""), "T", "M") == key


def test_keys_of_digits_are_as_different_as_their_parts() -> None:
    parts = [
        (cls, stan, at) for cls in (0, 1, 9) for stan in (0, 1, STANS) for at in (0, 9999999999)
    ]
    found = {numbered(*each): each for each in parts}
    assert len(found) == len(parts)
    for key, (cls, stan, at) in found.items():
        assert parts_of(key) == [str(cls), f"{stan:06d}", f"{at:010d}"]


def test_a_key_that_differs_in_one_part_is_told_from_one_that_nobody_has() -> None:
    table = keys()
    table.claim(numbered(2, 123, 102030405), "owner")
    table.claim("2|00012A|0102030405", "other")
    assert table.nearly(numbered(2, 123, 102030406)) == 2
    assert table.nearly(numbered(1, 123, 102030405)) == 0
    assert table.nearly("2|000123|") == 2
    assert table.nearly("2|00012A|") == 2
    assert table.nearly(numbered(2, 124, 102030405)) is None
    assert table.nearly(numbered(1, 123, 102030406)) is None


_MOVE = st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 200))


@given(st.integers(0, 200), st.lists(_MOVE, max_size=100))
def test_a_table_of_keys_knows_what_a_dict_would_know(
    most: int, moves: list[tuple[bool, int, int]]
) -> None:
    table, known = KeyTable(), {}
    moves = [(True, 0, stan) for stan in range(most)] + moves
    for gives, sent_at, stan in moves:
        key = numbered(2, stan, sent_at)
        if gives and key not in known:
            known[key] = object()
            table.give(key, known[key])
        elif not gives:
            known.pop(key, None)
            table.free(key)
        assert table.count == len(known)
    for each in (numbered(2, stan, sent_at) for stan in range(201) for sent_at in range(4)):
        assert table.owner(each) is known.get(each)
        stan = int(parts_of(each)[1])
        assert table.with_stan(stan) == [
            x for x in reversed(known) if parts_of(x)[1:2] == [f"{stan:06d}"]
        ]


def test_91_and_nothing_sent_when_no_key_is_free(world: World) -> None:
    world = World(world.name, host_settings={"pending_max": 3})
    for stan in (1, 2, 3):
        world.says(1, sale(world.name, stan))
    assert world.codes(1) == ["91"]
    assert len(world.charges_sent) == 2
    assert len(world.journal.opened) == 2
    world.answers(answer(world.charges_sent[0]))
    world.says(1, sale(world.name, 4))
    assert len(world.charges_sent) == 3


def test_new_requests_stop_before_the_last_keys_and_what_gives_money_back_takes_those() -> None:
    table = keys(pending_max=10)
    for number in range(9):
        table.claim_new(f"{number}", number)
    with pytest.raises(NoFreeKeyError):
        table.claim_new("new", "new")
    table.claim("reversal", "reversal")
    assert len(table) == 10
    table.release("0")
    with pytest.raises(NoFreeKeyError):
        table.claim_new("new", "new")
    table.release("1")
    table.claim_new("new", "new")


def test_new_sales_never_take_the_key_that_a_reversal_waits_for() -> None:
    most, between_s = 10, 0.1
    world = World(ISO, host_settings={"pending_max": most, "answer_timeout_s": 2.0})
    world.says(1, sale(ISO, 1))
    answered = 1
    for stan in range(2, 100):
        world.says(stan, sale(ISO, stan, de41=f"T{stan:07d}"))
        if stan > most:
            world.answers(answer(world.charges_sent[answered]))
            answered += 1
            # The key that came free is taken at once.
            world.says(stan, sale(ISO, 100 + stan, de41=f"T{stan:07d}"))
        world.wait(between_s)
    assert world.state(1) is State.REVERSAL_DUE
    assert world.at_host("04")
    assert "91" in world.codes(99)


def test_a_pos_terminals_number_is_not_used_again_while_a_late_answer_may_come() -> None:
    world = World(POS)
    world.says(1, sale(POS))
    world.wait(ANSWER_TIMEOUT_S + 1)
    world.says(1, sale(POS, de60="22000008000"))
    assert world.codes(1) == ["98", "91"]


def test_two_terminals_with_the_same_numbers_get_their_own_answers(world: World) -> None:
    world.says(1, sale(world.name))
    world.says(2, sale(world.name, de41="T0000002", de4="000000002222"))
    first, second = world.charges_sent
    world.answers(answer(second))
    world.answers(answer(first, "51"))
    assert world.codes(1) == ["51"]
    assert world.codes(2) == ["00"]
    by_conn = {told.conn: told.message for told in world.told}
    assert (by_conn[1][41], by_conn[2][41]) == (TERMINAL, "T0000002")


def test_hosts_of_iso87_never_see_two_charges_under_one_stan_and_de7() -> None:
    world = World(ISO)
    for number in range(20):
        world.says(1, sale(ISO, 1, de41=f"T{number:07d}"))
    seen = [(m[11], m[7]) for m in world.charges_sent]
    assert len(set(seen)) == 20


ECHOED = [(3, "010000"), (4, "000000009999"), (41, "T0000009"), (42, "MERCHANT0000009")]


@pytest.mark.parametrize(("de", "value"), [*ECHOED, (49, "978")])
def test_an_answer_that_echoes_another_value_is_no_answer(
    world: World, de: int, value: str
) -> None:
    world.says(1, sale(world.name))
    sent = world.charges_sent[0]
    world.answers(answer(sent, **{f"de{de}": value}))
    assert world.state() is State.SENT
    assert world.told == []
    world.answers(answer(sent))
    assert world.codes(1) == ["00"]


def test_an_answer_that_leaves_echoed_fields_out_is_one(world: World) -> None:
    world.says(1, sale(world.name))
    world.answers(answer(world.charges_sent[0], de3=None, de49=None))
    assert world.codes(1) == ["00"]


def test_an_answer_without_a_response_code_is_no_answer(world: World) -> None:
    world.says(1, sale(world.name))
    world.answers(answer(world.charges_sent[0], de39=None))
    assert world.state() is State.SENT


def test_an_answer_with_a_bad_mac_is_no_answer_and_ends_in_a_reversal(world: World) -> None:
    world.says(1, sale(world.name))
    world.answers(answer(world.charges_sent[0]), mac_good=False)
    assert world.told == []
    world.wait(ANSWER_TIMEOUT_S + 1)
    assert world.state() is State.REVERSAL_DUE
    assert not world.charge().approval_held


def test_what_comes_before_a_request_left_answers_an_earlier_one() -> None:
    """The POS dialect has nothing but the terminal's number to tell two requests apart."""
    world = World(POS)
    world.approved()
    twice = answer(world.charges_sent[-1])
    world.hears(1, sale(POS, de60="22000008000"))
    world.answers(twice)
    assert world.state() is State.SENT
    world.answers(answer(world.charges_sent[-1], "51"))
    assert world.codes(1) == ["00", "51"]
    assert world.switch.host_side.unmatched == {(BANK, "nobody waits"): 1}


def test_a_late_approval_is_held_and_never_delivered(world: World) -> None:
    world.reversal_due()
    before = list(world.told)
    world.answers(answer(world.charges_sent[0]))
    assert world.told == before
    charge = world.charge()
    assert charge.approval_held
    assert world.journal.charge(charge.id).approval_held
    assert world.switch.host_side.late_approvals == 1
    assert charge.state is State.REVERSAL_DUE


def test_a_late_approval_after_nothing_was_found_makes_the_same_reversal_due_again(
    world: World,
) -> None:
    world.reversal_due()
    for _ in range(6):
        if world.state() is State.NOTHING_TO_REVERSE:
            break
        world.answers(answer(world.reversals_sent[-1], "25"))
        world.wait(4)
    assert world.state() is State.NOTHING_TO_REVERSE
    sent = len(world.reversals_sent)
    world.answers(answer(world.charges_sent[0]))
    world.wait(6)
    assert len(world.reversals_sent) == sent + 1
    assert world.reversals_sent[-1][11] == world.reversals_sent[0][11]
    world.answers(answer(world.reversals_sent[-1]))
    assert world.state() is State.REVERSED


def test_a_partial_approval_counts_what_was_approved(world: World) -> None:
    world.says(1, sale(world.name))
    world.answers(answer(world.charges_sent[0], "10", de4="000000000400"))
    assert world.told[0].message[4] == "000000000400"
    assert world.charge().money == 400
    assert world.charge().amount == 1000


@pytest.mark.parametrize("code", ["00", "11", "A2", "A4", "A5", "A6"])
def test_codes_of_success_approve(world: World, code: str) -> None:
    world.says(1, sale(world.name))
    world.answers(answer(world.charges_sent[0], code))
    assert world.state() is State.APPROVED
