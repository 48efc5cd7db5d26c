"""What account services are told at their start: the section [accounts] of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from routing.accounts.people import Person
from routing.accounts.rules import RuleSet

if TYPE_CHECKING:
    from collections.abc import Iterator


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """People, rules, and bounds."""

    people: tuple[Person, ...] = ()
    """Who may ask and decide; nobody else may anything."""
    rules: tuple[RuleSet, ...] = ()
    token_valid_s: float = 900.0
    """How long the token of an enquiry is good, at least."""
    grant_hours_max: float = 72.0
    requests_open_max: int = 10_000
    """Requests under way; above it new ones are refused with P8."""
    requests_ended_max: int = 10_000
    """Ended requests that are still held; of older ones the audit log tells."""
    look_every_s: float = 1.0
    """How often requests that wait for money, time or a backup are looked at."""

    last_words_s: float = 86_400.0
    """How long a terminal that went out of service may still reverse, confirm and settle what it
    sold, under its old key; then that is revoked."""

    mac_failures_max: int = 5
    replays_max: int = 20
    malformed_max: int = 20
    """So many wrong MACs, used numbers with other contents, or requests that can't be understood,
    of one terminal within `signals_window_s` suspend it at once; 0: never."""
    signals_window_s: float = 60.0
    status_age_max_s: float = 86_400.0
    """A terminal with working keys that told its state longer ago is asked for it; 0: never."""
    reversal_96_max: int = 5
    """Sales that a terminal could not finish, within a day, that propose a FAULT; 0: never."""
    anomaly_night: tuple[int, int] = (1, 5)
    """Hours, by the rules' clock, in which sales are unusual."""
    anomaly_sales_min: int = 20
    """Fewer sales of a merchant within a day show nothing."""
    anomaly_share_max: float = 0.8
    """A larger share of sales at night, of round amounts, or of money given back is an anomaly."""
    anomaly_a_minute_max: int = 30
    """More sales of one terminal within a minute are one, too."""
    anomaly_locks: bool = False
    """An anomaly locks the merchant's account services until two persons looked."""
    test_amount_max: int = 100
    """Minor units: the test charge of a terminal that comes back is no larger."""

    def most_of(self, signal: str) -> int:
        """How many of such signals suspend a terminal; 0: none do.  Where nobody could decide that
        it may come back, none is ever suspended.
        """
        if not self.people:
            return 0
        most = {"wrong MAC": self.mac_failures_max, "replay": self.replays_max}
        return most.get(signal, self.malformed_max)

    def problems(self) -> Iterator[str]:
        """What can't work: key and why."""
        names = [each.name for each in self.people]
        for number, person in enumerate(self.people):
            if names.count(person.name) > 1:
                yield f"accounts.people.{number}.name = {person.name!r}: it stands there twice"
            if not person.roles:
                yield f"accounts.people.{number}.roles: none given"
        for number, rules in enumerate(self.rules):
            for problem in rules.problems():
                yield f"accounts.rules.{number}.{problem}"
        yield from self._out_of_range()

    def _out_of_range(self) -> Iterator[str]:
        positive = (
            *("token_valid_s", "grant_hours_max", "look_every_s", "signals_window_s"),
            "last_words_s",
        )
        for key in positive:
            if getattr(self, key) <= 0:
                yield f"accounts.{key} = {getattr(self, key)}: must be greater than 0"
        if not 0 < self.anomaly_share_max <= 1:
            yield f"accounts.anomaly_share_max = {self.anomaly_share_max}: a share, 0 to 1"
        never = ("mac_failures_max", "replays_max", "malformed_max", "reversal_96_max")
        for key in (*never, "test_amount_max"):
            if getattr(self, key) < 0:
                yield f"accounts.{key} = {getattr(self, key)}: 0 or more"
        for key in ("requests_open_max", "requests_ended_max"):
            if getattr(self, key) < 1:
                yield f"accounts.{key} = {getattr(self, key)}: at least 1"
