"""Types of the compiled `_mac_batch`."""

from collections.abc import Iterable

from codec._mac import MacKey
from codec._wire import Message

def verify_many(messages: Iterable[Message], keys: MacKey | Iterable[MacKey]) -> list[bool]: ...
def goes_together(key: MacKey) -> bool: ...
def ahead(messages: list[Message], keys: list[MacKey], to_sign: bool) -> int: ...
