from typing import Any, final

from codec import Message

@final
class Frame:
    """A whole frame came, without its length header."""

    def __init__(self, conn: int, peer: str, data: bytes) -> None: ...
    @property
    def conn(self) -> int: ...
    @property
    def peer(self) -> str:
        """The listener or host that the connection belongs to."""
    @property
    def data(self) -> bytes: ...
    message: Message | None
    """That the frame is, where somebody has read it."""
    def __eq__(self, other: object) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class Acknowledged:
    """The other side's TCP has every byte that was sent with `tag`, and no reset followed."""

    def __init__(self, conn: int, tag: Any) -> None: ...
    @property
    def conn(self) -> int: ...
    @property
    def tag(self) -> Any: ...
    def __eq__(self, other: object) -> bool: ...
    __hash__: None  # type: ignore[assignment]
