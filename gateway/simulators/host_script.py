"""What the simulated host is told to do, and which fault a given message meets.

The script is data: options of `isogate host`, or the same names in a TOML file.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.simulators.chance import Share, draw, pick
from gateway.simulators.line import Algorithm

if TYPE_CHECKING:
    from gateway.simulators.bank import ChargeRequest

INSUFFICIENT_FUNDS: Final = "51"
OVER_LIMIT: Final = "61"
RESTRICTED_CARD: Final = "62"


class HostScript(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the host listens and what goes wrong there.  Shares are parts of 1."""

    host: str = "127.0.0.1"
    port: int = 9583
    dialect: str = "iso87-ascii"
    seed: int = 1
    silent: Share = 0.0
    """Share of charges that are decided but never answered."""
    late: Share = 0.0
    """Share of charges that are answered after `late_s` seconds."""
    late_s: float = 35.0
    decline: Share = 0.0
    duplicate: Share = 0.0
    """Share of charges whose answer is sent twice."""
    wrong_mac: Share = 0.0
    """Share of charges whose answer carries a wrong MAC (with a `mac_algorithm` only)."""
    reversal_silent: Share = 0.0
    """Share of reversals, each try drawn anew, that are carried out but not answered."""
    reversal_late: Share = 0.0
    delay_ms: float = 0.0
    """Time before any answer."""
    decline_over: int = 0
    """Charges above this amount (minor units) are declined; 0: none."""
    decline_pan_prefix: tuple[str, ...] = ()
    drop_link_at: tuple[float, ...] = ()
    """Seconds after the start at which all links are closed, whatever is in flight."""
    sign_off_at: float = 0.0
    sign_on_at: float = 0.0
    """Seconds after the start at which the host signs off and on again; 0: never."""
    sign_on_demanded: bool = False
    """On a link without a sign-on everything but network management is answered 91."""
    sign_ons_refused: int = 0
    """So many sign-ons are answered 91, the first ones."""
    zone_key_file: str = ""
    """Holds a zone key: then MAC keys are handed out under it, asked for or not."""
    key_field: int = 48
    key_change_at: tuple[float, ...] = ()
    """Seconds after the start at which the host sends a new key by itself."""
    wrong_check_values: int = 0
    """So many keys have a check value that does not fit, the first ones."""
    cut_over_at: float = 0.0
    cut_over_s: float = 5.0
    """When the cut-over begins, 0: never, and how long it lasts."""
    mac_algorithm: Algorithm = "none"
    mac_key_file: str = ""
    book: str = ""


class Fault(StrEnum):
    """What goes wrong with one answer."""

    NONE = ""
    SILENT = "silent"
    LATE = "late"
    DUPLICATE = "duplicate"
    WRONG_MAC = "wrong MAC"


def charge_fault(script: HostScript, request: ChargeRequest) -> Fault:
    """The fault that the answer to a charge meets; at most one."""
    shares = {
        Fault.SILENT: script.silent,
        Fault.LATE: script.late,
        Fault.DUPLICATE: script.duplicate,
        Fault.WRONG_MAC: script.wrong_mac if script.mac_algorithm != "none" else 0.0,
    }
    return pick(draw(script.seed, "charge", *_name(request)), shares) or Fault.NONE


def reversal_fault(script: HostScript, identity: str, tries: int) -> Fault:
    """The fault that the answer to a reversal's try number `tries` meets."""
    shares = {Fault.SILENT: script.reversal_silent, Fault.LATE: script.reversal_late}
    return pick(draw(script.seed, "reversal", identity, tries), shares) or Fault.NONE


def decision(script: HostScript, request: ChargeRequest, pan: str) -> str:
    """DE 39 for a charge: why it is declined, or 00."""
    if script.decline_over and request.amount > script.decline_over:
        return OVER_LIMIT
    if script.decline_pan_prefix and pan.startswith(script.decline_pan_prefix):
        return RESTRICTED_CARD
    if draw(script.seed, "decline", *_name(request)) < script.decline:
        return INSUFFICIENT_FUNDS
    return "00"


def _name(request: ChargeRequest) -> tuple[str, str, int]:
    """What names a charge in every book.  STAN and DE 7 would not do: a gateway chooses them by
    the order in which sales reach it.
    """
    return request.merchant, request.terminal, request.amount
