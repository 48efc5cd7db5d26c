"""Bytes to messages and back: ISO 8583 frames, dialects, MACs, masking.

What lives here turns bytes into messages and messages into bytes, and knows nothing of charges,
hosts or sockets.  It imports no other package of this project, does no I/O, reads no clock.
"""

from codec import mask
from codec._wire import Dialect, Message, build
from codec.dialects import DIALECTS, dialect
from codec.errors import BuildError, CodecError, FrameError
from codec.explain import explain
from codec.framing import Framer
from codec.mac import MacKey

__all__ = [
    "DIALECTS",
    "BuildError",
    "CodecError",
    "Dialect",
    "FrameError",
    "Framer",
    "MacKey",
    "Message",
    "build",
    "dialect",
    "explain",
    "mask",
]
