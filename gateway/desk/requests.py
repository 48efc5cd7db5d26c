"""What can be asked of the desk, and its reply: the same over HTTP and from the command line."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from codec.keys import KeyCipher
from routing.accounts.asked import Record
from routing.entries import MerchantEntry, TerminalEntry
from routing.limits import LimitSettings

ChargeId = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""As far as the journal counts."""
Money = Annotated[int, msgspec.Meta(ge=-(10**15), le=10**15)]
"""Minor units."""
Version = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class Request(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="do", forbid_unknown_fields=True
):
    """Something that a person asks for."""


class Close(Request, tag="close", frozen=True, kw_only=True):
    """Close a case, or propose to: `how` is a key of `routing.docket.CLOSINGS`, or `refund`."""

    charge: ChargeId
    how: str


class Confirm(Request, tag="confirm", frozen=True, kw_only=True):
    """Agree to what another person proposed for a case."""

    charge: ChargeId


class Withdraw(Request, tag="withdraw", frozen=True, kw_only=True):
    """Take a proposal back, or refuse it."""

    charge: ChargeId


class Dispute(Request, tag="dispute", frozen=True, kw_only=True):
    """The customer or the bank disputes a charge: its money is frozen until two persons decide."""

    charge: ChargeId
    why: str = ""


class Complain(Request, tag="complain", frozen=True, kw_only=True):
    """A customer says: charged, and got nothing.  The charge by id, by RRN, or by card and more."""

    charge: ChargeId = 0
    rrn: str = ""
    card: str = ""
    """Masked: the first and last digits, anything but digits between."""
    amount: Money = 0
    """Minor units."""
    when: float = 0.0
    """Seconds since the epoch."""
    within_s: float = 3_600.0


class Difference(Request, tag="difference", frozen=True, kw_only=True):
    """A settlement file and the journal differ."""

    host: str
    kind: str
    """A member of `gateway.desk.settlement.Kind`."""
    key: str
    """What the difference is about; the same difference has the same key."""
    charge: ChargeId = 0
    """0: a charge that only the host knows."""
    ours: Money = 0
    theirs: Money = 0
    """Minor units."""


class SettleDifference(Request, tag="settle", frozen=True, kw_only=True):
    """A person cleared a difference up that is about no charge of ours."""

    key: str


class ChangeLimits(Request, tag="limits", frozen=True, kw_only=True):
    """Propose other limits."""

    limits: LimitSettings


class ConfirmLimits(Request, tag="confirm limits", frozen=True, kw_only=True):
    """Agree to the limits that another person proposed."""


class WithdrawLimits(Request, tag="withdraw limits", frozen=True, kw_only=True):
    """Take proposed limits back, or refuse them."""


class FlyCanary(Request, tag="canary", frozen=True, kw_only=True):
    """Send a test charge and its reversal through one host, or all ('')."""

    host: str = ""


class PutMerchant(Request, tag="put merchant", frozen=True, kw_only=True):
    """Have this entry in place of the version that its author has seen; 0: there is none yet, None:
    whatever there is.
    """

    entry: MerchantEntry
    version: Version | None = None
    why: str = ""


class PutTerminal(Request, tag="put terminal", frozen=True, kw_only=True):
    """The same of a terminal."""

    entry: TerminalEntry
    version: Version | None = None
    why: str = ""


class ChangeEntry(Request, tag="change entry", frozen=True, kw_only=True):
    """Change some fields of a merchant's entry or, with `terminal`, of a terminal's."""

    merchant: str
    terminal: str = ""
    changes: dict[str, Any]
    """New values by field; None for the field's default."""
    version: Version | None = None
    why: str = ""


class LoadEntries(Request, tag="load entries", frozen=True, kw_only=True):
    """Have all these entries, or none of them, in force."""

    merchants: tuple[MerchantEntry, ...] = ()
    terminals: tuple[TerminalEntry, ...] = ()


class Account(Request, tag="account", frozen=True, kw_only=True):
    """Something about accounts: words and particulars as in `routing.accounts.asked`."""

    verb: str
    file: str = ""
    action: str = ""
    record: Record = Record()
    key: str = ""
    """The same key again gets the same answer."""


class RunSettlement(Request, tag="run settlement", frozen=True, kw_only=True):
    """Say which card each merchant's money of a day ('': today) goes to."""

    day: str = ""
    currency: str = "156"


class CompareCards(Request, tag="compare cards", frozen=True, kw_only=True):
    """Hold merchants' settlement cards against the bank's now."""


class BringComponent(Request, tag="bring component", frozen=True, kw_only=True):
    """A person brings a part of a key; it was sealed by the custody before it came here."""

    usage: Literal["tmk", "zmk"]
    owner: str
    cipher: KeyCipher = "des"
    count: int
    """How many components the key has."""
    component: str


class LoadKey(Request, tag="load key", frozen=True, kw_only=True):
    """Take a key that came enciphered under a ZMK that is held here."""

    usage: Literal["tmk", "zpk", "zak", "zdk"]
    owner: str
    cipher: KeyCipher = "des"
    transport: str
    """The owner of the ZMK."""
    data: str
    check: str
    """Both in hexadecimal."""


class RewrapKeys(Request, tag="rewrap keys", frozen=True, kw_only=True):
    """Wrap every key under the present KEK."""


class TakeKeyOff(Request, tag="take key off", frozen=True, kw_only=True):
    """Remove a key: whatever needs it does not work any more."""

    usage: str
    owner: str
    cipher: KeyCipher = "des"


KeyRequest = BringComponent | LoadKey | RewrapKeys | TakeKeyOff

AnyRequest = (
    Close
    | Confirm
    | Withdraw
    | Dispute
    | Complain
    | Difference
    | SettleDifference
    | ChangeLimits
    | ConfirmLimits
    | WithdrawLimits
    | FlyCanary
    | Account
    | RunSettlement
    | CompareCards
    | PutMerchant
    | PutTerminal
    | ChangeEntry
    | LoadEntries
    | BringComponent
    | LoadKey
    | RewrapKeys
    | TakeKeyOff
)


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request and the name of who makes it."""

    request: AnyRequest
    who: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a request; `status` as in HTTP."""

    status: int = 200
    said: str = ""
    facts: dict[str, Any] = {}

    @property
    def ok(self) -> bool:
        """Whether it was done, or waits for a second person."""
        return self.status < 400  # noqa: PLR2004 - HTTP's


class NobodyThereError(Exception):
    """The gateway that uses the journal does not answer; the message says where it was asked."""


class DeskError(Exception):
    """The desk can't be asked, or not for this; the message says why."""
