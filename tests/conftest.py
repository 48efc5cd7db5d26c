"""What every test shares: Hypothesis draws the same examples each time, and is in no hurry; nothing
compiled is older than its source.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("isogate", deadline=None, derandomize=True, database=None)
settings.load_profile("isogate")

ROOT = Path(__file__).parents[1]


def _stale() -> list[str]:
    """Compiled modules whose source was changed since."""
    stale = []
    for package in ("codec", "routing", "gateway"):
        for compiled in (ROOT / package).rglob("*.so"):
            module = compiled.with_name(compiled.name.partition(".")[0])
            sources = [module.with_suffix(ending) for ending in (".py", ".pyx", ".pxd")]
            built_at = compiled.stat().st_mtime
            if any(each.exists() and each.stat().st_mtime > built_at for each in sources):
                stale.append(str(module.relative_to(ROOT)))
    return sorted(stale)


def pytest_configure() -> None:
    """Testing yesterday's code would prove nothing."""
    stale = _stale()
    if stale:
        build = "python setup.py build_ext --inplace"
        pytest.exit(f"older than their source: {', '.join(stale)}; build them: {build}", 2)
