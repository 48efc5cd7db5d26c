"""Types of the compiled `likeness`; what they do stands in `likeness.pyx`."""

from collections.abc import Iterable
from typing import final

from codec._wire import Message

@final
class Likeness:
    """What messages agree in: dialect, MTI, which fields there are, and the values of some."""

    def __init__(self, message: Message, numbers: Iterable[int]) -> None: ...
    def fits(self, message: Message) -> bool: ...

def joined_after(beginning: str, message: Message, fields: tuple[int, ...]) -> str: ...
