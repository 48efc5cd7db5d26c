"""What routing is told of a host: how it is spoken to, and what it may be trusted with."""

from __future__ import annotations

from typing import Literal

import msgspec


class NetworkCodes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a host's agreement says instead of its dialect's own codes; empty: the dialect's.

    DE 70 of the 1987 edition, DE 24 of the 1993 edition, MTI/DE 60.3 of the POS dialect.
    """

    sign_on: str = ""
    sign_off: str = ""
    echo: str = ""
    key_change: str = ""
    cut_over_begins: str = ""
    cut_over_ends: str = ""


class KeyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How MAC keys are exchanged with a host, under a zone key (ZMK) that hangs on the key ring."""

    field: int = 0
    """Where the key stands in messages of that purpose: DE 48, 53, 62, 96; 0: none is exchanged."""
    form: Literal["hex", "raw"] = "hex"
    """Hexadecimal digits, or bytes as they are."""
    offset: int = 0
    """Characters of the field before the key."""
    cipher: Literal["des", "aes", "sm4"] = "des"
    key_bytes: int = 16
    check_bytes: int = 4
    """Of the check value that follows the key; 0: none does."""
    every_s: float = 86_400.0
    """How old a key may become before a new one is asked for; 0: only when it is needed."""
    grace_s: float = 60.0
    """How long the old key stays good for what is on its way."""
    retry_s: float = 60.0
    """Pause after an exchange that failed."""


class HostSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What routing needs to know of a host; seconds and counts."""

    name: str = "host"
    dialect: str = "iso87-ascii"
    reversal_mti: Literal["0420", "0400"] = "0420"
    """What reversals go out as; repeats as 0421 or 0401.  POS hosts always get an 0400."""
    partial_reversals: bool = False
    """Whether it agreed to DE 95: a reversal of all but what stays charged."""
    reverses_settled: bool = False
    """Whether it reverses charges of an earlier settlement date; else they become refund cases."""
    settles_at: str = ""
    """HH:MM in UTC: its day ends then, where it tells no settlement date itself."""
    answer_timeout_s: float = 30.0
    sign_on: bool = False
    sign_on_retry_s: float = 10.0
    """Pause after a sign-on that was refused; doubled each time, up to `sign_on_retry_max_s`."""
    sign_on_retry_max_s: float = 300.0
    network_codes: NetworkCodes = NetworkCodes()
    echo_idle_s: float = 30.0
    """0: no echoes."""
    echo_misses_max: int = 3
    slow_start_s: float = 10.0
    """A link that came back gets its full share of messages only after so long; 0: at once."""
    link_silences_max: int = 5
    """Charges in a row without an answer on one link while others answer: it gets nothing new for
    `ejection_s`; 0: any number."""
    ejection_s: float = 30.0
    slow_s: float = 5.0
    """It counts as degraded while more than one answer in twenty took longer; 0: never."""
    key_change: KeyChange = KeyChange()
    in_flight_max: int = 10_000
    """Requests that wait for an answer; above it new ones get 91.  Reversals always go."""
    pending_max: int = 100_000
    """Keys in flight and in quarantine."""
    late_answer_quarantine_s: float = 600.0
    silences_max: int = 20
    """Charges in a row without an answer, after which new ones get 91 unsent; 0: any number."""
    silence_pause_s: float = 5.0
    """How long nothing new goes then, before one charge goes to see."""
