"""A certificate says which terminal or merchant it is of; messages must say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codec import FrameError, Message

if TYPE_CHECKING:
    from codec import Dialect


class Binding:
    """What one listener's certificates are bound to."""

    def __init__(self, dialect: Dialect, field: int) -> None:
        self._dialect = dialect
        self._field = field

    def fits(self, frame: bytes, identity: str) -> bool:
        """Whether a message names whom the certificate names.

        One that can't be read, or that names nobody, is left to those who read messages.
        """
        try:
            value = Message(frame, self._dialect).get(self._field)
        except FrameError:
            return True
        return value is None or value.strip() == identity
