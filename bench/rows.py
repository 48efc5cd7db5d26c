"""The codec's operations that are measured, by name, on the 152-byte, 13-field sale."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from bench.setups import KEY
from codec import MacKey, Message, build, decode, dialect, encode, mac, specs

if TYPE_CHECKING:
    from collections.abc import Callable

DIALECT: Final = dialect("iso87-ascii")
SALE: Final = {
    2: "4111111111111111",
    3: "000000",
    4: "000000001000",
    7: "1123171500",
    11: "000123",
    12: "171500",
    13: "1123",
    22: "021",
    25: "00",
    35: "4111111111111111=30122011000000000000",
    41: "T0000001",
    42: "MERCHANT0000001",
    49: "840",
}
"""As the load generator sends it (`native/sale.h`)."""
RAW: Final = build(DIALECT, "0200", SALE).raw
BATCH: Final = 64
_KEY: Final = MacKey("aes-cmac", bytes.fromhex(KEY))
MACS: Final[tuple[mac.Algorithm, ...]] = ("cup-ecb", "x9.19", "aes-cmac")


def signed_sale(terminal: str, stan: int) -> bytes:
    """A sale of now in its frame, with the MAC of `setups.EVERYTHING`."""
    now = time.gmtime()
    changes = {
        7: time.strftime("%m%d%H%M%S", now),
        11: f"{stan:06}",
        12: time.strftime("%H%M%S", now),
        13: time.strftime("%m%d", now),
        41: terminal,
    }
    message = build(DIALECT, "0200", SALE | changes)
    mac.sign(message, _KEY)
    return len(message.raw).to_bytes(2, "big") + message.raw


def _index() -> None:
    message = Message(RAW, DIALECT)
    message[2], message[4], message[11]


def _patching() -> Callable[[], object]:
    reply = build(DIALECT, "0210", SALE | {39: "00"})

    def patch() -> None:
        reply.patch(11, "654321")
        reply.patch(39, "05")

    return patch


def _encoding() -> Callable[[], object]:
    fields, _ = decode(RAW, specs.default_ascii)
    return lambda: encode(fields, specs.default_ascii)


def _verifying(algorithm: mac.Algorithm) -> Callable[[], object]:
    key = MacKey(algorithm, bytes(range(16)))
    signed = build(DIALECT, "0200", SALE)
    mac.sign(signed, key)
    return lambda: mac.verify(signed, key)


def _verifying_many(algorithm: mac.Algorithm) -> Callable[[], object]:
    keys = [MacKey(algorithm, bytes(range(lane, lane + 16))) for lane in range(BATCH)]
    signed = [build(DIALECT, "0200", SALE) for _ in keys]
    for message, key in zip(signed, keys, strict=True):
        mac.sign(message, key)
    return lambda: mac.verify_many(signed, keys)


def batches() -> dict[str, Callable[[], object]]:
    """Operations that do `BATCH` messages in one call, each under a key of its own."""
    return {
        f"verify {algorithm}, {BATCH} at once": _verifying_many(algorithm)
        for algorithm in ("cup-ecb", "x9.19")
    }


def rows() -> dict[str, Callable[[], object]]:
    """Each operation, ready to be called any number of times."""
    return {
        "index and read 3 fields": _index,
        "decode to a dict, pyiso8583's way": lambda: decode(RAW, specs.default_ascii),
        "encode a dict, pyiso8583's way": _encoding(),
        "patch DE 11 and DE 39 in place": _patching(),
        "build from a dict": lambda: build(DIALECT, "0200", SALE),
    } | {f"verify {algorithm}": _verifying(algorithm) for algorithm in MACS}


def _repeat(operation: Callable[[], object], count: int) -> None:
    for _ in range(count):
        operation()


if __name__ == "__main__":
    _repeat((rows() | batches())[sys.argv[1]], int(sys.argv[2]))
