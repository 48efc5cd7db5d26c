"""What routing is told of settlement cards: part of the section [settlement] of a configuration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from routing.accounts.bins import Bin

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIME: Final = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]")


class SettlementSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Cut-over, retries, BINs."""

    is_on: bool = False
    """Whether there is a bank to tell; without one nobody changes a settlement card here."""
    cut_over_at: str = "23:00"
    """HH:MM by the rules' clock: when a settlement day ends.  A card that the bank knows by then is
    the one of the next day on."""
    compare_at: str = "02:00"
    """HH:MM by the rules' clock: when both sides' cards are compared each night; '' never."""
    retry_s: float = 5.0
    """Pause after a try that the bank did not answer; doubled each time, up to `retry_max_s`."""
    retry_max_s: float = 900.0
    bins: tuple[Bin, ...] = ()

    def problems(self) -> Iterator[str]:
        """What can't work: key, value and why."""
        for key in ("cut_over_at", "compare_at"):
            text = getattr(self, key)
            if not _TIME.fullmatch(text) and not (key == "compare_at" and not text):
                yield f"settlement.{key} = {text!r}: a time by the rules' clock, HH:MM"
        if self.retry_s <= 0 or self.retry_max_s < self.retry_s:
            yield f"settlement.retry_s = {self.retry_s}: more than 0, at most retry_max_s"


def minute_of(text: str) -> int:
    """HH:MM as a minute of the day."""
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
