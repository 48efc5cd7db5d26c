"""Reads the embedded journal beside the process that writes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import apsw
from cryptography.exceptions import InvalidTag

from gateway.journal.port import JournalError
from gateway.journal.rows import SELECT, charge_from_row
from gateway.journal.schema import SCHEMA_VERSION, VersionError, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.journal.vault import Vault
    from routing.charge import Charge, State

BUSY_TIMEOUT_MS: Final = 5_000


class JournalReader:
    """Raises JournalError when opened."""

    def __init__(self, path: Path, vault: Vault) -> None:
        self._vault = vault
        try:
            self._db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
            self._db.set_busy_timeout(BUSY_TIMEOUT_MS)
            version = version_of(self._db)
            if version != SCHEMA_VERSION:
                message = (
                    f"journal.path {path}: it is of schema {version}, not {SCHEMA_VERSION};"
                    " a gateway of this version brings it up to date when it starts"
                )
                raise VersionError(message)
            for epoch, salt in self._db.execute("SELECT epoch, salt FROM epoch"):
                vault.know_epoch(epoch, salt)
        except apsw.Error as error:
            raise JournalError(why(path, error)) from None

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


def why(path: Path, error: Exception) -> str:
    """An error as it is told; no value of any record."""
    if isinstance(error, InvalidTag):
        return f"journal.key_file: not the key that the card numbers in {path} were sealed with"
    return f"journal.path {path}: {type(error).__name__}: {error}"
