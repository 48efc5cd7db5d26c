"""Types of the compiled `_encode`."""

from collections.abc import Mapping, MutableMapping
from typing import Any

def encode(
    doc_dec: MutableMapping[str, str], spec: Mapping[str, Mapping[str, Any]]
) -> tuple[bytearray, dict[str, dict[str, bytes]]]: ...
