"""Dialects written by users: what the text means, and how errors point at it."""

from __future__ import annotations

import json

import pytest

from codec import DialectError, build, dialect, parse_dialect
from codec.dialects import dialect_text
from codec.spec import BER_TLV

MINIMAL = """
name = "mine"
bitmap = "binary"
[fields]
2 = ["PAN", "n..19"]
3 = ["Code", "n6"]
52 = ["PIN", "b8"]
"60-62" = ["Private", "ans...999"]
[subfields]
60 = [["type", 2], ["batch", 6]]
"""


def test_a_dialect_in_toml() -> None:
    mine = parse_dialect(MINIMAL)
    message = build(mine, "0200", {2: "47617", 3: "000000", 52: "00" * 8, 60: "22000001"})
    assert message.raw.startswith(b"0200" + bytes.fromhex("6000000000001010") + b"0547617000000")
    assert message["60.2"] == "000001"
    assert mine.fields[62].name == "Private"


def test_the_same_in_json() -> None:
    fields = {"2": ["PAN", "n..19"], "35": {"name": "T2", "format": "z..37", "style": {}}}
    mine = parse_dialect(json.dumps({"name": "mine", "fields": fields}), "json")
    assert mine.fields[35].length == 37


@pytest.mark.parametrize(
    ("format_", "style", "content", "length", "length_form", "width"),
    [
        ("n6", "", "text", 6, "fixed", 0),
        ("n6", 'numbers = "bcd"', "digits", 6, "fixed", 0),
        ("n..19", 'numbers = "bcd"\nlengths = "bcd"', "digits", 19, "bcd", 1),
        ("n...322", 'numbers = "bcd"\nlengths = "bcd"', "digits", 322, "bcd", 2),
        ("z..37", 'tracks = "bcd"\nlengths = "binary"', "track", 37, "binary", 1),
        ("ans...999", 'lengths = "binary"', "text", 999, "binary", 2),
        ("ans....9999", 'lengths = "ebcdic"\ncharset = "cp500"', "text", 9999, "ebcdic", 4),
        ("b8", "", "binary", 8, "fixed", 0),
        ("b8", 'binaries = "hex"', "text", 16, "fixed", 0),
        ("b...255", 'binaries = "hex"', "text", 510, "ascii", 3),
        ("x+n8", 'numbers = "bcd"', "text", 9, "fixed", 0),
        ("ans...255", 'lengths = "binary"\nlength_bytes = 1', "text", 255, "binary", 1),
    ],
)
def test_what_formats_mean(
    format_: str, style: str, content: str, length: int, length_form: str, width: int
) -> None:
    text = f'name = "x"\n[style]\n{style}\n[fields]\n4 = ["Field", "{format_}"]'
    field = parse_dialect(text).fields[4]
    assert (field.content, field.length) == (content, length)
    assert (field.length_form, field.length_bytes) == (length_form, width)


def test_an_extension_takes_what_it_does_not_say() -> None:
    text = """
    name = "ours"
    extends = "iso87-binary"
    sensitive = [48]
    [style]
    charset = "cp037"
    [fields]
    43 = ["Name", "ans..99"]
    35 = { name = "Track", format = "z..37", style = { pad = "left" } }
    """
    ours = parse_dialect(text, base=dialect_text)
    base = dialect("iso87-binary")
    assert ours.fields.keys() == base.fields.keys()
    assert ours.fields[43].length == 99
    assert ours.fields[41].charset == "cp037"
    assert ours.fields[35].pad == "left"
    assert ours.sensitive > base.sensitive
    assert ours.elements == base.elements == {55: BER_TLV}
    assert ours.subfields == base.subfields


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "Invalid value"),
        ("", "missing required field `name`"),
        ('name = "x"\nspeed = 1', "unknown field `speed`"),
        ('name = "x"\nmti = "utf"', r"Invalid enum value .utf. - at `mti`"),
        ('name = "x"\nheader = "6g"', "header: expected hex digits"),
        ('name = "x"\n[fields]\n2 = ["PAN", "n.19x"]', "fields.2.format: expected one of n, "),
        ('name = "x"\n[fields]\n2 = ["PAN"]', "at `fields"),
        ('name = "x"\n[fields]\ntwo = ["PAN", "n..19"]', "fields.two: expected a field number"),
        ('name = "x"\n[fields]\n1 = ["Bitmap", "b8"]', "x: field 1: the number belongs to"),
        ('name = "x"\n[fields]\n2 = ["PAN", "n.19"]', "does not fit its length_bytes"),
        ('name = "x"\n[fields]\n193 = ["A", "n3"]', "outside 2 to 192"),
        ('name = "x"\n[style]\nnumbers = "roman"', "style: Invalid enum value .roman."),
        ('name = "x"\nextends = "y"', "extends: 'y' is not there"),
        (
            'name = "x"\n[fields]\n2 = {name = "A", format = "n3", style = {pad = "up"}}',
            "fields.2.style: Invalid enum value",
        ),
    ],
)
def test_errors_point_at_the_place(text: str, words: str) -> None:
    with pytest.raises(DialectError, match=words):
        parse_dialect(text)


def test_only_dialects_that_come_with_us_are_extended_by_name() -> None:
    for name, words in (("nonsense", "no dialect"), ("iso87-ascii", "not written as TOML")):
        with pytest.raises(DialectError, match=words):
            parse_dialect(f'name = "x"\nextends = "{name}"', base=dialect_text)


def test_a_circle_of_extensions_is_refused() -> None:
    text = 'name = "x"\nextends = "y"'
    with pytest.raises(DialectError, match="not there to be extended"):
        parse_dialect(text, base=lambda name: f'name = "{name}"\nextends = "x"')
