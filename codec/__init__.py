"""Bytes to messages and back: ISO 8583 frames, dialects, MACs, masking.

What lives here turns bytes into messages and messages into bytes, and knows nothing of charges,
hosts or sockets.  It imports no other package of this project, does no I/O, reads no clock.

`Message`, `build` and what belongs to them are the codec of this project.  `decode`, `encode`,
`pp`, `specs`, `DecodeError` and `EncodeError` are pyiso8583's interface, for who comes from there.
"""

from iso8583 import pp

from codec import mask, specs
from codec._decode import decode
from codec._encode import encode
from codec._layout import Dialect
from codec._wire import FieldSet, Message, build
from codec.dialects import DIALECTS, dialect
from codec.errors import (
    BuildError,
    CodecError,
    DecodeError,
    DialectError,
    EncodeError,
    FrameError,
    KeyBlockError,
    KeyMaterialError,
    PinBlockError,
)
from codec.explain import explain
from codec.framing import Framer
from codec.loader import parse_dialect
from codec.mac import MacKey
from codec.sniff import Guess, sniff

__all__ = [
    "DIALECTS",
    "BuildError",
    "CodecError",
    "DecodeError",
    "Dialect",
    "DialectError",
    "EncodeError",
    "FieldSet",
    "FrameError",
    "Framer",
    "Guess",
    "KeyBlockError",
    "KeyMaterialError",
    "MacKey",
    "Message",
    "PinBlockError",
    "build",
    "decode",
    "dialect",
    "encode",
    "explain",
    "mask",
    "parse_dialect",
    "pp",
    "sniff",
    "specs",
]
