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
        positive = ("token_valid_s", "grant_hours_max", "look_every_s")
        for key in positive:
            if getattr(self, key) <= 0:
                yield f"accounts.{key} = {getattr(self, key)}: must be greater than 0"
        for key in ("requests_open_max", "requests_ended_max"):
            if getattr(self, key) < 1:
                yield f"accounts.{key} = {getattr(self, key)}: at least 1"
