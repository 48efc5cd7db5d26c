"""The purposes of network management, whatever number a dialect gives them."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """What a network management message is for."""

    SIGN_ON = "sign-on"
    SIGN_OFF = "sign-off"
    ECHO = "echo"
    KEY_CHANGE = "key change"
    CUT_OVER_BEGINS = "cut-over begins"
    CUT_OVER_ENDS = "cut-over ends"
