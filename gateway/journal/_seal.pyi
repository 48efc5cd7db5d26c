from typing import Final, final

AVAILABLE: Final[bool]

@final
class Sealer:
    """AES-256-GCM under one key, a charge's number as nonce."""

    def __init__(self, key: bytes) -> None: ...
    def seal(self, number: int, text: str) -> bytes:
        """The text enciphered, and its tag."""
