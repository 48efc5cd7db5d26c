"""Messages as JSON: masked going out, checked coming in."""

from __future__ import annotations

import json

import pytest

from codec import BuildError, Message, build
from codec.document import from_json, to_json
from tests.codec.samples import ISO87, POS, POS_SALE, SALE


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
    with pytest.raises(BuildError, match="found a masked one"):
        from_json(to_json(message))


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
