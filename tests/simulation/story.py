"""The story of a broken promise: what happened to that charge, and the faults around it.

The trace has everything of everybody; here it is cut down to what a person reads.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.simulation.checkers import Violation

PROMISES: Final = {
    1: "one end",
    2: "no charge without service",
    3: "no service without charge",
    4: "never twice",
    5: "nothing leaves before it is durable",
    6: "no cross-wiring",
    7: "bounded",
    8: "no card data",
    9: "it heals",
    10: "a host that signed off gets nothing",
}
LINES_MAX: Final = 55
_TAIL: Final = 30
"""Lines that are told when a promise broke for nobody in particular."""
_FAULTS_MAX: Final = 12
_BEFORE_S: Final = 2.0
_TERMINAL: Final = re.compile(r"T\d{7}")
_NUMBER: Final = re.compile(r"\d+")

_WORDS: Final = {
    "asks": "{0} sends its {2}{3}: STAN {1}, amount {4}",
    "told": "{0} hears {3} to its {2}",
    "serves": "{0} serves",
    "signs in": "{0} signs in",
    "key": "host {0}: a MAC key is {1}",
    "account": "the account of {0} is {1}",
    "account of": "a charge of {0} is on account {1}",
    "impostor": "somebody sends {1} in the name of {0}",
    "signed in": "{0} hears {1} to its sign-in",
    "gone": "{0} is gone for good",
    "crashes": "{0} loses its power",
    "opened": "journal: charge {0} of {1} STAN {2}, for {3} as STAN {4}",
    "moved": "journal: charge {0} is {3}",
    "leaves": "gateway to {0}: {1} STAN {3} {4}",
    "decided": "host {0} decides on {2}, amount {3}: {4}",
    "reversal": "host {0} has the reversal STAN {2} of {1}: {3}",
    "life": "the gateway starts, life {0}",
    "FAULT": "-- fault: {0}",
    "FAULTS END": "-- no more faults",
    "START FAILS": "-- the gateway can't start: {0}",
    "VIOLATION": "!! promise {0} is broken: {1}",
}
_OF_ALL: Final = frozenset({"key", "FAULT", "FAULTS END", "START FAILS", "life"})


class Told(NamedTuple):
    """One line of the trace."""

    at_s: float
    words: tuple[str, ...]

    def __str__(self) -> str:
        first, *rest = self.words
        return f"{self.at_s:9.3f} s  {_WORDS[first].format(*rest)}".rstrip()


def told(seed: int, violations: Sequence[Violation], trace: Sequence[Told]) -> list[str]:
    """The story of the first violation that speaks of a terminal, or else of the first."""
    about = next((each for each in violations if _TERMINAL.search(each.what)), violations[0])
    promise = f"promise {about.invariant} ({PROMISES[about.invariant]}) is broken"
    head = [f"seed {seed}: {promise} at {about.at_s:.3f} s:", f"  {about.what}"]
    lines = _of_charge(about, trace) or [line for line in trace if line.at_s <= about.at_s][-_TAIL:]
    return [*head, *_cut([str(line) for line in lines])]


def _of_charge(about: Violation, trace: Sequence[Told]) -> list[Told]:
    """The lines of the charge that a violation speaks of, and the faults while it lived."""
    terminals = set(_TERMINAL.findall(about.what))
    said = set(_NUMBER.findall(_TERMINAL.sub("", about.what)))
    for line in trace:
        if line.words[0] == "opened" and f"charge {line.words[1]} " in about.what:
            terminals.add(line.words[2])
            said.add(line.words[3])
    if not terminals:
        return []
    numbers = _numbers(terminals, said, trace)
    own = [
        line
        for line in trace
        if terminals.intersection(line.words) and numbers.intersection(line.words)
    ]
    if not own:
        return []
    first, last = own[0].at_s - _BEFORE_S, own[-1].at_s
    around = [x for x in trace if first <= x.at_s <= last and x.words[0] in _OF_ALL]
    return sorted((*own, *around[-_FAULTS_MAX:]), key=lambda line: line.at_s)


def _numbers(terminals: set[str], said: set[str], trace: Iterable[Told]) -> set[str]:
    """Every number under which the charge appears, found from those that were said."""
    numbers: set[str] = set()
    ours = [line.words for line in trace if terminals.intersection(line.words)]
    for words in ours:
        if words[0] == "asks" and {words[2], words[5]} & said:
            numbers |= {words[2], words[5]}
    for words in ours:
        if words[0] == "opened" and words[3] in numbers:
            numbers |= {words[1], words[5]}
        elif words[0] == "moved" and words[1] in numbers and words[5]:
            numbers.add(words[5])
    return numbers


def _cut(lines: list[str]) -> list[str]:
    """The beginning and the end of what is too long."""
    if len(lines) <= LINES_MAX:
        return lines
    begin = LINES_MAX // 3
    end = LINES_MAX - begin - 1
    return [*lines[:begin], f"... {len(lines) - begin - end} lines ...", *lines[-end:]]
