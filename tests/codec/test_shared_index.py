"""Frames that lie alike share an index, and what is made of them is made by recipe: that must
change nothing but time.  What messages say is compared with their values, and with what is said by
a dialect that has read nothing before.
"""

from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest

from codec import DIALECTS, Dialect, FieldSet, FrameError, MacKey, Message, build, dialect, kept
from codec._wire import read, scan
from codec.dialects import dialect_text
from codec.likeness import joined_after
from codec.loader import parse_dialect
from codec.mac import sign, verify
from tests.codec.samples import sample_value
from tests.fuzz.inputs import damaged

NAMES = sorted(DIALECTS)
NUMBERS = FieldSet(range(2, 193))
FEW = FieldSet((3, 4, 11, 41, 90))
JOINED: tuple[tuple[int, ...], ...] = (
    (), (0,), (0, 11, 7), (42, 41, 12, 11), (2, 3, 4, 48, 60, 61, 62, 63), (0, 0), (300, 41),
    (38, 39),
)  # fmt: skip
KEY = MacKey("aes-cmac", bytes(range(16)))
ODD = ("|", "\\", "a|b\\c", "", " ", "0")


def fresh(name: str) -> Dialect:
    """The dialect anew: it has read nothing yet."""
    if name == "iso87-ascii":
        old = dialect(name)
        return Dialect(name, old.fields, subfields=old.subfields, elements=old.elements)
    return parse_dialect(dialect_text(name), base=dialect_text)


def some_values(form: Dialect, random: Random) -> dict[int, str]:
    """Fields of a message of one of few shapes, some of few lengths."""
    shape = Random(random.randrange(4))  # noqa: S311
    numbers = shape.sample(sorted(set(form.fields) - {64, 128}), shape.randrange(1, 14))
    return {de: value_for(form, de, random) for de in numbers}


def value_for(form: Dialect, de: int, random: Random) -> str:
    """A value that fits, some of them with what is escaped."""
    field = form.fields[de]
    if field.length_form == "fixed":
        units = field.length
    else:
        units = min(field.length, random.choice((0, 2, 4, 30, 300)))
    value = sample_value(field, units)
    if field.content == "text" and random.random() < 0.2:
        value = random.choice(ODD).ljust(units)[:units]
    return value


def escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("|", "\\p")


def everything(message: Message, other: Message) -> None:
    """All that is made of a message is what its values say."""
    values, others = message.to_dict(), other.to_dict()
    for fields in JOINED:
        said = [values.get(de, "") if de else message.mti[1] for de in fields]
        for _twice in range(2):
            assert message.joined(fields) == "|".join(said)
            assert message.joined(fields, escaped=True) == "|".join(map(escaped, said))
    same = tuple(de for de in sorted(values) if others.get(de) == values[de])
    assert message.shared_with(other) == message.shared_with(other) == same
    for numbers in (NUMBERS, FEW, frozenset((2, 3, 41, 90)), frozenset((2, 3, 41))):
        picked = {de: value for de, value in values.items() if de in numbers}
        assert kept.keep(message, numbers) == message.pick(numbers) == picked
        apart = kept.keep_apart(message, numbers, other)
        rest = {de: value for de, value in picked.items() if de not in same}
        assert apart == (kept.Fields(rest), same)
        assert apart[0].packed == kept.packed(rest)
        fields_kept = kept.keep(message, numbers)
        for asked in (NUMBERS, FEW, frozenset((4, 11))):
            both = [de for de in picked if de in asked and de in others]
            agree = all(picked[de] == others[de] for de in both)
            for _twice in range(2):
                assert fields_kept.agrees(asked, other) is agree
                assert fields_kept.agrees(asked, message)
    for de in (*values, 39, 0, 193, -1):
        value = values.get(de)
        assert message.has(de) is (value is not None)
        assert message.text(de) == (value or "")
        assert message.first_two(de) == (value or "")[:2]
        assert value is None or message.holds(de, value)
        assert not message.holds(de, (value or "") + "x")
        assert not message.holds(de, "\u20ac" * len(value or "x"))
        if value:
            assert not message.holds(de, value[:-1] + chr(ord(value[-1]) ^ 1))
    for numbers in (tuple(values), (*values, 39), (193,)):
        there = set(numbers) <= values.keys()
        assert message.has_all(numbers) is there
        assert message.has_all(FieldSet(numbers)) is (
            set(numbers) & set(range(1, 193)) <= values.keys()
        )


def told(frame: bytes, form: Dialect) -> tuple[Any, ...]:
    """All that can be known of a frame."""
    message, fault = scan(frame, form)
    if fault is None:
        assert read(frame, form) == message
    else:
        with pytest.raises(FrameError, match=re.escape(str(fault))):
            read(frame, form)
    if message is None:
        return None, str(fault)
    spans = [message.span(de) for de in message.fields()]
    return message.to_dict(), message.mti, spans, message.fields(), str(fault)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_made_of_messages_is_what_their_values_say(name: str, seed: int) -> None:
    random, form = Random(seed), fresh(name)  # noqa: S311
    before = build(form, "0200", some_values(form, random))
    for _each in range(40):
        frame = build(form, random.choice(("0200", "0210")), some_values(form, random)).raw
        for _known in range(20):  # so often that even what is kept is made by recipe
            message = read(frame, form)
            assert message == Message(frame, form)
        everything(message, before)
        everything(message, message.copy())
        before = message


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_changes_of_one_message_are_not_seen_in_others_that_lie_alike(name: str, seed: int) -> None:
    random, form = Random(seed), fresh(name)  # noqa: S311
    for _each in range(12):
        first = build(form, "0200", some_values(form, random))
        frame = first.raw
        alike = [read(frame, form), read(frame, form), first.copy()]
        message, model = alike[0].copy(), alike[0].to_dict()
        for _change in range(8):
            change(message, model, form, random)
            assert message.to_dict() == model
            assert told(message.raw, fresh(name)) == told(message.raw, form)
            assert told(message.raw, form)[0] == model
            everything(message, random.choice(alike))
        for each in alike:
            assert each.raw == frame
            assert told(each.raw, form) == told(frame, fresh(name))


def change(message: Message, model: dict[int, str], form: Dialect, random: Random) -> None:
    """One change of a message, and of what it should say."""
    kind = random.choice(("patch", "patch", "remove", "last", "append", "sign", "mti"))
    de = random.choice(sorted(set(form.fields) - {64, 128}))
    if kind in ("patch", "append"):
        if kind == "patch" and model:
            de = random.choice(sorted(model))
        value = value_for(form, de, random)
        message.patch(de, value)
        model[de] = value
    elif kind in ("remove", "last") and model:
        de = max(model) if kind == "last" else random.choice(sorted(model))
        message.remove(de)
        del model[de]
    elif kind == "sign" and {64, 128} <= set(form.fields):
        sign(message, KEY)
        assert verify(message, KEY)
        de = 128 if 128 in message.fields() else 64
        model[de] = message[de]
    else:
        message.set_mti(random.choice(("0200", "0210", "0400")))


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_told_alike_whether_frames_that_lie_alike_are_known_or_not(name: str) -> None:
    random, form = Random(1), fresh(name)  # noqa: S311
    for _each in range(6):
        frame = build(form, "0200", some_values(form, random)).raw
        assert told(frame, form) == told(frame, form) == told(frame, fresh(name))
        nothing_read = fresh(name)
        for _damage in range(60):
            bad = damaged(frame, random)
            assert told(bad, form) == told(bad, nothing_read)
            told(frame, form)


def test_more_kinds_of_frames_than_are_remembered() -> None:
    form = fresh("iso87-ascii")
    frames = [
        build(form, "0200", {11: f"{at:06d}", 48: "x" * (at % 300), 63: "|" * (at // 300)}).raw
        for at in range(1200)
    ]
    for _again in range(2):
        for at, frame in enumerate(frames):
            message = read(frame, form)
            assert message.text(11) == f"{at:06d}"
            assert len(message.text(48)) == at % 300
            assert message.joined((11, 63), escaped=True) == f"{at:06d}|" + "\\p" * (at // 300)


def test_a_frame_of_very_many_fields() -> None:
    form = fresh("iso87-ascii")
    values = {de: sample_value(field, field.length if field.length_form == "fixed" else 3)
              for de, field in form.fields.items() if de not in (64, 128)}  # fmt: skip
    for _each in range(3):
        message = read(build(form, "0200", values).raw, form)
        assert message.to_dict() == values
        everything(message, message.copy())


def test_a_message_is_made_of_a_frame_and_a_dialect() -> None:
    for given in ((), (b"",), (None, None), (b"0200", None)):
        with pytest.raises(TypeError):
            Message(*given)
    with pytest.raises(TypeError):
        Message.__new__(Message)
    with pytest.raises(TypeError):
        read(b"0200", None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        read("0200", dialect("iso87-ascii"))  # type: ignore[arg-type]


def test_a_set_of_fields_is_read_like_any_other() -> None:
    assert list(FEW) == [3, 4, 11, 41, 90]
    assert len(FEW) == len(list(FEW))
    assert 11 in FEW
    assert 12 not in FEW
    assert tuple(FieldSet((70, 2, 192))) == (2, 70, 192)


@pytest.mark.parametrize("name", NAMES)
def test_a_number_is_read_where_there_are_so_many_digits_and_then_only(name: str) -> None:
    random, form = Random(5), fresh(name)  # noqa: S311
    text = [de for de, each in form.fields.items() if each.content != "binary" and each.length > 24]
    for _each in range(400):
        de, before, digits = random.choice(text), random.randrange(4), random.randrange(19)
        field = form.fields[de]
        marks = "" if field.content in ("digits", "track") else "/:\x00 \x7f\xb2|"
        value = "".join(random.choices("0123456789", k=before + digits))
        if marks and random.random() < 0.3 and value:
            at = random.randrange(len(value))
            mark = random.choice(marks if field.charset != "ascii" else marks.replace("\xb2", ""))
            value = value[:at] + mark + value[at + 1 :]
        if field.length_form == "fixed":
            continue
        if field.counts == "bytes" and len(value) % 2:
            continue
        message = build(form, "0200", {de: value})
        rest = value[before:]
        good = rest.isascii() and rest.isdigit()
        if digits:
            assert message.number(de, digits, before) == (int(rest) if good else -1)
        assert message.number(de, digits + 1, before) == -1
        assert message.number(de, -1, before + digits + 1) == -1


@pytest.mark.parametrize("name", NAMES)
def test_fields_are_joined_after_any_beginning(name: str) -> None:
    random, form = Random(6), fresh(name)  # noqa: S311
    for _each in range(60):
        frame = build(form, "0200", some_values(form, random)).raw
        for _known in range(20):  # so often that even what is kept is made by recipe
            message = read(frame, form)
            for fields in JOINED:
                for size in (0, 1, 30, 200, 250, 256, 300):
                    for char in ("|", "\u20ac"):
                        beginning = char * size
                        said = beginning + message.joined(fields, escaped=True)
                        assert joined_after(beginning, message, fields) == said
