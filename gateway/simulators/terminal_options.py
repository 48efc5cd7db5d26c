"""What a fleet of simulated terminals is told: where, who, how many, how long, how badly."""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.simulators.line import Algorithm
from gateway.simulators.terminal_plan import Misbehaviour

ServiceClass = Literal["approval", "confirmation"]


class TerminalOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of `isogate terminals`.  Times in seconds."""

    host: str = "127.0.0.1"
    port: int = 8583
    dialect: str = "iso87-ascii"
    merchant: str = "BAKERY000000001"
    service_class: ServiceClass = "approval"
    count: int = 100
    first: int = 1
    """Number of the first terminal; the others follow."""
    rate: float = 20.0
    """Sales a second, all terminals together."""
    seconds: float = 10.0
    settle_s: float = 45.0
    """Time after the traffic in which everything unanswered is settled."""
    seed: int = 1
    timeout_s: float = 35.0
    """How long a terminal waits for an answer."""
    misbehaviour: Misbehaviour = Misbehaviour()
    mac_algorithm: Algorithm = "none"
    mac_key_file: str = ""
    tmk_file: str = ""
    """The terminals' master key, in hexadecimal digits: with it they sign in and get their keys."""
    sign_in_code: str = ""
    """'': as usual in the dialect."""
    terminals_are_numbers: bool = False
    """Terminals are called by their number alone, of eight digits, instead of T and seven."""
    settles: bool = False
    """With keys: closes its batch at the end, and signs off."""
    book: str = ""

    @property
    def confirms(self) -> bool:
        """Whether these terminals confirm their service."""
        return self.service_class == "confirmation"
