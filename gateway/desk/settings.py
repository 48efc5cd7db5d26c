"""Settings of what runs beside the charges: customers' notices and test charges."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.simulators.terminal_speech import SPEECHES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIME: Final = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]")


class NoticeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where customers' notices go: each is posted until somebody took it."""

    url: str = ""
    """'' writes none."""
    timeout_s: float = 5.0
    retry_s: float = 5.0
    """Pause after a failure; doubled each time, up to `retry_max_s`."""
    retry_max_s: float = 300.0
    age_max_s: float = 86_400.0
    """After this a notice is given up, and counted."""

    def problems(self) -> Iterator[str]:
        """What fits the types and still can't work: key, value and why."""
        if self.url and not self.url.startswith(("http://", "https://")):
            yield f"notices.url = {self.url!r}: http:// or https://"
        for name in ("timeout_s", "retry_s", "retry_max_s", "age_max_s"):
            if getattr(self, name) <= 0:
                yield f"notices.{name} = {getattr(self, name)}: must be greater than 0"


class BackupSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where backups go: of terminals that go out of service, and of the whole journal."""

    folder: str = "./backups"
    every_h: float = 24.0
    """How often the whole journal is backed up, and that restored for a test; 0: never."""
    keep: int = 7
    """Backups of the journal; the oldest is removed once a newer one was found good."""

    def problems(self) -> Iterator[str]:
        """What can't work: key, value and why."""
        if self.every_h < 0:
            yield f"backups.every_h = {self.every_h}: 0 or more"
        if self.keep < 1:
            yield f"backups.keep = {self.keep}: at least 1"


class CanarySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A test charge and its reversal, each day, through each host that has a card."""

    at: str = ""
    """HH:MM in UTC; '' only when somebody asks."""
    listener: str = ""
    """The listener that it comes in by; '' the first."""
    merchant: str = "CANARY000000001"
    terminal: str = "CANARY01"
    amount: int = 1
    currency: str = "156"
    card_files: dict[str, str] = {}
    """By host: a file whose one line is the number of a card that a route leads to that host."""
    timeout_s: float = 60.0
    """For the approval, and again for its reversal."""

    @property
    def identity(self) -> tuple[str, str]:
        """Merchant and terminal of the test charges, which are nobody's sales."""
        return (self.merchant, self.terminal) if self.card_files else ("", "")

    def problems(self, listeners: Mapping[str, str], hosts: set[str]) -> Iterator[str]:
        """What fits the types and still can't work: key, value and why; listeners' dialects."""
        if self.at and not _TIME.fullmatch(self.at):
            yield f"canary.at = {self.at!r}: a time in UTC, HH:MM"
        if self.listener and self.listener not in listeners:
            yield f"canary.listener = {self.listener!r}: no listener has this name"
        spoken = listeners.get(self.listener) or next(iter(listeners.values()), "")
        if self.card_files and spoken not in SPEECHES:
            why = f"test charges are worded in {', '.join(SPEECHES)}"
            yield f"canary.listener = {self.listener!r}: its dialect is {spoken}; {why}"
        for host, file in self.card_files.items():
            if host not in hosts:
                yield f"canary.card_files.{host}: no host has this name"
            if not Path(file).is_file():
                yield f"canary.card_files.{host} = {file!r}: no such file"
