"""The section [settlement] of a configuration: the bank that settles, cut-over, BINs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.card_door import CardKeyError, bank_key
from routing.accounts.bins import Bin
from routing.accounts.settlement_settings import SettlementSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS: Final = ("prefix", "lengths", "bank", "kind", "medium")


class SettlementConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who settles merchants' money, and to which cards it may go."""

    url: str = ""
    """Of the bank's service; '' nobody changes a settlement card here."""
    key_file: str = ""
    """The bank's public key, under which it gets card numbers: PEM or JWK, of X25519 or a NIST
    curve."""
    token_file: str = ""
    """What the bank knows us by, if it wants a token."""
    bin_file: str = ""
    """Which bank and kind of card a number belongs to: CSV, see docs/how-to/settlement-card.md."""
    timeout_s: float = 10.0
    cut_over_at: str = "23:00"
    """HH:MM by the rules' clock: when a settlement day ends, and an acknowledged card begins."""
    compare_at: str = "02:00"
    """HH:MM by the rules' clock: when both sides' cards are compared each night; none: never."""
    retry_s: float = 5.0
    """Pause after a try that the bank did not answer; doubled each time, up to `retry_max_s`."""
    retry_max_s: float = 900.0

    def settings(self) -> SettlementSettings:
        """What routing needs of it.  Raises BinFileError."""
        return SettlementSettings(
            is_on=bool(self.url),
            cut_over_at=self.cut_over_at,
            compare_at=self.compare_at,
            retry_s=self.retry_s,
            retry_max_s=self.retry_max_s,
            bins=bins_in(Path(self.bin_file)) if self.bin_file else (),
        )

    def problems(self) -> Iterator[str]:
        """What fits the types and still can't work: key, value and why."""
        if self.timeout_s <= 0:
            yield f"settlement.timeout_s = {self.timeout_s}: must be greater than 0"
        try:
            yield from self.settings().problems()
        except BinFileError as error:
            yield f"settlement.bin_file = {self.bin_file!r}: {error}"
        if not self.url:
            return
        if not self.url.startswith(("http://", "https://")):
            yield f"settlement.url = {self.url!r}: http:// or https://"
        if not self.bin_file:
            yield "settlement.bin_file: needed; without a table no card is known"
        if self.token_file and not Path(self.token_file).is_file():
            yield f"settlement.token_file = {self.token_file!r}: no such file"
        try:
            bank_key(self.key_file)
        except CardKeyError as error:
            yield str(error)


class BinFileError(Exception):
    """A table of BINs that can't be used; the message says what and where."""


def bins_in(path: Path) -> tuple[Bin, ...]:
    """The table.  Raises BinFileError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(line for line in file if not line.startswith("#")))
    except OSError as error:
        raise BinFileError(error.strerror) from None
    except (UnicodeDecodeError, csv.Error):
        message = "no CSV in UTF-8"
        raise BinFileError(message) from None
    if not rows or tuple(rows[0]) != _COLUMNS:
        message = f"the first line is {','.join(_COLUMNS)}"
        raise BinFileError(message)
    found = [_bin(number, row) for number, row in enumerate(rows[1:], 2) if row]
    prefixes = [each.prefix for each in found]
    if len(set(prefixes)) < len(prefixes):
        twice = next(each for each in prefixes if prefixes.count(each) > 1)
        message = f"{twice} stands there twice"
        raise BinFileError(message)
    return tuple(found)


def _bin(number: int, row: list[str]) -> Bin:
    values: dict[str, object] = dict(zip(_COLUMNS, row, strict=False))
    try:
        values["lengths"] = [int(each) for each in str(values.get("lengths", "")).split("-")]
        made = msgspec.convert(values, Bin)
    except (ValueError, msgspec.ValidationError) as error:
        message = f"row {number}: {error}"
        raise BinFileError(message) from None
    if len(made.lengths) > 1:
        low, high = made.lengths[0], made.lengths[-1]
        made = msgspec.structs.replace(made, lengths=tuple(range(low, high + 1)))
    for problem in made.problems():
        message = f"row {number}: {problem}"
        raise BinFileError(message)
    return made
