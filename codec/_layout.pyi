"""Types of the compiled `_layout`."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Literal, final

from codec.spec import Elements, Field, SubField

@final
class Dialect:
    name: str
    header: bytes
    fields: Mapping[int, Field]
    subfields: Mapping[int, tuple[SubField, ...]]
    sensitive: frozenset[int]
    elements: Mapping[int, Elements]
    def __init__(
        self,
        name: str,
        fields: Mapping[int, Field],
        *,
        mti: Literal["ascii", "ebcdic", "bcd"] = "ascii",
        bitmap: Literal["hex-ascii", "hex-ebcdic", "binary"] = "hex-ascii",
        header: bytes = b"",
        subfields: Mapping[int, tuple[SubField, ...]] | None = None,
        sensitive: AbstractSet[int] = frozenset(),
        elements: Mapping[int, Elements] | None = None,
    ) -> None: ...
    @property
    def header_bytes(self) -> int: ...
    def masked(self, de: int, value: str) -> str: ...
