"""A host's settlement file against the journal: who charged what, and where the two differ.

A row of the file is a charge, a reversal or a refund, by STAN and DE 7 as the host got them
(columns `stan`, `de7`) or by `rrn`; `amount` in minor units, and `type` (charge if there is none).
A reversal's row bears the keys of its original; a void may be such a row, or a refund's of its own.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from gateway.desk.requests import DeskError, Difference, Money
from gateway.journal.desk_reader import DeskReader, Line
from routing.charge import OPEN_STATES, State
from routing.reason import Reason
from routing.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from gateway.config import Config

_DAY: Final = timedelta(days=1)
_STANDING: Final = frozenset({State.SERVED, State.PRESUMED_SERVED, State.DELIVERED})
_NUMBER: Final = re.compile(r"\d{0,12}")
_REFERENCE: Final = re.compile(r"[\w -]{0,12}", re.ASCII)
"""Short enough that no card number of a mistaken column is taken for one."""
ROWS_MAX: Final = 10_000_000
"""Rows of one file."""


class Kind(StrEnum):
    """How the two may differ."""

    MISSING = "we_approved_they_not"
    CHARGED = "they_approved_we_not"
    UNKNOWN = "they_approved_unknown_here"
    AMOUNT = "amount_differs"
    TWICE = "they_charged_twice"


REASONS: Final[dict[str, Reason | None]] = {
    Kind.MISSING: Reason.SETTLEMENT_MISSING,
    Kind.CHARGED: Reason.SETTLEMENT_CHARGED,
    Kind.AMOUNT: Reason.SETTLEMENT_AMOUNT,
    Kind.TWICE: Reason.SETTLEMENT_TWICE,
    Kind.UNKNOWN: None,
}
"""The case that comes of each; of a charge that is none of ours a person asks the host."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the file; other columns are not looked at."""

    amount: Money
    stan: str = ""
    de7: str = ""
    rrn: str = ""
    type: str = "charge"


class Theirs:
    """What the file says under one key."""

    def __init__(self) -> None:
        self.charges = 0
        self.net = 0
        """Minor units: charged, less what was reversed."""


class Outcome(NamedTuple):
    """What a comparison found."""

    counts: dict[str, int]
    sums: dict[str, int]
    differences: list[Difference]


def read(path: Path, form: str) -> Iterator[Row]:
    """The rows of a file (csv with a header, or json: an object a line).  Raises DeskError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines: Iterable[Any]
            lines = csv.DictReader(file) if form == "csv" else map(json.loads, file)
            for number, line in enumerate(lines, 1):
                if number > ROWS_MAX:
                    message = f"{path}: more than {ROWS_MAX} rows"
                    raise DeskError(message)
                yield _row(path, number, line)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, csv.Error) as error:
        message = f"{path}: {type(error).__name__}"
        raise DeskError(message) from None


def _row(path: Path, number: int, line: Any) -> Row:
    try:
        row = msgspec.convert(line, Row, strict=False)
    except msgspec.ValidationError as error:
        message = f"{path}, row {number}: {error}"
        raise DeskError(message) from None
    if row.type not in ("charge", "reversal", "refund"):
        message = f"{path}, row {number}: type: charge, reversal or refund"
        raise DeskError(message)
    numbers = (row.stan, row.de7)
    if not (all(map(_NUMBER.fullmatch, numbers)) and _REFERENCE.fullmatch(row.rrn)):
        message = f"{path}, row {number}: stan, de7 or rrn is longer than it can be, or no number"
        raise DeskError(message)
    if not (row.stan and row.de7) and not row.rrn:
        message = f"{path}, row {number}: neither stan and de7 nor rrn"
        raise DeskError(message)
    return row


def compare(config: Config, host: str, rows: Iterable[Row], day: str) -> Outcome:
    """Hold the file of one settlement day (YYYY-MM-DD) against the journal.  Blocks."""
    begin = datetime.fromisoformat(day).replace(tzinfo=UTC)
    with DeskReader(config) as reader:
        # A day early and a day late: the host's day need not be ours.
        span = ((begin - _DAY).timestamp(), (begin + 2 * _DAY).timestamp())
        ours = list(reader.lines(host, *span))
    theirs, counts, sums = _theirs(rows, _by_key(ours))
    voided = {
        line.original_id: theirs.pop(line.id).net
        for line in ours
        if line.kind == Transaction.VOID and line.id in theirs
    }
    for number, net in voided.items():
        # A void in a row of its own takes its original's money back.
        theirs.setdefault(number, Theirs()).net -= net
    differences = [
        difference
        for line in ours
        if line.kind != Transaction.VOID
        for difference in _about(line, theirs.pop(line.id, None), host, _is_of(line, begin))
    ]
    differences += [_unknown(host, key, seen) for key, seen in theirs.items() if seen.net > 0]
    mine = [line for line in ours if _is_of(line, begin) and line.state in _STANDING]
    charges = [line for line in mine if not Transaction(line.kind).undoes]
    counts |= {"ours": len(charges)}
    sums |= {"ours": sum(_expected(line) for line in charges)}
    counts |= Counter(difference.kind for difference in differences)
    return Outcome(dict(counts), dict(sums), differences)


def _by_key(ours: list[Line]) -> dict[str, int]:
    known = {f"{line.stan}|{line.de7}": line.id for line in ours}
    # RRNs come from hosts, and hosts may use one again: the newest charge has it.
    return known | {f"rrn|{line.rrn}": line.id for line in ours if line.rrn}


def _theirs(
    rows: Iterable[Row], known: dict[str, int]
) -> tuple[dict[int | str, Theirs], dict[str, int], dict[str, int]]:
    """What the file says, by our number of the charge, or by its own key where we know none."""
    theirs: defaultdict[int | str, Theirs] = defaultdict(Theirs)
    counts: Counter[str] = Counter({"theirs": 0})
    sums: Counter[str] = Counter({"theirs": 0})
    for row in rows:
        own = f"{row.stan}|{row.de7}" if row.stan and row.de7 else ""
        number = known.get(own) or known.get(f"rrn|{row.rrn}")
        seen = theirs[number or own or f"rrn|{row.rrn}"]
        takes = row.type != "reversal"
        seen.charges += takes
        seen.net += row.amount if takes else -row.amount
        if row.type == "charge":
            counts["theirs"] += 1
            sums["theirs"] += row.amount
        elif row.type == "reversal":
            sums["theirs"] -= row.amount
    return dict(theirs), dict(counts), dict(sums)


def _is_of(line: Line, day: datetime) -> bool:
    """Whether a charge is of this settlement day: the host's date, or our own without one."""
    if line.settled_on:
        return line.settled_on == day.strftime("%m%d")
    return day.timestamp() <= line.opened_at < (day + _DAY).timestamp()


def _expected(line: Line) -> int:
    """What a standing charge should be in the file, in minor units."""
    return line.keeps or line.approved_amount or line.amount


def _about(line: Line, seen: Theirs | None, host: str, of_day: bool) -> Iterator[Difference]:
    """How one of our charges differs from what the file says."""
    state = State(line.state)
    if state in OPEN_STATES - _STANDING or state is State.CASE:
        return
    net, count = (seen.net, seen.charges) if seen is not None else (0, 0)
    if state is State.REFUNDED and not line.given_back:
        # A person gave the money back some other way: the host need not know.
        return
    stands = state in _STANDING or line.given_back > 0
    expected = _expected(line) if stands else 0
    if net == expected or (seen is None and not of_day):
        return
    if not expected:
        if net > 0:
            yield _difference(Kind.CHARGED, line, host, net)
    elif net <= 0:
        yield _difference(Kind.MISSING, line, host, net)
    else:
        twice = count > 1 and net == count * expected
        yield _difference(Kind.TWICE if twice else Kind.AMOUNT, line, host, net)


def _difference(kind: Kind, line: Line, host: str, net: int) -> Difference:
    stands = State(line.state) in _STANDING
    return Difference(
        host=host,
        kind=kind,
        key=f"{host}|{kind}|{line.id}",
        charge=line.id,
        ours=_expected(line) if stands else 0,
        theirs=net,
    )


def _unknown(host: str, key: int | str, seen: Theirs) -> Difference:
    return Difference(
        host=host, kind=Kind.UNKNOWN, key=f"{host}|{Kind.UNKNOWN}|{key}", theirs=seen.net
    )
