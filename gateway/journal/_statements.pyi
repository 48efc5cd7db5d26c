from collections.abc import Sequence
from typing import Any, final, overload

import apsw

class Rows(Sequence[tuple[Any, ...]]):
    """Rows for one statement, each made when it is its turn."""

    @overload
    def __getitem__(self, at: int) -> tuple[Any, ...]: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[tuple[Any, ...]]: ...
    def __len__(self) -> int: ...

@final
class Statements:
    """Statements on one connection, by their place in `texts`; `close` before the connection."""

    def __init__(self, db: apsw.Connection, texts: tuple[str, ...]) -> None:
        """Raises apsw.Error, or AttributeError where apsw was built without loading."""

    def carry_out(self, first: int, batches: Sequence[Sequence[tuple[Any, ...]]]) -> int:
        """Statement `first` for each row of the first of `batches`, and so on; see there."""

    def close(self) -> None:
        """Nothing can be carried out any more."""
