"""Why a terminal is out of service: the kinds that there are."""

from __future__ import annotations

from enum import StrEnum


class Why(StrEnum):
    """What a terminal is out of service for."""

    FAULT = "FAULT"
    VIOLATION = "VIOLATION"
    ACCOUNT = "ACCOUNT"
    MAINTENANCE = "MAINTENANCE"
    UPGRADE = "UPGRADE"
    REGULATION = "REGULATION"
    STRATEGY = "STRATEGY"
