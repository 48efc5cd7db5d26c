"""The books of the C host and the C terminals, and what holding them together shows.

Who is right is decided from these two alone; the journal is the gateway's own word.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Told(NamedTuple):
    """A line of the terminals' book: a request and what came back ('-': nothing)."""

    terminal: str
    stan: str
    de7: str
    code: str
    rrn: str


class Booked(NamedTuple):
    """A line of the host's book: a request that it decided, whether or not it answered."""

    mti: str
    stan: str
    de7: str
    terminal: str
    amount: str
    rrn: str
    original: str
    code: str


class Verdict(NamedTuple):
    """What the two books say about each other."""

    charges: int
    kept: int
    charged_without_service: tuple[Booked, ...]
    reversed_twice: tuple[Booked, ...]
    never_arrived: int
    """Reversals of charges that the host never saw: killed between the commit and the send."""
    told_and_reversed: Counter[str]
    """By terminal: approvals that it was told and that were given back all the same."""
    told_unbooked: tuple[Told, ...]
    """Approvals that a terminal was told and the host knows nothing of."""


def told(paths: Iterable[Path]) -> list[Told]:
    """Every line of the terminals' books."""
    lines = (line for path in paths for line in path.read_text().splitlines())
    return [Told(*line.split("\t")) for line in lines]


def booked(paths: Iterable[Path]) -> list[Booked]:
    """Every line of the host's books."""
    lines = (line for path in paths for line in path.read_text().splitlines())
    return [Booked(*line.split("\t")) for line in lines]


def compare(terminals: list[Told], host: list[Booked]) -> Verdict:
    """Hold the books together: a sale by DE 41 and DE 37, a reversal by DE 90."""
    approved = {(each.terminal, each.rrn): each for each in terminals if each.code == "00"}
    backs: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for line in host:
        if line.mti in {"0400", "0401", "0420", "0421"}:
            backs[line.terminal, line.original[:20]].add((line.stan, line.de7))
    without, twice, kept = [], [], 0
    charged, told_back = set(), Counter[str]()
    charges = [line for line in host if line.mti in {"0200", "0100"}]
    for line in charges:
        identity = (line.terminal, line.mti + line.stan + line.de7)
        given_back = backs.pop(identity, set())
        was_told = (line.terminal, line.rrn) in approved
        charged.add((line.terminal, line.rrn))
        if not given_back and not was_told:
            without.append(line)
        if len(given_back) > 1:
            twice.append(line)
        kept += not given_back
        told_back[line.terminal] += bool(given_back) and was_told
    by_original = {(x.terminal, x.original[:20]): x for x in host}
    twice += [by_original[key] for key, given_back in backs.items() if len(given_back) > 1]
    return Verdict(
        charges=len(charges),
        kept=kept,
        charged_without_service=tuple(without),
        reversed_twice=tuple(twice),
        never_arrived=len(backs),
        told_and_reversed=+told_back,
        told_unbooked=tuple(each for key, each in approved.items() if key not in charged),
    )
