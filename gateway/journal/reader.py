"""Reads the embedded journal beside the process that writes to it."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Final

import apsw

from gateway.journal.lock import LockedError
from gateway.journal.port import JournalError
from gateway.journal.redo import newest_in
from gateway.journal.rows import SELECT, charge_from_row
from gateway.journal.schema import SCHEMA_VERSION, VersionError, version_of
from gateway.journal.sqlite import SqliteJournal
from gateway.journal.tables import reading, why

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.journal.vault import Vault
    from routing.charge import Charge, State

_LOOK_AGAIN_S: Final = 0.005
_LOOKS_MAX: Final = 1_000


class JournalReader:
    """Finds all that was durable when it was opened.  Raises JournalError then."""

    def __init__(self, path: Path, vault: Vault) -> None:
        self._vault, path = vault, path.resolve()
        try:
            self._db = reading(path)
            version = version_of(self._db)
            if version != SCHEMA_VERSION:
                message = (
                    f"journal.path {path}: it is of schema {version}, not {SCHEMA_VERSION};"
                    " a gateway of this version brings it up to date when it starts"
                )
                raise VersionError(message)
            self._complete(path)
            for epoch, salt in self._db.execute("SELECT epoch, salt FROM epoch"):
                vault.know_epoch(epoch, salt)
        except (apsw.Error, OSError) as error:
            raise JournalError(why(path, error)) from None

    def _complete(self, path: Path) -> None:
        """Return when the tables hold what the redo log holds now.

        The process that writes sees to that; if there is none, it is done here.
        """
        newest = newest_in(path, self._applied())
        for _ in range(_LOOKS_MAX):
            if self._applied() >= newest:
                return
            try:
                SqliteJournal(path, self._vault).close()
            except LockedError:
                Event().wait(_LOOK_AGAIN_S)
        message = f"journal.path {path}: its tables lack commits of the redo log"
        raise JournalError(message)

    def _applied(self) -> int:
        (number,) = next(self._db.execute("SELECT number FROM applied"))
        return int(number)

    def snapshot(self) -> apsw.Connection:
        """A context in which everything is read as it stood at one instant."""
        return self._db

    def charges(self, state: State | None = None, charge_id: int | None = None) -> Iterator[Charge]:
        """Charges in the order of their ids; all, those in one state, or one."""
        values: tuple[int | str, ...] = ()
        query = f"{SELECT} ORDER BY id"
        if charge_id is not None:
            query, values = f"{SELECT} WHERE id = ?", (charge_id,)
        elif state is not None:
            query, values = f"{SELECT} WHERE state = ? ORDER BY id", (state,)
        for row in self._db.execute(query, values):
            yield charge_from_row(row, self._vault)

    def steps(self) -> Iterator[tuple[int, str, str, str]]:
        """Charge, event, state before and after of every step, charge by charge in their order."""
        yield from self._db.execute(
            "SELECT charge, event, before, after FROM step ORDER BY charge, number"
        )

    def steps_of(self, charge_id: int) -> Iterator[tuple[float, str, str, str, str]]:
        """Time, event, state after, reason and code of one charge's steps."""
        query = "SELECT at, event, after, reason, code FROM step WHERE charge = ? ORDER BY number"
        yield from self._db.execute(query, (charge_id,))

    def close(self) -> None:
        """Close the file."""
        self._db.close()
