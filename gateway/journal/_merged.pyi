from typing import Any, final

from gateway.journal._statements import Rows

@final
class Merged:
    """What commits say of charges, one row for each charge; used by one thread at a time, and
    nothing is added once rows were asked for.
    """

    def add(self, payload: memoryview) -> None:
        """What one more commit says.  Raises DamagedError where it is none."""

    def holds(self, number: int) -> bool:
        """Whether a charge was opened in here."""

    def touches(self, number: int) -> bool:
        """Whether anything is new of a charge."""

    def row(self, number: int) -> tuple[Any, ...]:
        """For INSERT, of one charge that was opened in here."""

    def inserts(self) -> Rows:
        """Rows for INSERT."""

    def updates(self) -> list[Rows]:
        """For each of UPDATES its rows."""

    def __len__(self) -> int: ...

def lives_and_others(payload: memoryview) -> tuple[set[int], bytes]:
    """Of which lives the charges in a payload are; and what is written beside them, b'' if nothing.
    Raises DamagedError where it is no payload.
    """
