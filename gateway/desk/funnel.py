"""Where requests die: of one kind, how many came to each step, and what became of the others."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from gateway.journal.desk_reader import DeskReader
from routing.accounts import settlement_card
from routing.accounts.machine import REFUSED, Kind
from routing.accounts.request import restored
from routing.accounts.second_states import ABANDONED, REJECTED, THE_WAY
from routing.accounts.second_states import WITHDRAWN as TAKEN_BACK
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.config import Config
    from routing.accounts.request import AccountRequest


class Way(NamedTuple):
    """The way of one kind of request."""

    stages: tuple[str, ...]
    """In their order; a request that is obstructed still stands at the last one that it reached."""
    left: dict[str, str]
    """What became of a request that left the way, by its state."""


WAYS: Final = {
    Kind.SECOND: Way(
        THE_WAY,
        {
            ABANDONED: "abandoned",
            REJECTED: "rejected",
            REFUSED: "rejected",
            TAKEN_BACK: "withdrawn",
        },
    ),
    Kind.SETTLEMENT: Way(
        settlement_card.THE_WAY,
        {
            settlement_card.CARD_REFUSED: "rejected",
            settlement_card.REJECTED: "rejected",
            REFUSED: "rejected",
            settlement_card.WITHDRAWN: "withdrawn",
        },
    ),
}
"""Kinds of requests whose funnel is told; the last stage is where they should come."""


class Stage(msgspec.Struct, kw_only=True):
    """One step of the way."""

    stage: str
    reached: int = 0
    waiting: int = 0
    abandoned: int = 0
    rejected: int = 0
    withdrawn: int = 0
    mean_hours: float = 0.0
    """How long those that went on had been here."""
    share: float = 0.0
    """Of all that began."""


def funnel(config: Config, kind: Kind = Kind.SECOND) -> list[Stage]:
    """The requests of a kind that are known.  Blocks.  Raises JournalError."""
    with DeskReader(config) as reader:
        kept = reader.kept(KeptKind.ACCOUNT_REQUEST)
    return counted((restored(each.data or {}) for each in kept), kind)


def counted(requests: Iterable[AccountRequest], kind: Kind = Kind.SECOND) -> list[Stage]:
    """The same of requests at hand."""
    way = WAYS[kind]
    first = way.stages[0]
    stages = {each: Stage(stage=each) for each in way.stages}
    hours: dict[str, float] = dict.fromkeys(way.stages, 0.0)
    went_on: Counter[str] = Counter()
    begun = 0
    for request in requests:
        if request.kind is not kind:
            continue
        begun += 1
        reached, last, since = {first}, first, request.opened_at
        for line in request.history:
            if line.state in stages and line.state != last:
                hours[last] += (line.at - since) / 3_600.0
                went_on[last] += 1
                reached.add(line.state)
                last, since = line.state, line.at
        for stage in reached:
            stages[stage].reached += 1
        how = way.left.get(request.state)
        if how is not None:
            setattr(stages[last], how, getattr(stages[last], how) + 1)
        elif request.state != way.stages[-1]:
            stages[last].waiting += 1
    for name, each in stages.items():
        if went_on[name]:
            each.mean_hours = round(hours[name] / went_on[name], 2)
        each.share = round(each.reached / begun, 4) if begun else 0.0
    return list(stages.values())
