"""The embedded journal: one SQLite file in WAL mode, synced at every commit.

`charge` holds each charge as it stands and every step it took, `epoch` every life of a gateway on
this file; `entry`, `kept` and `audit` have a module each beside this one.  One process
at a time may write: a lock on `<path>.lock` says who.
"""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING, Any, Final

import apsw
from cryptography.exceptions import InvalidTag

from gateway.journal import audit_log, docket, kept, memory, rows
from gateway.journal.identities import (
    ARE_IN_TABLE,
    BEGIN_SO,
    FILL,
    FILLED,
    IN_TABLE,
    RUN,
    Identities,
    caught_up,
)
from gateway.journal.port import FencedError, JournalError, Recovery
from gateway.journal.reader import BUSY_TIMEOUT_MS, why
from gateway.journal.rows import (
    SELECT,
    WHERE_NAMED,
    Sorted,
    Written,
    charge_from_row,
    opened_row,
)
from gateway.journal.schema import VersionError, bring_up_to_date
from gateway.journal.statements import prepared
from gateway.journal.vault import SALT_BYTES, Vault
from routing.effects import OPENED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.journal.statements import Statements
    from routing.batches import Batch
    from routing.charge import Charge
    from routing.conventions import Original
    from routing.effects import Record, UnsettledLookup

_STAN_GAP: Final = 1_000
"""Numbers skipped at a restart: more than one batch can have used without a record."""
_FLAGS: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX
"""One thread at a time uses the connection that writes: it needs no locks of its own."""

_REVERSALS_AHEAD: Final = (
    "SELECT coalesce(max(ahead), 0) FROM (SELECT (CAST(reversal_stan AS INTEGER) - ? + 999999)"
    " % 999999 AS ahead FROM charge WHERE reversal_stan <> '' AND host = ? AND id > ?)"
    " WHERE ahead < 500000"
)
"""How far the numbers of reversals are past a number that counts round; half round is behind."""
_IDENTITY: Final = OPENED.index("identity")
_STATEMENTS: Final = ("BEGIN", rows.INSERT, FILL, FILLED, *rows.UPDATES, "COMMIT")
"""In the order in which a batch is written.  COMMIT as a statement, unlike apsw's own `with
connection`, lets the turns go on while the disk syncs."""
_BEGIN: Final = 0
_INSERT: Final = 1
_COMMIT: Final = len(_STATEMENTS) - 1
_ONCE: Final[list[tuple[Any, ...]]] = [()]
""""The row" of a statement that takes no values."""


memory.prepare()


class LockedError(JournalError):
    """Another process writes to this journal."""


class SqliteJournal:
    """The journal in one SQLite file.  The path is opened by `start`, or read by `reader`."""

    keeps_nothing = False

    def __init__(
        self,
        path: Path,
        vault: Vault,
        *,
        vfs: str = "",
        entropy: Callable[[int], bytes] = os.urandom,
        run: int = RUN,
    ) -> None:
        """`vfs` names a file layer of SQLite's other than the system's, which need not share memory
        with readers beside; `entropy` makes the salts; `run` is how many identities are gathered.
        All are the simulator's.
        """
        self._path = path
        self._vault = vault
        self._vfs = vfs
        self._entropy = entropy
        self._epoch = 0
        self._written = Written()
        self._lock = -1
        self._beside: apsw.Connection | None = None
        """Reads while the other one writes; opened when it is first wanted."""
        self._run = run
        self._statements: Statements
        self._identities: Identities
        self._db = self._open()

    def _open(self) -> apsw.Connection:
        self._lock = os.open(
            self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600
        )
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            message = f"journal.path {self._path}: another process writes to this journal"
            raise LockedError(message) from None
        try:
            db = apsw.Connection(str(self._path), flags=_FLAGS, vfs=self._vfs or None)
            if self._vfs:
                db.execute("PRAGMA locking_mode = EXCLUSIVE")
            else:
                self._path.chmod(0o600)
            db.set_busy_timeout(BUSY_TIMEOUT_MS)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            bring_up_to_date(db)
            ((pages,),) = db.execute("PRAGMA page_count")
            db.execute(f"PRAGMA cache_size = -{memory.cache_kib(pages)}")
            self._identities = Identities(caught_up(db), self._run)
            self._statements = prepared(db, _STATEMENTS)
        except (apsw.Error, OSError) as error:
            os.close(self._lock)
            message = f"journal.path {self._path}: {error}"
            raise JournalError(message) from None
        except VersionError as error:
            os.close(self._lock)
            message = f"journal.path {self._path}: {error}"
            raise VersionError(message) from None
        return db

    def start(self, wall: float, *, ended_max: int) -> Recovery:
        """Begin a new epoch and read what the last one left."""
        try:
            with self._db:
                (last,) = next(self._db.execute("SELECT coalesce(max(epoch), 0) FROM epoch"))
                salt = self._entropy(SALT_BYTES)
                row = (last + 1, wall, salt)
                self._db.execute("INSERT INTO epoch VALUES (?, ?, ?)", row)
            for epoch, epoch_salt in self._db.execute("SELECT epoch, salt FROM epoch"):
                self._vault.know_epoch(epoch, epoch_salt)
            self._epoch = last + 1
            (last_id,) = next(self._db.execute("SELECT coalesce(max(id), 0) FROM charge"))
            return Recovery(
                epoch=self._epoch,
                last_id=last_id,
                last_stans=self._last_stans(last_id),
                charges=self._open_and_newest(ended_max),
                card_key=self._vault.card_key,
                entries=list(docket.pending(self._db, wall)),
                kept=list(kept.everything(self._db)),
            )
        except (apsw.Error, InvalidTag) as error:
            raise JournalError(why(self._path, error)) from None

    def _last_stans(self, last_id: int) -> dict[str, int]:
        """Where to go on: past the newest charge of each host, and past every reversal since."""
        rows = self._db.execute(
            "SELECT host, host_stan FROM charge WHERE id IN (SELECT max(id) FROM charge"
            " WHERE id > ? GROUP BY host)",
            (last_id - 1_000_000,),
        )
        newest = {host: int(stan) for host, stan in rows if stan.isdigit()}
        for host, stan in newest.items():
            ahead = self._db.execute(_REVERSALS_AHEAD, (stan, host, last_id - 1_000_000))
            newest[host] += next(ahead)[0] + _STAN_GAP
        return newest

    def _open_and_newest(self, ended_max: int) -> list[Charge]:
        query = (
            f"{SELECT} WHERE open"  # noqa: S608 - names of ours only
            f" UNION SELECT * FROM ({SELECT} ORDER BY id DESC LIMIT ?) ORDER BY id"
        )
        return [self._charge(row) for row in self._db.execute(query, (ended_max,))]

    def _charge(self, row: Sequence[Any]) -> Charge:
        """A charge that from now on is this epoch's."""
        charge = charge_from_row(row, self._vault)
        charge.epoch = self._epoch
        return charge

    def append(self, records: Sequence[Record]) -> dict[int, Charge]:
        """One transaction for all of `records`; returns when the disk has it."""
        batch = Sorted(records)
        try:
            known = self._identities.known(batch.opened)
            charges = self._write(batch, known)
            if charges is None:
                self._undo()
                charges = self._write(batch, self._all_known(batch, known))
            if charges is None:
                message = f"journal.path {self._path}: a charge's number is taken"
                raise JournalError(message)
        except (apsw.Error, InvalidTag) as error:
            self._undo()
            raise JournalError(why(self._path, error)) from None
        except BaseException:
            self._undo()
            raise
        self._written.hold(batch.moved)
        return charges

    def _undo(self) -> None:
        """Nothing stays of what was begun."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _write(self, batch: Sorted, known: dict[int, int]) -> dict[int, Charge] | None:
        """Begin, write, commit; the older charges of those that are `known`.  None, and nothing is
        committed, if the table of identities knows further ones.
        """
        batch.leave_out(known)
        due = self._identities.due(len(batch.opened))
        up_to = self._identities.up_to()
        written = [
            _ONCE,
            [opened_row(each, self._vault) for each in batch.opened],
            self._identities.late(batch.opened) + due,
            up_to,
            *self._written.rows(batch.moved),
        ]
        more = known or batch.noted or batch.kept or batch.audited
        ended = self._statements.carry_out(_BEGIN, written if more else [*written, _ONCE])
        if ended == _INSERT:
            return None
        if ended >= 0:
            message = f"journal.path {self._path}: another process took these charges over"
            raise FencedError(message)
        charges = {number: self._one(older) for number, older in known.items()}
        if more:
            docket.insert(self._db, batch.noted)
            kept.write(self._db, batch.kept)
            audit_log.append(self._db, batch.audited)
            self._statements.carry_out(_COMMIT, [_ONCE])
        self._identities.hold(batch.opened, due, up_to)
        return charges

    def _all_known(self, batch: Sorted, known: dict[int, int]) -> dict[int, int]:
        """What is `known` from memory, and what of the batch the table of identities knows."""
        found = [(each.id, self._of(each.values[_IDENTITY])) for each in batch.opened]
        further = {number: older for number, older in found if older is not None}
        return {number: further.get(older, older) for number, older in known.items()} | further

    def _of(self, identity: str) -> int | None:
        """The charge with this identity."""
        number = self._identities.of(identity)
        if number is None:
            (number,) = next(self._db.execute(IN_TABLE, (identity,)), (None,))
        return number

    def _one(self, number: int) -> Charge:
        """The charge with this id.  Raises JournalError if there is none."""
        row = next(self._db.execute(f"{SELECT} WHERE id = ?", (number,)), None)
        if row is None:
            message = f"journal.path {self._path}: charge {number} is gone, its identity is not"
            raise JournalError(message)
        return self._charge(row)

    def find(self, wanted: Original | int | str) -> Charge | None:
        """The charge with this id, or the newest whose identity starts as an original says."""
        try:
            if isinstance(wanted, int):
                row = next(self._db.execute(f"{SELECT} WHERE id = ?", (wanted,)), None)
                return None if row is None else self._charge(row)
            if isinstance(wanted, str):
                number = self._of(wanted)
                return None if number is None else self._one(number)
            bounds = (wanted.prefix, wanted.prefix[:-1] + chr(ord(wanted.prefix[-1]) + 1))
            numbers = [number for (number,) in self._db.execute(BEGIN_SO, bounds)]
            numbers += self._identities.beginning(wanted.prefix)
            charges = map(self._one, sorted(numbers, reverse=True))
            return next((charge for charge in charges if wanted.names(charge)), None)
        except (apsw.Error, InvalidTag) as error:
            raise JournalError(why(self._path, error)) from None

    def known(self, identities: Sequence[str]) -> set[str]:
        """Which of these identities a charge has; may be asked while `append` is under way."""
        # What leaves memory is in the table before: so memory is asked first.
        held = {each for each in identities if self._identities.of(each) is not None}
        try:
            if self._beside is None and not self._vfs:
                self._beside = self._reading()
            db = self._beside or self._db
            return held | {each for (each,) in db.execute(ARE_IN_TABLE, (json.dumps(identities),))}
        except apsw.Error as error:
            raise JournalError(why(self._path, error)) from None

    def _reading(self) -> apsw.Connection:
        """Keeps few pages: SQLite drops them all whenever the other connection has written."""
        db = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READONLY)
        db.set_busy_timeout(BUSY_TIMEOUT_MS)
        return db

    def batch(self, wanted: Batch) -> list[Charge]:
        """The charges, voids and refunds of a terminal's batch, oldest first."""
        condition = "terminal = ? AND batch = ? AND batch <> '' AND merchant = ?"
        query = f"{WHERE_NAMED % condition} ORDER BY id"
        values = (wanted.terminal, wanted.number, wanted.merchant)
        try:
            return [self._charge(row) for row in self._db.execute(query, values)]
        except (apsw.Error, InvalidTag) as error:
            raise JournalError(why(self._path, error)) from None

    def unsettled(self, wanted: UnsettledLookup) -> tuple[int, int]:
        """Count and money of a merchant's charges with a batch number, in these states, that came
        after those which their terminals settled last.
        """
        states = ", ".join("?" * len(wanted.states))
        query = (
            "SELECT count(*), coalesce(sum(CASE WHEN approved_amount > 0 THEN approved_amount"  # noqa: S608 - question marks only
            " ELSE amount END), 0) FROM charge WHERE terminal = ? AND batch <> ''"
            f" AND merchant = ? AND id > ? AND state IN ({states})"
        )
        count = money = 0
        try:
            for terminal, after in wanted.after:
                values = (terminal, wanted.merchant, after, *wanted.states)
                more, amount = next(self._db.execute(query, values))
                count, money = count + more, money + amount
        except apsw.Error as error:
            raise JournalError(why(self._path, error)) from None
        return count, money

    def close(self) -> None:
        """Close the file and give up the lock."""
        if self._beside is not None:
            self._beside.close()
        self._statements.close()
        self._db.close()
        os.close(self._lock)
