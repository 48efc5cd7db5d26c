"""Messages as JSON: masked going out, checked coming in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec import DIALECTS, BuildError, Message, build, dialect, parse_dialect
from codec.document import from_json, to_json
from tests.codec.samples import ISO87, POS, POS_SALE, SALE, values_of


@pytest.mark.parametrize(
    "message",
    [build(ISO87, "0200", SALE), build(POS, "0200", POS_SALE)],
    ids=lambda m: repr(m)[:20],
)
def test_what_goes_out_is_masked(message: Message) -> None:
    document = json.loads(to_json(message))
    assert document["dialect"] == message.dialect.name
    assert document["header"] == message.header.hex()
    assert document["fields"]["2"] == "476173******0119"
    assert document["fields"]["35"].endswith("hidden>")
    assert document["fields"]["11"] == "000123"
    assert {2, 35} <= set(document["masked"])
    assert 11 not in document["masked"]


def test_what_was_masked_does_not_come_back() -> None:
    text = to_json(build(ISO87, "0200", SALE))
    words = (
        r"field 2 \(Primary.*\): expected a value, found a masked one: the real one cannot be had"
    )
    with pytest.raises(BuildError, match=words):
        from_json(text)
    document = json.loads(text)
    del document["masked"]
    with pytest.raises(BuildError, match=words):
        from_json(json.dumps(document))
    document["fields"] |= {"2": SALE[2], "35": SALE[35]}
    assert from_json(json.dumps(document)) == build(ISO87, "0200", SALE)


@pytest.mark.parametrize("name", DIALECTS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_message_comes_back_as_it_was_or_not_at_all(name: str, data: st.DataObject) -> None:
    rules = dialect(name)
    chosen = data.draw(st.sets(st.sampled_from(sorted(rules.fields)), max_size=5))
    message = build(rules, "0200", {de: data.draw(values_of(rules.fields[de])) for de in chosen})
    text = to_json(message)
    masked = json.loads(text)["masked"]
    looks_masked = [de for de in chosen if "*" in message[de] or "hidden" in message[de]]
    if masked:
        with pytest.raises(BuildError, match="found a masked one"):
            from_json(text)
    elif not looks_masked:
        assert from_json(text) == message


def test_a_dialect_of_ones_own() -> None:
    own = parse_dialect('name = "own"\n[fields]\n3 = ["Code", "n6"]')
    message = build(own, "0200", {3: "123456"})
    assert from_json(to_json(message), own) == message
    with pytest.raises(BuildError, match="no dialect 'own'"):
        from_json(to_json(message))
    with pytest.raises(BuildError, match="expected the dialect 'own', found 'iso87-ascii'"):
        from_json(to_json(build(ISO87, "0800", {})), own)


def test_what_comes_in_is_built() -> None:
    document = {"dialect": "unionpay-pos", "mti": "0200", "fields": POS_SALE}
    assert from_json(json.dumps(document)) == build(POS, "0200", POS_SALE)
    document["header"] = bytes(range(11)).hex()
    assert from_json(json.dumps(document).encode()).header == bytes(range(11))


def test_a_message_without_card_data_goes_out_and_in() -> None:
    message = build(ISO87, "0800", {7: "1123171500", 11: "000001", 70: "301"})
    assert from_json(to_json(message)) == message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "document: "),
        ('{"mti": "0200"}', "missing required field `dialect`"),
        ('{"dialect": "x", "mti": "0200"}', "document: no dialect 'x'; known are"),
        ('{"dialect": "iso87-ascii", "mti": "0200", "pan": 1}', "unknown field `pan`"),
        ('{"dialect": "iso87-ascii", "mti": "0200", "header": "xy"}', "header: expected hex"),
        ('{"dialect": "iso87-ascii", "mti": "02", "fields": {}}', "MTI: expected 4 decimal"),
        ('{"dialect": "iso87-ascii", "mti": "0200", "fields": {"3": "1"}}', "field 3"),
        ('{"dialect": "iso87-ascii", "mti": "0200", "fields": {"3": 1}}', "Expected `str`"),
    ],
)
def test_errors_say_what_does_not_fit(text: str, words: str) -> None:
    with pytest.raises(BuildError, match=words):
        from_json(text)
