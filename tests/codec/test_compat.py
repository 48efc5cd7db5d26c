"""`decode` and `encode` against pyiso8583 over generated specifications and messages.

Specifications use every kind of encoding, length and pad; messages are good, damaged, or random.
The outcome must be the same in every attribute: results, partial results, texts, positions.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import iso8583
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import codec
from tests.codec.samples import SALE

Spec = dict[str, dict[str, Any]]
FIELDS = ("2", "3", "11", "35", "48", "64", "66", "128", "130", "192")
TEXTS = ("ascii", "latin-1", "cp500", "utf-8", "b")
COMPATIBLE = {"decode", "encode", "DecodeError", "EncodeError"}
PADS = st.sampled_from(["", "0", "F", "0F", "x"])


@st.composite
def field_specs(draw: st.DrawFn) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "data_enc": draw(st.sampled_from([*TEXTS, "ascii", "b", "no-such-encoding"])),
        "len_enc": draw(st.sampled_from(["ascii", "bcd", "b", "cp500", "utf-8", "no-such-one"])),
        "len_type": draw(st.sampled_from([0, 0, 1, 2, 2, 3, 5])),
        "max_len": draw(st.integers(0, 30)),
        "desc": "a field",
    }
    if draw(st.booleans()):
        spec["len_count"] = draw(st.sampled_from(["bytes", "nibbles", "nibbles", "odd words"]))
        spec["left_pad"] = draw(PADS)
        spec["right_pad"] = draw(PADS)
    return spec


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    spec = {name: draw(field_specs()) for name in FIELDS}
    header = draw(field_specs())
    spec["h"] = header if draw(st.booleans()) else header | {"max_len": 0}
    for name in ("t", "p", "1"):
        encoding = draw(st.sampled_from([*TEXTS, "b", "ascii", "no-such-encoding"]))
        spec[name] = {"data_enc": encoding}
    return spec


def value_for(spec: dict[str, Any]) -> st.SearchStrategy[str]:
    """Values of which many fit."""
    size = spec["max_len"]
    low = size if spec["len_type"] == 0 else 0
    if spec["data_enc"] == "b":
        factor = 1 if spec.get("len_count") == "nibbles" else 2
        return st.text("0123456789abcdefABCDEF", min_size=factor * low, max_size=factor * size)
    return st.text("0123456789 AZaz=", min_size=low, max_size=size)


ODD_VALUES = st.one_of(st.text(max_size=40), st.text("0123456789ABCDEFx", max_size=40))


@st.composite
def documents(draw: st.DrawFn) -> tuple[dict[Any, Any], Spec]:
    spec = draw(specs())
    names = draw(st.sets(st.sampled_from([*FIELDS, "h"])))
    document: dict[Any, object] = {name: draw(value_for(spec[name])) for name in sorted(names)}
    document["t"] = draw(st.sampled_from(["0200", "0200", "02", "020x", "\u20ac200"]))
    for name in draw(st.sets(st.sampled_from(FIELDS), max_size=1)):
        document[name] = draw(ODD_VALUES)
    odd: st.SearchStrategy[Any] = st.sampled_from(
        ["t", "1", "65", "p", "193", "02", "0", "x", "\u00b2", "\u0662", 5]
    )
    for name in draw(st.lists(odd, max_size=1)):
        if name == "t":
            del document["t"]
        else:
            document[name] = "0000"
    return document, spec


def outcome(function: Any, argument: Any, spec: Spec) -> tuple[Any, ...]:
    """What a call gives or raises, in every attribute that both sides have, and what it changes."""
    argument = copy.deepcopy(argument)
    try:
        done = function(argument, spec)
    except (iso8583.DecodeError, iso8583.EncodeError, codec.DecodeError, codec.EncodeError) as e:
        attributes = {k: v for k, v in vars(e).items() if k != "s"}
        return type(e).__name__, str(e), e.args, attributes, argument
    except (KeyError, TypeError, ValueError) as e:
        return type(e).__name__, str(e), argument
    return "result", done, [type(part) for part in done], list(done[-1]), argument


def agree(name: str, argument: Any, spec: Spec) -> tuple[Any, ...]:
    theirs = outcome(getattr(iso8583, name), argument, spec)
    ours = outcome(getattr(codec, name), argument, spec)
    assert ours == theirs
    return ours


@given(case=documents())
@settings(max_examples=150, deadline=None)
@example(case=({"t": "0200", "02": "x"}, codec.specs.default_ascii))
@example(case=({"t": "0200", "01": "x"}, codec.specs.default_ascii))
@example(case=({"t": "0200", "065": "x"}, codec.specs.default_ascii))
@example(case=({"t": "0200", "0065": "x", "70": "301"}, codec.specs.default_ascii))
@example(case=({"t": "0200", "99999999999999999999999": "x"}, codec.specs.default_ascii))
def test_encode_agrees(case: tuple[dict[str, str], Spec]) -> None:
    agree("encode", *case)


@given(
    case=documents(),
    changes=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=3),
    end=st.none() | st.integers(0, 120),
    extra=st.binary(max_size=3),
    mutable=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_decode_agrees_on_good_and_damaged_messages(
    case: tuple[dict[str, str], Spec],
    changes: list[tuple[int, int]],
    end: int | None,
    extra: bytes,
    mutable: bool,
) -> None:
    document, spec = case
    try:
        message, _ = iso8583.encode(document, spec)
    except (ValueError, KeyError):
        message = bytearray(b"0200" + b"5000000000000001" + b"12345678901234567890")
    for at, byte in changes:
        message[at % len(message)] = byte
    message = message[:end] + extra
    agree("decode", message if mutable else bytes(message), spec)


@given(spec=specs(), message=st.binary(max_size=80))
@settings(max_examples=100, deadline=None)
def test_decode_agrees_on_any_bytes(spec: Spec, message: bytes) -> None:
    agree("decode", message, spec)


ASCII_HEAD = b"02004000000000000000"


@pytest.mark.parametrize(
    "tail",
    [b"+4", b"-1", b" 4", b"4 ", b"-9", b"\xff1", b"1_", b"_1", b"\xb2\xb2"],
    ids=repr,
)
@pytest.mark.parametrize("count", ["bytes", "nibbles"])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "bcd"])
@pytest.mark.parametrize("data_enc", ["ascii", "b"])
def test_lengths_that_only_python_understands(
    tail: bytes, count: str, encoding: str, data_enc: str
) -> None:
    spec = copy.deepcopy(codec.specs.default_ascii)
    spec["2"] |= {"len_enc": encoding, "len_count": count, "data_enc": data_enc, "left_pad": "0"}
    for rest in (b"", b"1234", b"0" * 40):
        agree("decode", ASCII_HEAD + tail + rest, spec)


def test_bitmaps_with_blanks_as_python_reads_them() -> None:
    for bitmap in (b"40 0000000000000", b"4000000000000 00", b" " * 16, b"40  000000000000"):
        agree("decode", b"0200" + bitmap + b"021234567890123456", codec.specs.default_ascii)


def test_a_changed_specification_is_honoured() -> None:
    spec = copy.deepcopy(codec.specs.default_ascii)
    document = {"t": "0200", "3": "111111"}
    assert codec.encode(document, spec)[0].endswith(b"111111")
    spec["3"]["data_enc"] = "b"
    spec["3"]["max_len"] = 3
    assert codec.encode(document, spec)[0].endswith(bytes.fromhex("111111"))
    spec["3"] = {"data_enc": "cp500", "len_enc": "ascii", "len_type": 0, "max_len": 6}
    assert codec.encode(document, spec)[0].endswith("111111".encode("cp500"))
    spec["3"]["max_len"] = 7
    with pytest.raises(codec.EncodeError, match="expecting 7"):
        codec.encode(document, spec)
    del spec["3"]
    with pytest.raises(KeyError):
        codec.encode(document, spec)


CHANGES: list[Callable[[Any, Any], object]] = [
    lambda spec, _other: spec["3"].update(max_len=5),
    lambda spec, _other: spec["3"].update(max_len=6),
    lambda spec, _other: spec["3"].__setitem__("data_enc", "cp500"),
    lambda spec, _other: spec["3"].__setitem__("data_enc", "ascii"),
    lambda spec, _other: spec.update({"3": dict(spec["3"], max_len=7)}),
    lambda spec, other: spec.__setitem__("3", other["3"]),
    lambda _spec, other: other["3"].__ior__({"data_enc": "b", "max_len": 3}),
    lambda _spec, other: other["3"].__ior__({"data_enc": "ascii", "max_len": 6}),
    lambda spec, _other: spec["3"].pop("len_enc", None),
    lambda spec, _other: (spec["3"].clear(), spec["3"].update(spec["4"])),
    lambda spec, _other: spec["3"].update(copy.deepcopy(codec.specs.default_ascii["3"])),
    lambda spec, _other: spec.pop("3", None),
    lambda spec, _other: spec.setdefault("3", copy.deepcopy(codec.specs.default_ascii["3"])),
    lambda spec, _other: spec.clear(),
    lambda spec, _other: spec.update(copy.deepcopy(codec.specs.default_ascii)),
    lambda spec, _other: spec.popitem() if spec else None,
    lambda spec, _other: spec["2"].update(spec["4"]),
]


@given(changes=st.lists(st.sampled_from(range(len(CHANGES))), max_size=12))
@settings(max_examples=150, deadline=None)
def test_a_specification_may_be_changed_in_every_way_between_two_calls(changes: list[int]) -> None:
    spec, other = (copy.deepcopy(codec.specs.default_ascii) for _ in range(2))
    document = {"t": "0200", "2": "47617", "3": "111111", "4": "000000001000"}
    message, _ = iso8583.encode(dict(document), spec)
    for number in changes:
        for each in (spec, other):
            agree("encode", dict(document), each)
            agree("decode", bytes(message), each)
        with contextlib.suppress(KeyError):
            CHANGES[number](spec, other)
    for each in (spec, other):
        agree("encode", dict(document), each)
        agree("decode", bytes(message), each)


@pytest.mark.parametrize("key", ["len_type", "max_len", "len_enc", "data_enc"])
@pytest.mark.parametrize("name", ["2", "3", "t", "p"])
def test_a_specification_that_lacks_something(name: str, key: str) -> None:
    spec = copy.deepcopy(codec.specs.default_ascii)
    message, _ = iso8583.encode({"t": "0200", "2": "47617", "3": "000000"}, spec)
    del spec[name][key]
    agree("decode", bytes(message), spec)
    agree("encode", {"t": "0200", "2": "47617", "3": "000000"}, spec)


def test_many_specifications_one_after_another() -> None:
    for size in [*range(1, 40), *range(1, 40)]:
        spec = copy.deepcopy(codec.specs.default_ascii)
        spec["3"]["max_len"] = size
        encoded, _ = codec.encode({"t": "0200", "3": "9" * size}, spec)
        assert codec.decode(encoded, spec)[0]["3"] == "9" * size


def test_other_mappings_serve_as_specifications() -> None:
    spec = codec.specs.default_ascii
    proxy = MappingProxyType({key: MappingProxyType(field) for key, field in spec.items()})
    document = {"t": "0200"} | {str(k): v for k, v in SALE.items()}
    message, encoded = codec.encode(dict(document), proxy)
    assert (message, encoded) == iso8583.encode(dict(document), spec)
    assert codec.decode(message, proxy) == iso8583.decode(message, spec)


@pytest.mark.parametrize("package", ["routing", "gateway"])
def test_this_project_itself_does_without_them(package: str) -> None:
    root = Path(__file__).parents[2] / package
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("codec"):
                assert not COMPATIBLE & {alias.name for alias in node.names}, path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in {("codec", n) for n in COMPATIBLE}, path


def test_errors_pickle_and_show_no_value() -> None:
    document = {"t": "0200"} | {str(k): v for k, v in SALE.items()}
    message, _ = codec.encode(dict(document), codec.specs.default_ascii)
    with pytest.raises(codec.DecodeError) as decoding:
        codec.decode(message + b"9", codec.specs.default_ascii)
    with pytest.raises(codec.EncodeError) as encoding:
        codec.encode(document | {"2": "4761739001010119" * 2}, codec.specs.default_ascii)
    for error in (decoding.value, encoding.value):
        assert "4761739001" not in str(error) + repr(error) + repr(error.args)
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
        assert vars(again) == vars(error)
        assert str(again) == str(error)
    assert not hasattr(decoding.value, "s")
