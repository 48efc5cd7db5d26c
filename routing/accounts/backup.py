"""What a backup of a terminal's transactions must show before the terminal goes out of service.

The gateway's shell writes it, enciphered, and reads it again; here both sides are compared.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Sums(NamedTuple):
    """What is compared."""

    transactions: int
    money: int
    """Minor units."""
    digest: str
    """SHA-256 over every transaction, in the order of their numbers."""


class Evidence(NamedTuple):
    """What the journal holds, and what was read from the file that was written."""

    journal: Sums
    backup: Sums
    file: str

    @property
    def matches(self) -> bool:
        """Nothing is missing and nothing differs."""
        return self.journal == self.backup

    def facts(self) -> dict[str, Any]:
        """As the request keeps it."""
        return {"file": self.file, "matches": self.matches, **self.journal._asdict()}

    def told(self) -> str:
        """For its story."""
        if self.matches:
            return f"{self.journal.transactions} transactions, {self.journal.money}"
        read, held = self.backup.transactions, self.journal.transactions
        return f"{read} of {held} transactions, or other contents"


class Wanted(NamedTuple):
    """A terminal's transactions are to be backed up."""

    request: str
    merchant: str
    terminal: str
