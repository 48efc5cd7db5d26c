"""Files that a configuration names: from the working directory, else from beside it.

So an example with its sample files runs from wherever it is started.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

_NAMES: Final = frozenset(
    {"file", "key_file", "certificate_file", "authorities_file", "token_file", "bin_file"}
)
"""Keys that name a file to read, in whatever table they stand."""


def find_files(data: Any, folder: Path) -> Any:
    """`data` with each file that is not in the working directory named in `folder`, if it is there;
    what is nowhere stays as it is named.
    """
    if isinstance(data, list):
        return [find_files(item, folder) for item in data]
    if not isinstance(data, dict):
        return data
    return {
        key: _found(value, folder)
        if key in _NAMES and isinstance(value, str)
        else find_files(value, folder)
        for key, value in data.items()
    }


def _found(name: str, folder: Path) -> str:
    if not name or Path(name).exists() or not (folder / name).exists():
        return name
    return str(folder / name)
