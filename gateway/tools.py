"""What every part of the running gateway is given: a clock, a place for numbers, a log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.clock import Clock
    from gateway.log import Log
    from gateway.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Tools:
    """The three of them."""

    clock: Clock
    metrics: Metrics
    log: Log
