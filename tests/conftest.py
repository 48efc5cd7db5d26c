"""What every test shares: Hypothesis draws the same examples each time, and is in no hurry."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("isogate", deadline=None, derandomize=True, database=None)
settings.load_profile("isogate")
