"""The journal's tables: one SQLite file in WAL mode, which takes in what the redo log holds.

`charge` holds each charge as it stands and every step it took, `epoch` every life of a gateway on
this file, `applied` up to which commit the tables are complete; `entry`, `kept` and `audit` have a
module each beside this one.

What is taken in need not be synced: until it is, the redo log keeps it.  Used by one thread at a
time, which holds the journal's lock of the tables.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import apsw
from cryptography.exceptions import InvalidTag

from gateway.journal import audit_log, docket, gently, kept, memory, rows
from gateway.journal.identities import FILL, FILLED
from gateway.journal.port import FencedError
from gateway.journal.rows import SELECT, WHERE_NAMED
from gateway.journal.schema import bring_up_to_date
from gateway.journal.statements import prepared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.journal.unapplied import Unapplied
    from routing.effects import Kept, Noted

BUSY_TIMEOUT_MS: Final = 5_000
STAN_GAP: Final = 1_000
"""Numbers skipped at a restart: more than one batch can have used without a record."""
_FLAGS: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX
"""One thread at a time uses the connection that writes: it needs no locks of its own."""
_REVERSALS_AHEAD: Final = (
    "SELECT coalesce(max(ahead), 0) FROM (SELECT (CAST(reversal_stan AS INTEGER) - ? + 999999)"
    " % 999999 AS ahead FROM charge WHERE reversal_stan <> '' AND host = ? AND id > ?)"
    " WHERE ahead < 500000"
)
"""How far the numbers of reversals are past a number that counts round; half round is behind."""
_APPLIED: Final = "UPDATE applied SET number = ?"
_STATEMENTS: Final = ("BEGIN", rows.INSERT, FILL, FILLED, *rows.UPDATES, _APPLIED, "COMMIT")
"""In the order in which they are carried out.  COMMIT as a statement, unlike apsw's own `with
connection`, lets the turns go on meanwhile."""
_BEGIN: Final = 0
_COMMIT: Final = len(_STATEMENTS) - 1
_ONCE: Final[list[tuple[Any, ...]]] = [()]
""""The row" of a statement that takes no values."""

memory.prepare()
gently.prepare()


class Tables:
    """The connection that writes.  Raises apsw.Error, from its making on."""

    def __init__(self, path: Path, vfs: str = "") -> None:
        """`vfs` names a file layer of SQLite's other than the system's, which need not share memory
        with readers beside.  Raises VersionError as well.
        """
        self.db = db = apsw.Connection(str(path), flags=_FLAGS, vfs=vfs or None)
        if vfs:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
        else:
            path.chmod(0o600)
        db.set_busy_timeout(BUSY_TIMEOUT_MS)
        db.execute("PRAGMA journal_mode = WAL")
        self._syncs = False
        self._unsure = False
        """A commit failed, and whether it is in could not be seen."""
        self.sync(each=True)
        bring_up_to_date(db)
        ((pages,),) = db.execute("PRAGMA page_count")
        db.execute(f"PRAGMA cache_size = -{memory.cache_kib(pages)}")
        self._statements = prepared(db, _STATEMENTS)
        number, journal = self._applied()
        self.journal: int = journal & 0xFFFF_FFFF_FFFF_FFFF
        """By which the redo log knows them."""
        self.number: int = number
        """Of the last commit that is applied."""

    def sync(self, *, each: bool) -> None:
        """Whether each commit from now on is synced, and with it all before."""
        if each is not self._syncs:
            self.db.execute(f"PRAGMA synchronous = {'FULL' if each else 'NORMAL'}")
            self._syncs = each

    def apply(
        self,
        work: Unapplied,
        identities: Sequence[tuple[str, int]],
        up_to: Sequence[tuple[int]],
    ) -> bool:
        """Take in what is durable elsewhere, with rows for FILL and FILLED; all or nothing.  False
        where all is in, but was not synced although each commit should be.

        Raises FencedError where the tables are not what this process left.
        """
        if self._unsure and self._applied()[0] == work.number:
            self._unsure, self.number = False, work.number
            return False
        synced = True
        try:
            self._apply(work, identities, up_to)
        except apsw.ConstraintError:
            self._undo()
            message = "a charge's number is taken, or a row is none"
            raise FencedError(message) from None
        except apsw.Error:
            self._unsure = True
            self._undo()
            if self._applied()[0] != work.number:
                self._unsure = False
                raise
            self._unsure = synced = False
        except BaseException:
            self._undo()
            raise
        self.number = work.number
        return synced

    def _applied(self) -> tuple[int, int]:
        number, journal = next(self.db.execute("SELECT number, journal FROM applied"))
        return number, journal

    def _apply(
        self,
        work: Unapplied,
        identities: Sequence[tuple[str, int]],
        up_to: Sequence[tuple[int]],
    ) -> None:
        opened, number = work.inserts(), [(work.number,)]
        written = [_ONCE, opened, list(identities), list(up_to), *work.updates(), number]
        beside = work.noted or work.kept or work.audited
        ended = self._statements.carry_out(_BEGIN, written if beside else [*written, _ONCE])
        if ended >= 0:
            message = "another process took these charges over"
            raise FencedError(message)
        if beside:
            docket.insert(self.db, work.noted)
            kept.write(self.db, work.kept)
            audit_log.append(self.db, work.audited)
            self._statements.carry_out(_COMMIT, [_ONCE])

    def _undo(self) -> None:
        """Nothing stays of what was begun."""
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")

    def begin_life(self, wall: float, salt: bytes) -> int:
        """A new epoch, and its number."""
        with self.db:
            (last,) = next(self.db.execute("SELECT coalesce(max(epoch), 0) FROM epoch"))
            self.db.execute("INSERT INTO epoch VALUES (?, ?, ?)", (last + 1, wall, salt))
        return int(last + 1)

    def salts(self) -> Iterator[tuple[int, bytes]]:
        """Of each epoch."""
        yield from self.db.execute("SELECT epoch, salt FROM epoch")

    def last_id(self) -> int:
        """The greatest id of a charge."""
        (number,) = next(self.db.execute("SELECT coalesce(max(id), 0) FROM charge"))
        return int(number)

    def last_stans(self, last_id: int) -> dict[str, int]:
        """Where to go on: past the newest charge of each host, and past every reversal since."""
        found = self.db.execute(
            "SELECT host, host_stan FROM charge WHERE id IN (SELECT max(id) FROM charge"
            " WHERE id > ? GROUP BY host)",
            (last_id - 1_000_000,),
        )
        newest = {host: int(stan) for host, stan in found if stan.isdigit()}
        for host, stan in newest.items():
            ahead = self.db.execute(_REVERSALS_AHEAD, (stan, host, last_id - 1_000_000))
            newest[host] += next(ahead)[0] + STAN_GAP
        return newest

    def open_and_newest(self, ended_max: int) -> Iterator[Sequence[Any]]:
        """Rows of charges that a new life must know, oldest first: what is open, what an open void
        or refund is about, and the newest.
        """
        query = (
            f"{SELECT} WHERE open OR id IN (SELECT original_id FROM charge WHERE open)"  # noqa: S608 - names of ours only
            f" UNION SELECT * FROM ({SELECT} ORDER BY id DESC LIMIT ?) ORDER BY id"
        )
        yield from self.db.execute(query, (ended_max,))

    def pending(self, wall: float) -> list[Noted]:
        """Entries of the docket that may still matter."""
        return list(docket.pending(self.db, wall))

    def kept(self) -> list[Kept]:
        """All that is kept beside charges."""
        return list(kept.everything(self.db))

    def one(self, number: int) -> Sequence[Any] | None:
        """The row of the charge with this id."""
        row: Sequence[Any] | None
        row = next(self.db.execute(f"{SELECT} WHERE id = ?", (number,)), None)
        return row

    def batch(self, terminal: str, batch: str, merchant: str) -> Iterator[Sequence[Any]]:
        """Rows of a terminal's batch, oldest first."""
        condition = "terminal = ? AND batch = ? AND batch <> '' AND merchant = ?"
        query = f"{WHERE_NAMED % condition} ORDER BY id"
        yield from self.db.execute(query, (terminal, batch, merchant))

    def unsettled(
        self, terminal: str, merchant: str, after: int, states: Sequence[str]
    ) -> tuple[int, int]:
        """Count and money of a terminal's charges with a batch number, in these states, past an
        id.
        """
        marks = ", ".join("?" * len(states))
        query = (
            "SELECT count(*), coalesce(sum(CASE WHEN approved_amount > 0 THEN approved_amount"  # noqa: S608 - question marks only
            " ELSE amount END), 0) FROM charge WHERE terminal = ? AND batch <> ''"
            f" AND merchant = ? AND id > ? AND state IN ({marks})"
        )
        count, money = next(self.db.execute(query, (terminal, merchant, after, *states)))
        return int(count), int(money)

    def give_up(self) -> None:
        """Close the file, whatever that says: the error that led here is the one to tell."""
        with suppress(apsw.Error):
            self.close()

    def close(self) -> None:
        """Close the file."""
        self._statements.close()
        self.db.close()


def reading(path: Path) -> apsw.Connection:
    """A connection beside the one that writes."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    db.set_busy_timeout(BUSY_TIMEOUT_MS)
    return db


def why(path: Path, error: Exception) -> str:
    """An error as it is told; no value of any record."""
    if isinstance(error, InvalidTag):
        return f"journal.key_file: not the key that the card numbers in {path} were sealed with"
    return f"journal.path {path}: {type(error).__name__}: {error}"
