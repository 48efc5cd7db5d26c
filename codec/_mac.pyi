"""Types of the compiled `_mac`."""

from typing import Literal, final

from codec._secret import Key
from codec._wire import Message

Algorithm = Literal[
    "cup-ecb", "x9.9", "x9.19", "aes-cmac", "aes-cbc", "cup-sm4", "sm4-cbc", "sm4-cmac"
]

@final
class MacKey:
    algorithm: str
    def __init__(
        self,
        algorithm: Algorithm,
        key: Key,
        *,
        padding: int = 1,
        form: Literal["raw", "hex"] | None = None,
        keep: int = 8,
        portable: bool = False,
    ) -> None: ...
    def wipe(self) -> None: ...
    def full(self, data: bytes) -> bytes: ...
    def compute(self, data: bytes) -> bytes: ...

def sign(message: Message, key: MacKey) -> None: ...
def verify(message: Message, key: MacKey) -> bool: ...
