from typing import Final

BY_PROCESSOR: Final[bool]
"""This machine has an instruction for it."""

def crc32c(data: bytes | bytearray | memoryview, *, by_tables: bool = False) -> int:
    """The CRC-32C (Castagnoli) of some bytes; `by_tables` as a machine without the instruction
    would.
    """
