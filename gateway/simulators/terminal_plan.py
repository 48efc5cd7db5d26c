"""What is to go wrong with one sale: drawn from the seed and the sale, before it begins."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from gateway.simulators.chance import Share, draw, pick


class Misbehaviour(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of sales, parts of 1."""

    vanish: Share = 0.0
    """Closes its connection right after sending, and comes back a moment later."""
    vanish_for_good: Share = 0.0
    """As before, and never comes back to this sale (confirmation class only)."""
    service_fails: Share = 0.0
    never_confirms: Share = 0.0
    """Served or not, it never says so: it did not serve (confirmation class only)."""
    repeat_answered: Share = 0.0
    """Asks again although it has its answer; both must be the same."""
    garbage: Share = 0.0
    """Sends bytes that are no message first, over a connection of their own."""


class Service(StrEnum):
    """How the service after an approval goes."""

    SERVES = "serves"
    FAILS = "fails"
    NEVER_CONFIRMS = "never confirms"


class Plan(NamedTuple):
    """The course of one sale."""

    vanishes: bool = False
    vanishes_for_good: bool = False
    reverses: bool = False
    """When it has no answer: reverse, instead of asking again."""
    service: Service = Service.SERVES
    reason: str = "SERVICE_NOT_PROVIDED"
    """Why the service failed."""
    asks_again: bool = False
    voids: bool = False
    """Takes the sale back after it was served."""
    garbage: bool = False


REASONS: Final = ("GOODS_NOT_SOLD", "SERVICE_NOT_PROVIDED", "ORDER_CANCELLED")
_REVERSES: Final = 0.5
"""Share of unanswered sales that are reversed at once."""


def planned(shares: Misbehaviour, *, confirms: bool, seed: int, sale: tuple[str, str, int]) -> Plan:
    """The plan of `sale`: merchant, terminal, amount."""
    connection = pick(
        draw(seed, "connection", *sale),
        {
            "for good": shares.vanish_for_good if confirms else 0.0,
            "vanish": shares.vanish,
        },
    )
    service = pick(
        draw(seed, "service", *sale),
        {
            Service.FAILS: shares.service_fails,
            Service.NEVER_CONFIRMS: shares.never_confirms if confirms else 0.0,
        },
    )
    return Plan(
        vanishes=connection is not None,
        vanishes_for_good=connection == "for good",
        reverses=draw(seed, "unanswered", *sale) < _REVERSES,
        service=Service(service or Service.SERVES),
        reason=REASONS[int(draw(seed, "reason", *sale) * len(REASONS))],
        asks_again=draw(seed, "again", *sale) < shares.repeat_answered,
        garbage=draw(seed, "garbage", *sale) < shares.garbage,
    )
