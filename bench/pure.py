"""Routing as its `.py` says, also where it is compiled, and the gateway's way in and out.

With `ISOGATE_PURE=1` in the environment these modules are loaded from their source: to measure what
compiling brings; and in compiled classes no deliberate bug can be put, and no debugger steps.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

VARIABLE: Final = "ISOGATE_PURE"


class _SourceFirst:
    """Finds by its `.py` what is compiled from one; leaves everything else to those after it."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(("routing.", "gateway.")):
            return None
        found = PathFinder.find_spec(name, path, target)
        if found is None or found.origin is None or not found.origin.endswith(".so"):
            return found
        source = Path(found.origin).with_name(name.rpartition(".")[2] + ".py")
        if not source.exists():
            return found
        return spec_from_file_location(name, source, loader=SourceFileLoader(name, str(source)))


def is_wanted() -> bool:
    """Whether this process runs routing from its source."""
    return os.environ.get(VARIABLE) == "1"


def prefer_source() -> None:
    """From now on; what is imported already stays."""
    sys.meta_path.insert(0, _SourceFirst())
