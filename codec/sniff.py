"""What a capture probably is: which framing, which dialect, and why one thinks so.

Every framing is tried with every dialect, on the bytes alone.  A guess counts for as much of the
capture as could be cut into frames and read; a plausible message type counts too, because almost
any bytes are *some* BCD.  Not for the hot path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from codec._wire import Message
from codec.dialects import DIALECTS, dialect
from codec.errors import FrameError
from codec.framing import FRAMINGS, Framer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codec._layout import Dialect

SNIFFED_BYTES_MAX: Final = 65_536
"""How much of a capture is looked at."""
UNFRAMED: Final = "none"
"""The framing of a capture that is one frame and nothing else."""

_VERSIONS: Final = {"iso93": "1", "iso20": "2"}
"""First digits of message types, by the beginning of a dialect's name; 0 for all others."""
_CLASSES: Final = "12345678"
_MTIS_SHOWN: Final = 5
_PLAUSIBLE: Final = 0.5
"""What a frame counts that can be read, but whose message type nobody uses."""


@dataclass(frozen=True, slots=True)
class Guess:
    """One explanation of a capture; `score` is 1 when every byte fits, `why` says it in words."""

    framing: str
    dialect: str
    score: float
    why: str


def sniff(capture: bytes, dialects: Iterable[Dialect] | None = None) -> list[Guess]:
    """The explanations of `capture`, likeliest first; empty when none fits any of it.

    >>> from codec.framing import frame
    >>> message = b"0800" + b"0020000000000000" + b"000001"
    >>> best = sniff(frame(message))[0]
    >>> best.framing, best.dialect, best.score
    ('2-byte', 'iso87-ascii', 1.0)
    """
    data = capture[:SNIFFED_BYTES_MAX]
    candidates = list(dialects) if dialects is not None else [dialect(name) for name in DIALECTS]
    guesses = []
    for framing in (*FRAMINGS, UNFRAMED):
        frames, rest = _frames(data, framing)
        guesses += [_guess(frames, rest, framing, rules) for rules in candidates if frames]
    # Sorting is stable: of equal guesses the commoner framing and dialect comes first.
    return sorted((g for g in guesses if g.score > 0), key=lambda g: -g.score)


def _frames(data: bytes, framing: str) -> tuple[list[bytes], str]:
    """The frames that a framing cuts, and in words what is left over."""
    if framing == UNFRAMED:
        return ([data] if data else []), ""
    framer = Framer(SNIFFED_BYTES_MAX - 1, framing)
    try:
        frames = framer.feed(data)
    except FrameError:
        return [], ""
    if framer.error is not None:
        return frames, f"; then {framer.error.reason}"
    return frames, f"; {framer.buffered} bytes wait for more" if framer.buffered else ""


def _guess(frames: list[bytes], rest: str, framing: str, rules: Dialect) -> Guess:
    weight = 0.0
    mtis: list[str] = []
    first_error = ""
    for body in frames:
        try:
            message = Message(body, rules)
        except FrameError as error:
            first_error = first_error or str(error)
            continue
        mtis.append(message.mti)
        weight += len(body) * (1.0 if _is_usual(message) else _PLAUSIBLE)
    share = weight / sum(map(len, frames)) * (0.9 if rest else 1.0)
    words = f"{len(mtis)} of {len(frames)} frames read as {rules.name}"
    if mtis:
        kinds = sorted(set(mtis))
        words += f", MTI {', '.join(kinds[:_MTIS_SHOWN])}"
    if first_error:
        words += f"; {first_error}"
    return Guess(framing, rules.name, round(share, 3), words + rest)


def _is_usual(message: Message) -> bool:
    """Whether the message type is one that the standard has, and there is anything in it."""
    mti = message.mti
    expected = _VERSIONS.get(message.dialect.name[:5], "0")
    return mti[0] == expected and mti[1] in _CLASSES and bool(message.fields())
