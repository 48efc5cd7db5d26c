"""What a commit holds is what the tables will hold: JSON as msgspec writes it, but for times; and
what no gateway wrote is told, whatever it is.
"""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.kept import Fields
from gateway.journal._merged import Merged, lives_and_others
from gateway.journal._payload import Payload
from gateway.journal.redo import DamagedError
from gateway.journal.rows import (
    INSERTED,
    UNMOVED,
    Written,
    put_moved,
    put_opened,
)
from gateway.journal.unapplied import Unapplied
from gateway.journal.vault import Vault
from routing.charge import Charge, Event, State
from routing.reason import Reason
from routing.records import moved, moved_values, opened, opened_values
from tests.gateway.journals import charge

VALUES: tuple[Any, ...] = (
    "",
    "MERCHANT0000001",
    'he said "no"',
    "back\\slash",
    "12345678\n",
    "1234567\x1f89",
    "abc\x01",
    'ab"',
    "\x7f\x00",
    "é",
    "日本",
    0,
    7,
    10,
    99,
    100,
    -5,
    2**63 - 1,
    -(2**63),
    10**30,
    0.0,
    60.0,
    0.25,
    -1.5,
    1e300,
    None,
    True,
    False,
    {},
    {3: "000000", 48: '"'},
    {"named": 1},
    {3: {4: "5"}},
    (),
    (2, 3, 4, 10**30),
    [1, "a"],
    State.SENT,
    Reason.NO_ANSWER,
    "x" * 5_000,
)


def array_of(values: tuple[Any, ...], *, comma: bool = False) -> str:
    to = Payload(0, 0)
    to.begin()
    for each in values:
        to.value(each)
    to.end(comma)
    return to.frame().decode()


def test_every_kind_of_value_is_as_msgspec_writes_it() -> None:
    assert array_of(VALUES).encode() == msgspec.json.encode(VALUES)
    for each in VALUES:
        assert array_of((each,)).encode() == msgspec.json.encode((each,))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {3: "000000", 41: "T1", 128: "12345678"},
        {48: 'é "'},
        {48: "é", 55: "a\\"},
        {120: "x" * 2_000},
        dict.fromkeys(range(2, 60), "y" * 300),
    ],
)
def test_what_is_kept_of_a_message_is_an_object(fields: dict[int, str]) -> None:
    assert array_of((Fields(fields), 1)) == array_of((fields, 1))
    assert array_of((fields, 1)).encode() == msgspec.json.encode((fields, 1))


def test_an_array_ends_with_a_comma_if_wanted() -> None:
    assert array_of(("b", 3), comma=True) == '["b",3],'
    assert array_of((), comma=False) == "[]"


@pytest.mark.parametrize("seed", range(4))
def test_a_time_comes_back_as_it_was(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - a test's dice
    times = [
        rng.choice((rng.uniform(2**30, 2**31), rng.uniform(0, 2**33), 2**31 - rng.random()))
        for _ in range(5_000)
    ]
    edges = [2.0**30, 2.0**31, 2.0**31 - 2.0**-22, 1_999_999_999.999_999_9]
    assert json.loads(array_of((*times, *edges))) == [*times, *edges]


@pytest.mark.parametrize("seed", range(4))
def test_any_text_comes_back_as_it_was(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - the same
    for _ in range(5_000):
        text = "".join(chr(rng.choice((65, rng.randrange(128)))) for _ in range(rng.randrange(20)))
        assert array_of((text,)).encode() == msgspec.json.encode((text,))


def test_what_json_has_no_word_for_is_an_error() -> None:
    with pytest.raises(TypeError):
        array_of(("a", object()))


# Rows

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
WHOLE = st.integers(-(2**63), 2**63 - 1)
SMALL = st.integers(-(2**31), 2**31 - 1)
TIMES = st.floats(0, 2**33) | st.floats(allow_nan=False, allow_infinity=False)
FIELDS = st.dictionaries(st.integers(2, 128), TEXTS)
OPENING = st.fixed_dictionaries(
    dict.fromkeys(
        (
            "identity", "host", "terminal", "batch", "dialect", "listener", "mti", "merchant",
            "stan", "de7", "processing_code", "currency", "proof", "host_stan", "host_de7",
            "operator", "sent_header", "sent_on", "account", "channel",
        ),
        TEXTS,
    )
    | {"number": WHOLE, "epoch": WHOLE, "opened_at": TIMES, "amount": WHOLE, "window_s": TIMES}
    | {"original_id": WHOLE, "sent": FIELDS | FIELDS.map(Fields)}
)  # fmt: skip
STEPS = st.lists(
    st.fixed_dictionaries(
        dict.fromkeys(
            (
                "reason", "code", "rrn", "approval_code", "remark", "reversal_stan",
                "reversal_de7", "stood", "settled_on",
            ),
            TEXTS,
        )
        | dict.fromkeys(("approved_amount", "given_back", "keeps"), WHOLE)
        | dict.fromkeys(("proof_restarts", "attempts", "repeats_answered"), SMALL)
        | {"updated_at": TIMES, "reversal_since": TIMES, "approval_held": st.booleans()}
        | {"answer": st.none() | FIELDS | FIELDS.map(Fields), "state": st.sampled_from(State)}
        | {"echoed": st.lists(st.integers(2, 128)).map(tuple)}
    ),
    max_size=3,
)  # fmt: skip


def said(values: tuple[Any, ...]) -> Any:
    """Values as JSON brings them back."""
    plain = [dict(each.items()) if isinstance(each, Fields) else each for each in values]
    return json.loads(msgspec.json.encode(plain))


def payload_of(each: Charge, vault: Vault, steps: list[dict[str, Any]]) -> tuple[bytes, list[Any]]:
    """An opening and steps; and what the steps' rows must say."""
    to, expected, written = Payload(0, 0), [], Written()
    put_opened(to, opened(each), vault)
    for changes in steps:
        before = each.state
        for name, value in changes.items():
            setattr(each, name, value)
        written.put(to, [moved(each, Event.REPEAT, before)])
        why = f"{each.reason}: {each.remark}" if each.reason and each.remark else ""
        expected.append(
            said((each.epoch, each.updated_at, Event.REPEAT, before, each.state,
                  why or each.reason or each.remark, each.code))
        )  # fmt: skip
    return bytes(to.frame()), expected


@given(OPENING, STEPS)
def test_rows_hold_whatever_a_charge_is_made_of(
    opening: dict[str, Any], steps: list[dict[str, Any]]
) -> None:
    each = charge(**opening, pan="")
    payload, expected = payload_of(each, Vault(bytes(32)), steps)
    whole = Merged()
    whole.add(memoryview(payload))
    (row,) = whole.inserts()
    named = dict(zip(INSERTED, row, strict=True))
    assert row == whole.row(each.id)
    assert (named["id"], named["epoch"]) == (each.id, each.epoch)
    assert (named["state"], named["open"]) == (each.state, named["open"])
    assert named["updated_at"] == each.updated_at
    for name in ("identity", "host", "terminal", "batch"):
        assert named[name] == getattr(each, name)
    assert json.loads(named["opened"]) == said(opened_values(each)[6:])
    assert json.loads(named["moved"]) == said(moved_values(each)[2:] if steps else moved_start())
    assert json.loads(f"[{named['steps'].removesuffix(',')}]") == expected


def moved_start() -> tuple[Any, ...]:
    values: tuple[Any, ...] = tuple(json.loads(UNMOVED))
    return values


def test_of_a_charge_that_is_in_the_tables_only_what_is_new_is_said() -> None:
    each, written, merged = charge(7), Written(), Merged()
    for event, before, changes in (
        (Event.APPROVAL, State.SENT, {"state": State.APPROVED, "rrn": "R"}),
        (Event.REPEAT, State.APPROVED, {"updated_at": 1_790_000_001.5}),
    ):
        for name, value in changes.items():
            setattr(each, name, value)
        to = Payload(0, 1)
        written.put(to, [moved(each, event, before)])
        merged.add(memoryview(to.frame()))
    only, _, whole, _ = merged.updates()
    assert len(only) == 0
    ((epoch, state, at, steps, number, in_moved),) = whole
    assert (epoch, state, at, number) == (1, State.APPROVED, 1_790_000_001.5, 7)
    assert len(json.loads(f"[{steps[:-1]}]")) == 2
    assert json.loads(in_moved) == said(moved_values(each)[2:])
    assert not merged.holds(7)
    assert merged.touches(7)
    assert not merged.touches(8)


def test_thousands_of_charges_are_told_apart() -> None:
    """Their numbers lie as badly as they can for whoever looks them up by the upper bits."""
    numbers = [*range(1, 3_000), *(number << 40 for number in range(1, 3_000))]
    to, merged = Payload(0, 1), Merged()
    for number in numbers:
        put_moved(to, moved(charge(number), Event.APPROVAL, State.SENT), None)
    merged.add(memoryview(to.frame()))
    assert len(merged) == len(numbers)
    assert all(map(merged.touches, numbers))
    rows = [row for each in merged.updates() for row in each]
    assert sorted(row[4] for row in rows) == sorted(numbers)


@pytest.mark.parametrize("change", [{"identity": "\ud800"}, {"channel": "\ud800"}])
def test_what_is_no_text_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(UnicodeEncodeError):
        put_opened(Payload(0, 1), opened(charge(**change, pan="")), Vault(bytes(32)))


@pytest.mark.parametrize("change", [{"number": 2**63}, {"epoch": -(2**63) - 1}])
def test_numbers_that_tables_cannot_hold_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(OverflowError):
        put_opened(Payload(0, 1), opened(charge(**change, pan="")), Vault(bytes(32)))
    with pytest.raises(OverflowError):
        put_moved(Payload(0, 1), moved(charge(**change), Event.REPEAT, State.SENT), None)


@pytest.mark.parametrize("at", [float("nan"), float("inf")])
def test_a_step_at_no_time_is_refused(at: float) -> None:
    """SQLite would make NULL of it, once the frame is durable."""
    step = moved(charge(updated_at=at), Event.REPEAT, State.SENT)
    with pytest.raises(ValueError, match="time is no number"):
        put_moved(Payload(0, 1), step, None)


def test_a_charge_without_a_sealed_number_is_refused() -> None:
    with pytest.raises(TypeError):
        Payload(0, 1).open_row(1, 1, "identity", "host", "terminal", "", None)  # type: ignore[arg-type]


# What no gateway wrote

HEAD = struct.Struct("<iiqqqd6I")


def commit() -> bytes:
    each = charge(3, pan="", identity="é" * 9)
    step = {"state": State.APPROVED, "answer": {39: "00"}, "updated_at": 1.5}
    payload, _ = payload_of(each, Vault(bytes(32)), [step, step | {"rrn": "7"}])
    to = Payload(0, 1)
    to.add_others(b"beside")
    return payload + bytes(to.frame())


def read(payload: bytes) -> None:
    """Whatever there is to read of it."""
    merged = Merged()
    try:
        lives_and_others(memoryview(payload))
        merged.add(memoryview(payload))
        for rows in (merged.inserts(), *merged.updates()):
            assert all(len(row) >= 5 for row in rows)
    except (DamagedError, UnicodeDecodeError):
        return


def test_a_commit_says_of_which_lives_it_is_and_what_is_beside() -> None:
    assert lives_and_others(memoryview(commit())) == ({1}, b"beside")
    assert lives_and_others(memoryview(b"")) == (set(), b"")


@pytest.mark.parametrize("cut", [1, HEAD.size - 1, HEAD.size, 200, -1])
def test_what_ends_too_early_is_told(cut: int) -> None:
    for look in (lives_and_others, Merged().add):
        with pytest.raises(DamagedError):
            look(memoryview(commit()[:cut]))


@pytest.mark.parametrize("at", range(12))
@pytest.mark.parametrize("value", [-1, 0, 5, 2**31 - 1])
def test_a_head_that_says_more_than_there_is_is_told(at: int, value: int) -> None:
    whole = commit()
    head = list(HEAD.unpack_from(whole))
    if at not in (1, 3, 4, 5) and head[at] != value:
        head[at] = value & 0xFFFFFFFF if at > 5 else value
        with pytest.raises(DamagedError):
            lives_and_others(memoryview(HEAD.pack(*head) + whole[HEAD.size :]))
    read(HEAD.pack(*head) + whole[HEAD.size :])


def test_commits_of_which_one_is_damaged_are_never_taken_for_all_of_them() -> None:
    """However often they are asked."""
    work = Unapplied()
    for number, payload in enumerate((commit(), b"damaged", commit()), 1):
        work.add(number, memoryview(payload), ((), (), ()))
    for _ in range(3):
        with pytest.raises(DamagedError):
            work.holds(3)


@pytest.mark.parametrize("seed", range(10))
def test_garbage_is_told_and_never_believed(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - a test's dice
    whole = commit()
    for _ in range(2_000):
        garbage = bytearray(whole)
        for _ in range(rng.randrange(1, 6)):
            at = rng.choice((rng.randrange(HEAD.size), rng.randrange(len(garbage))))
            garbage[at] = rng.choice((0, 1, 127, 255, rng.randrange(256)))
        read(bytes(garbage[: rng.choice((len(garbage), rng.randrange(len(garbage))))]))
        read(rng.randbytes(rng.randrange(300)))
