"""What the desk reads of a journal, beside the process that writes to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import apsw

from gateway.journal import audit_log, docket, kept
from gateway.journal.port import JournalError
from gateway.journal.reader import JournalReader
from gateway.journal.rows import WHERE_NAMED, charge_from_row
from gateway.journal.vault import Vault, read_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from gateway.config import Config
    from routing.charge import Charge
    from routing.docket import Entry
    from routing.effects import Kept, Noted
    from routing.keeper import KeptKind


class Line(NamedTuple):
    """A charge, void or refund as a settlement file could tell it; no card."""

    id: int
    stan: str
    de7: str
    rrn: str
    state: str
    kind: str
    amount: int
    approved_amount: int
    keeps: int
    given_back: int
    currency: str
    settled_on: str
    opened_at: float
    original_id: int


class Outcome(NamedTuple):
    """What a scorecard needs of a charge."""

    host: str
    merchant: str
    terminal: str
    state: str
    reason: str
    amount: int
    opened_at: float
    first_event: str
    first_at: float
    reversals: int
    delivered: int
    kind: str
    operator: str


class Collected(NamedTuple):
    """Charges of one merchant that ended alike; minor units."""

    merchant: str
    account: str
    channel: str
    currency: str
    state: str
    charges: int
    money: int
    given_back: int


CLOCK_STEP_S: Final = 3_600.0
"""How far a clock that was set may have put charges out of their order."""
_LINES: Final = (
    "SELECT id, host_stan, host_de7, rrn, state, kind, amount, approved_amount, keeps, given_back,"
    " currency, settled_on, opened_at, original_id FROM charge"
    " WHERE id >= ? AND host = ? AND opened_at >= ? AND opened_at < ?"
)
_MONEY: Final = "CASE WHEN approved_amount > 0 THEN approved_amount ELSE amount END"
_COLLECTED: Final = (
    "SELECT rtrim(merchant), {by}, currency, state, count(*), sum({money}),"
    " sum(min(given_back, {money})) FROM charge WHERE id >= ? AND opened_at >= ? AND opened_at < ?"
    " AND (? = '' OR rtrim(merchant) = ?) AND kind NOT IN ('void', 'refund')"
    " AND state <> 'NEVER_LEFT' GROUP BY 1, 2, 3, 4, 5"
)
_OUTCOMES: Final = (
    "SELECT host, merchant, terminal, state, charge.reason, amount, opened_at,"
    " coalesce(first.event, ''), coalesce(first.at, 0),"
    " (SELECT count(*) FROM step WHERE step.charge = charge.id"
    "  AND step.event = 'REVERSAL_SENT'),"
    " (SELECT count(*) FROM step WHERE step.charge = charge.id"
    "  AND step.after IN ('DELIVERED', 'PRESUMED_SERVED', 'SERVED')), kind, operator"
    " FROM charge LEFT JOIN step AS first ON first.charge = charge.id AND first.number"
    " = (SELECT min(number) FROM step WHERE step.charge = charge.id"
    " AND step.event <> 'REPEAT')"
    " WHERE id >= ? AND opened_at >= ? AND state <> 'NEVER_LEFT'"
)
_PAYOUTS: Final = (
    "SELECT rtrim(merchant) AS whose, sum(CASE WHEN kind = 'refund' THEN -amount"
    " WHEN approved_amount > 0 THEN approved_amount ELSE amount END) AS money FROM charge"
    " WHERE id >= ? AND opened_at >= ? AND opened_at < ? AND currency = ? AND account = ''"
    " AND (kind IN ('sale', 'completion', 'completion advice', 'offline sale')"
    " AND state IN ('PRESUMED_SERVED', 'SERVED', 'REFUNDED')"
    " OR kind = 'refund' AND state IN ('PRESUMED_SERVED', 'SERVED'))"
    " GROUP BY whose HAVING money <> 0"
)


class DeskReader(JournalReader):
    """A context manager.  Raises JournalError or KeyFileError when opened, JournalError within."""

    def __init__(self, config: Config) -> None:
        if config.journal.kind == "none":
            message = "journal.kind = none: there is nothing to read"
            raise JournalError(message)
        self._path = Path(config.journal.path)
        super().__init__(self._path, Vault(read_key(config.journal.key_path)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        if isinstance(error, apsw.Error):
            message = f"journal.path {self._path}: {type(error).__name__}: {error}"
            raise JournalError(message) from None

    def first_id_at(self, wall: float) -> int:
        """The least id that a charge opened at `wall` or later may have.

        Ids follow time, but for steps of the clock: read from a little earlier than you need.
        """
        low, (high,) = 1, next(self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM charge"))
        while low < high:
            middle = (low + high) // 2
            row = next(
                self._db.execute(
                    "SELECT id, opened_at FROM charge WHERE id >= ? ORDER BY id LIMIT 1", (middle,)
                ),
                None,
            )
            if row is None or row[1] >= wall:
                high = middle
            else:
                low = row[0] + 1
        return int(low)

    def between(self, since: float, until: float, condition: str, *values: Any) -> Iterator[Charge]:
        """Charges opened in a time for which a condition of ours holds, oldest first."""
        within = f"id >= ? AND opened_at >= ? AND opened_at < ? AND ({condition})"
        query = f"{WHERE_NAMED % within} ORDER BY id"
        bounds = (self.first_id_at(since - CLOCK_STEP_S), since, until)
        for row in self._db.execute(query, (*bounds, *values)):
            yield charge_from_row(row, self._vault)

    def lines(self, host: str, since: float, until: float) -> Iterator[Line]:
        """What went to a host in a time."""
        first = self.first_id_at(since - CLOCK_STEP_S)
        for row in self._db.execute(_LINES, (first, host, since, until)):
            yield Line(*row)

    def outcomes(self, since: float) -> Iterator[Outcome]:
        """How charges since then went."""
        for row in self._db.execute(_OUTCOMES, (self.first_id_at(since - CLOCK_STEP_S), since)):
            yield Outcome(*row)

    def collected(
        self, merchant: str, since: float, until: float, *, by_account: bool
    ) -> Iterator[Collected]:
        """What merchants ('': all) charged in a time, by how it ended; by account and channel, or
        in all.
        """
        by = "account, channel" if by_account else "'', ''"
        query = _COLLECTED.format(by=by, money=_MONEY)
        first = self.first_id_at(since - CLOCK_STEP_S)
        for row in self._db.execute(query, (first, since, until, merchant, merchant)):
            yield Collected(*row)

    def said_of(self, charge_id: int) -> list[Noted]:
        """Every entry of the docket about a charge."""
        return list(docket.of_charge(self._db, charge_id))

    def entries(self, kind: Entry, since: float = 0.0) -> Iterator[Noted]:
        """Every entry of one kind."""
        yield from docket.of_kind(self._db, kind, since)

    def transactions(self, merchant: str, terminal: str) -> Iterator[dict[str, Any]]:
        """Everything that a terminal charged, voided and refunded, in its order, as it lies here:
        the card number sealed, in hexadecimal.
        """
        names = [column[1] for column in self._db.execute("PRAGMA table_info(charge)")]
        # The blanks that fill DE 41 and DE 42 are no part of a number.
        query = "SELECT * FROM charge WHERE rtrim(merchant) = ? AND rtrim(terminal) = ? ORDER BY id"
        for row in self._db.execute(query, (merchant, terminal)):
            values = (each.hex() if isinstance(each, bytes) else each for each in row)
            yield dict(zip(names, values, strict=True))

    def payouts(self, since: float, until: float, currency: str) -> dict[str, int]:
        """What each merchant's main account gets of charges opened in a time: sales and completions
        that stand, less what refunds gave back.
        """
        values = (self.first_id_at(since - CLOCK_STEP_S), since, until, currency)
        return {merchant: int(money) for merchant, money in self._db.execute(_PAYOUTS, values)}

    def kept(self, kind: KeptKind) -> list[Kept]:
        """What is kept of one kind, by key."""
        return list(kept.of_kind(self._db, kind))

    def audited(self, subject: str) -> list[audit_log.Line]:
        """What the audit log tells of one subject, in its order."""
        return list(audit_log.of_subject(self._db, subject))

    def knows(self, kind: Entry, key: str) -> bool:
        """Whether there is an entry with this key."""
        return docket.has(self._db, kind, key)

    def undelivered(self, after: int, count_max: int) -> tuple[list[Noted], int]:
        """Notices past an entry that nobody took yet, and where the next look may begin."""
        return docket.undelivered(self._db, after, count_max)
