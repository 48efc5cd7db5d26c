"""Where requests die: of one kind, how many came to each step, and what became of the others."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.journal.desk_reader import DeskReader
from routing.accounts.machine import Kind
from routing.accounts.request import restored
from routing.accounts.second_states import ABANDONED, APPLIED, OPEN, REFUSED, REJECTED, THE_WAY
from routing.accounts.second_states import WITHDRAWN as TAKEN_BACK
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.config import Config
    from routing.accounts.request import AccountRequest

_LEFT: Final = {
    ABANDONED: "abandoned",
    REJECTED: "rejected",
    REFUSED: "rejected",
    TAKEN_BACK: "withdrawn",
}


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


def funnel(config: Config) -> list[Stage]:
    """The requests for second accounts that are known.  Blocks.  Raises JournalError."""
    with DeskReader(config) as reader:
        kept = reader.kept(KeptKind.ACCOUNT_REQUEST)
    return counted(restored(each.data or {}) for each in kept)


def counted(requests: Iterable[AccountRequest]) -> list[Stage]:
    """The same of requests at hand."""
    stages = {each: Stage(stage=each) for each in THE_WAY}
    hours: dict[str, float] = dict.fromkeys(THE_WAY, 0.0)
    went_on: Counter[str] = Counter()
    begun = 0
    for request in requests:
        if request.kind is not Kind.SECOND:
            continue
        begun += 1
        reached, last, since = {APPLIED}, APPLIED, request.opened_at
        for line in request.history:
            if line.state in stages and line.state != last:
                hours[last] += (line.at - since) / 3_600.0
                went_on[last] += 1
                reached.add(line.state)
                last, since = line.state, line.at
        for stage in reached:
            stages[stage].reached += 1
        how = _LEFT.get(request.state)
        if how is not None:
            setattr(stages[last], how, getattr(stages[last], how) + 1)
        elif request.state != OPEN:
            stages[last].waiting += 1
    for name, each in stages.items():
        if went_on[name]:
            each.mean_hours = round(hours[name] / went_on[name], 2)
        each.share = round(each.reached / begun, 4) if begun else 0.0
    return list(stages.values())
