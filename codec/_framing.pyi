"""Types of the compiled `_framing`."""

from typing import final

from codec.errors import FrameError

FRAMINGS: tuple[str, ...]

@final
class Framer:
    frame_bytes_max: int
    framing: str
    error: FrameError | None
    def __init__(self, frame_bytes_max: int = 4096, framing: str = "2-byte") -> None: ...
    @property
    def buffered(self) -> int: ...
    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]: ...

def frame(body: bytes, framing: str = "2-byte") -> bytes: ...
