"""What is asked of every other side: is a message really from there, and how does one go there."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codec import Dialect, MacKey, Message


class AnyPeer:
    """How one listener's terminals, or one host, speak."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.gains = False
        """Whether MACs of many messages at once take less time than one by one."""

    @abstractmethod
    def authentic(self, message: Message) -> bool:
        """Whether the MAC of a message that came from there is good, if there must be one."""

    @abstractmethod
    def signed(self, message: Message) -> bytes:
        """The bytes of a message that goes there, with its MAC where there must be one."""

    def key_ahead(self, message: Message) -> MacKey | None:
        """Where there is something to gain: the key that `authentic` or `signed` will use."""
        del message
        return None
