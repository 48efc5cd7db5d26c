"""What must hold for any bytes, one function a target; a violation is an AssertionError.

The first bytes of an input choose dialect or specification, the rest is what is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import iso8583

import codec
from codec import (
    DIALECTS,
    FieldSet,
    FrameError,
    Framer,
    MacKey,
    Message,
    build,
    dialect,
    explain,
    kept,
    tlv,
)
from codec.framing import FRAMINGS
from codec.mac import sign, verify
from codec.pcap import is_capture, streams

if TYPE_CHECKING:
    from collections.abc import Callable

_DIALECTS: Final = tuple(dialect(name) for name in DIALECTS)
_SPECS: Final[tuple[Any, ...]] = (codec.specs.default, codec.specs.default_ascii)
_KEYS: Final = (MacKey("cup-ecb", bytes(range(16))), MacKey("aes-cmac", bytes(range(16))))
_FRAME_BYTES_MAX: Final = 300
_ALL: Final = FieldSet(range(2, 193))
_STEPS: Final = 7


def message(data: bytes) -> None:
    """A frame is refused with a documented error, or re-encodes to the same values."""
    if not data:
        return
    rules, frame = _DIALECTS[data[0] % len(_DIALECTS)], data[1:]
    try:
        seen = Message(frame, rules)
    except FrameError as error:
        _is_documented(error, len(frame))
        return
    assert seen.raw == frame
    _elements_lie_within(seen)
    values = seen.to_dict()
    again = build(rules, seen.mti, values, seen.header)
    assert again.to_dict() == values
    assert build(rules, again.mti, values, again.header).raw == again.raw
    if again.raw != frame:
        # What may differ: spare half bytes, the case of hex, a bitmap without fields.
        assert len(frame) - len(again) in (0, 8, 16, 24, 32)
    _patches_hold(seen)
    _made_as_values_say(Message(frame, rules), again)


def _elements_lie_within(seen: Message) -> None:
    """Fields made of elements are these elements, or damage is told with its place."""
    for de in seen.dialect.elements:
        if not seen.has(de):
            continue
        start, size = seen.span(de)
        try:
            found = seen.elements(de)
        except FrameError as error:
            _is_documented(error, start + size, start)
            continue
        for each in found:
            assert start < each.offset < each.begin <= start + size
        for tag in {each.tag for each in found}:
            assert seen[f"{de}.{tag}"] == next(each.value for each in found if each.tag == tag)


def _patches_hold(seen: Message) -> None:
    before = seen.raw
    for de in seen.fields()[:3]:
        value = seen[de]
        twin = seen.copy()
        twin.remove(de)
        assert not twin.has(de)
        twin.patch(de, value)
        assert twin.to_dict() == seen.to_dict()
    assert seen.raw == before


def _made_as_values_say(seen: Message, other: Message) -> None:
    """What is made of several fields at once is made of their values."""
    values, others = seen.to_dict(), other.to_dict()
    numbers = seen.fields()
    assert seen.joined(numbers) == "|".join(values.values())
    same = tuple(de for de in numbers if others.get(de) == values[de])
    assert seen.shared_with(other) == same
    assert kept.keep_apart(seen, _ALL, other) == (
        kept.Fields({de: value for de, value in values.items() if de not in same}),
        same,
    )
    assert kept.keep(seen, _ALL) == values
    assert kept.keep(seen, _ALL).agrees(_ALL, other) is (
        len(same) == len(values.keys() & others.keys())
    )


def _is_documented(error: FrameError, end: int, begin: int = 0) -> None:
    assert error.reason
    assert error.offset is not None
    assert begin <= error.offset <= end


def explanation(data: bytes) -> None:
    """Anything can be explained, and the lines stay within the frame."""
    if not data:
        return
    told = explain(data[1:], _DIALECTS[data[0] % len(_DIALECTS)])
    assert (told.error is None) == (told.hint is None)
    for line in told.lines:
        assert 0 <= line.offset <= len(data) - 1
        assert line.text.isprintable()


def framer(data: bytes) -> None:
    """The verdict on a stream does not depend on how it is cut."""
    framing = framing_of(data)
    stream = data[1:]
    whole = _frames([stream], framing)
    for step in {1, data[0] % _STEPS + 1 if data else 1}:
        pieces = [stream[i : i + step] for i in range(0, len(stream), step)]
        assert _frames(pieces, framing) == whole


def framing_of(data: bytes) -> str:
    """Which framing the first byte of an input chooses."""
    return FRAMINGS[data[0] // _STEPS % len(FRAMINGS)] if data else FRAMINGS[0]


def _frames(pieces: list[bytes], framing: str) -> tuple[list[bytes], str, int]:
    cutter = Framer(_FRAME_BYTES_MAX, framing)
    frames: list[bytes] = []
    for piece in [*pieces, b""]:
        try:
            frames += cutter.feed(piece)
        except FrameError as error:
            return frames, str(error), 0
    return frames, "", cutter.buffered


def compatible(data: bytes) -> None:
    """`decode` and `encode` agree with pyiso8583."""
    if not data:
        return
    spec, frame = _SPECS[data[0] % len(_SPECS)], data[1:]
    theirs, ours = _outcome(iso8583.decode, frame, spec), _outcome(codec.decode, frame, spec)
    assert ours == theirs
    if ours[0] == "done":
        document = ours[1][0]
        assert codec.encode(dict(document), spec) == iso8583.encode(dict(document), spec)


def _outcome(function: Callable[..., Any], frame: bytes, spec: Any) -> tuple[Any, ...]:
    try:
        return "done", function(frame, spec)
    except (iso8583.DecodeError, codec.DecodeError) as e:
        return type(e).__name__, str(e), e.doc_dec, e.doc_enc, e.pos, e.field
    except KeyError as error:
        return "KeyError", error.args


def elements(data: bytes) -> None:
    """BER-TLV is refused, or its elements make the same again."""
    try:
        found = [(element.tag, element.value) for element in tlv.parse(data)]
    except FrameError as error:
        _is_documented(error, len(data))
        return
    assert [(e.tag, e.value) for e in tlv.parse(tlv.build(found))] == found


def authentication(data: bytes) -> None:
    """Any frame that can be read can be signed, and then verifies, and no longer when changed."""
    if not data:
        return
    rules = _DIALECTS[data[0] % len(_DIALECTS)]
    try:
        seen = Message(data[1:], rules)
    except FrameError:
        return
    for key in _KEYS:
        verify(seen, key)
        sign(seen, key)
        assert verify(seen, key)
        seen.set_mti("0999" if seen.mti != "0999" else "0998")
        assert not verify(seen, key)


def capture(data: bytes) -> None:
    """A capture is streams, or is refused."""
    try:
        found = streams(data)
    except FrameError as error:
        _is_documented(error, len(data))
        return
    assert is_capture(data)
    assert sum(map(len, found.values())) <= len(data)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "message": message,
    "explanation": explanation,
    "framer": framer,
    "compatible": compatible,
    "elements": elements,
    "authentication": authentication,
    "capture": capture,
}
