from typing import Any, final

@final
class Payload:
    """The rows of one commit, straight into the frame that carries them to the disk."""

    def __init__(self, head: int, rows: int) -> None:
        """Room for what stands before it, and for so many rows."""

    def frame(self) -> bytearray:
        """All of it, with what stands before it; nothing is written any more."""

    def open_row(
        self,
        id: int,  # noqa: A002 - as everywhere
        epoch: int,
        identity: str,
        host: str,
        terminal: str,
        batch: str,
        sealed: bytes,
    ) -> int:
        """A charge that is opened; its JSON comes next."""

    def move_row(self, id: int, epoch: int, at: float, is_open: int, state: str) -> int:  # noqa: A002
        """A step of a charge; its JSON comes next, and that of what else is new.  `is_open`: 1 or
        0 where that changes, else -1.
        """

    def add_others(self, said: bytes) -> None:
        """What is written beside charges."""

    def add_part(self, said: str) -> None:
        """A part that is JSON already."""

    def end_part(self) -> int:
        """What comes now is the next part."""

    def end_row(self) -> int:
        """It has all its parts."""

    def begin(self) -> int:
        """An array."""

    def end(self, comma: bool) -> int:
        """Its end, with a comma behind it if wanted."""

    def text(self, value: Any) -> int:
        """A text, or whatever stands where nearly always one does."""

    def whole(self, number: int) -> int:
        """A whole number."""

    def real(self, value: float) -> int:
        """A number that need not be whole: a time."""

    def truth(self, value: bool) -> int:
        """Yes or no."""

    def value(self, value: Any) -> int:
        """Whatever JSON can hold."""
