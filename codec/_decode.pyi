"""Types of the compiled `_decode`."""

from collections.abc import Mapping
from typing import Any

def decode(
    s: bytes | bytearray, spec: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, str], dict[str, dict[str, bytes]]]: ...
