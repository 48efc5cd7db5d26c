"""Cutting a byte stream into frames: a 2-byte big-endian length that excludes itself.

A `Framer` says the same about a stream however it is cut into pieces.  What a frame means is none
of its business.
"""

from __future__ import annotations

from typing import Final

from codec.errors import BuildError, FrameError

LENGTH_BYTES: Final = 2
_LENGTH_MAX: Final = 0xFFFF


class Framer:
    """Collects bytes and gives out whole frames, without their length header.

    >>> framer = Framer()
    >>> framer.feed(b"\\x00\\x02hi\\x00\\x03yo"), framer.buffered
    ([b'hi'], 4)
    """

    __slots__ = ("_error", "_waiting", "frame_bytes_max")

    def __init__(self, frame_bytes_max: int = 4096) -> None:
        if not 0 < frame_bytes_max <= _LENGTH_MAX:
            raise ValueError(f"frame_bytes_max must be within 1 and {_LENGTH_MAX}")
        self.frame_bytes_max = frame_bytes_max
        self._waiting = b""
        self._error: FrameError | None = None

    @property
    def error(self) -> FrameError | None:
        """What made the stream unreadable, as soon as its bytes were fed."""
        return self._error

    @property
    def buffered(self) -> int:
        """Bytes that wait for the rest of their frame, length header included."""
        return len(self._waiting)

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that `data` completes.

        A length of 0 or above `frame_bytes_max` loses the stream: FrameError, from then on.  Whole
        frames that came before it are handed out first, `error` is set, and the next call raises.
        """
        if self._error is not None:
            raise self._error
        stream = self._waiting + data if self._waiting else bytes(data)
        frames, at = self._cut(stream)
        self._waiting = stream[at:]
        if self._error is not None and not frames:
            raise self._error
        return frames

    def _cut(self, stream: bytes) -> tuple[list[bytes], int]:
        frames: list[bytes] = []
        at = 0
        while len(stream) - at >= LENGTH_BYTES:
            length = stream[at] << 8 | stream[at + 1]
            if not 0 < length <= self.frame_bytes_max:
                self._error = FrameError(
                    f"expected a length of 1 to {self.frame_bytes_max} bytes, found {length}",
                    field="length header",
                )
                break
            end = at + LENGTH_BYTES + length
            if end > len(stream):
                break
            frames.append(stream[at + LENGTH_BYTES : end])
            at = end
        return frames, at


def frame(body: bytes) -> bytes:
    """`body` with its length in front.

    >>> frame(b"hi")
    b'\\x00\\x02hi'
    """
    if not 0 < len(body) <= _LENGTH_MAX:
        raise BuildError(f"expected 1 to {_LENGTH_MAX} bytes, found {len(body)}", "length header")
    return len(body).to_bytes(LENGTH_BYTES, "big") + body
