"""The shop street: which terminals stand behind which listener, and the gateway's configuration.

Both dialects, both merchant classes, MACs, sign-on and both mappings between dialects are in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from codec import MacKey
from gateway.config import Config, Host, JournalConfig, Listener, Mac
from gateway.keys.settings import KeySettings
from gateway.registry_file import Document, RegistryConfig, as_toml
from gateway.settlement_config import SettlementConfig
from gateway.wire.port import WireLimits
from routing.entries import MerchantEntry, TerminalEntry
from routing.host_settings import KeyChange
from routing.limits import LimitSettings
from routing.reversal import ReversalSettings
from routing.routes import Route
from routing.service import Merchant, Proof, ServiceSettings
from tests.simulation.acquirer import SETTINGS as ACCOUNTS
from tests.simulation.agenda import WALL_AT_START
from tests.simulation.keys import ALGORITHM, FIELD, FIRST, GRACE_S
from tests.simulation.settling import CUT_OVER_AT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from gateway.simulators.terminal_session import Keyed
    from tests.simulation.terminals import Terminal
    from tests.simulation.wires import End

ISO: Final = "iso87-ascii"
POS: Final = "unionpay-pos"
KEYS: Final = {
    "pos": MacKey(ALGORITHM, bytes.fromhex("0123456789ABCDEF" * 2)),
}
WRAPPED: Final = "wrapped.toml"
"""The gateway's file of wrapped keys."""
REGISTRY: Final = "registry.toml"
_KEYS_CHANGE_EVERY_S: Final = 40.0
ANSWER_TIMEOUT_S: Final = 6.0
WINDOW_S: Final = 15.0
PROOF_S: Final = 75.0
"""Long enough for a terminal to come back, whatever happens to its first connections."""
UNACKNOWLEDGED_S: Final = 20.0
"""How long the gateway waits for a terminal's TCP to acknowledge an answer."""
HEALS_WITHIN_S: Final = 240.0
"""Once faults have stopped and the terminals are done, every charge has its end within this."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the terminals of one shop have in common."""

    listener: str
    dialect: str
    merchant: str
    confirms: bool
    pan_prefix: str
    key: MacKey | None
    dial: Callable[[Terminal], End | None]
    gone: Callable[[Terminal], None]
    """Told of a terminal that will never come back."""
    pause_s: float
    keyed: Keyed | None = None
    """Where its terminals have keys of their own."""
    batch: str = "000001"
    wall_at_start: float = WALL_AT_START


SHOPS: Final = (
    ("iso", "BAKERY-ISO-0001", False, "410000"),
    ("iso", "PARKING-ISO-001", True, "410000"),
    ("iso", "FLORIST-ISO-001", False, "620000"),
    ("pos", "BAKERY-POS-0001", False, "620000"),
    ("pos", "PARKING-POS-001", True, "620000"),
    ("pos", "KIOSK-POS-00001", False, "410000"),
)
"""Listener, merchant, confirmation class, start of its customers' card numbers."""

DIALECTS: Final = {"iso": ISO, "pos": POS, "bank": ISO, "clearing": POS}
"""Of listeners and hosts."""


def config(folder: Path, limits: LimitSettings, *, keyed: bool, exchanges: bool) -> Config:
    """The gateway's configuration; `folder` holds key files and the journal's lock.

    With `keyed` the POS terminals sign in and get keys of their own; with `exchanges` the clearing
    house's MAC key changes.
    """
    for name, key in (("pos", "0123456789ABCDEF" * 2), ("clearing", FIRST.hex())):
        (folder / name).write_text(key, "ascii")
    macs = {
        name: Mac(algorithm=ALGORITHM, key_file=str(folder / name)) for name in ("pos", "clearing")
    }
    pos = Listener(name="pos", dialect=POS, terminal_resolves_first=True, mac=macs["pos"])
    registry, change = RegistryConfig(), KeyChange()
    if keyed:
        pos = msgspec.structs.replace(pos, keys="working", mac=Mac(algorithm=ALGORITHM))
        registry = RegistryConfig(file=str(folder / REGISTRY))
    if exchanges:
        macs["clearing"] = Mac(algorithm=ALGORITHM)
        change = KeyChange(field=FIELD, every_s=_KEYS_CHANGE_EVERY_S, grace_s=GRACE_S, retry_s=4.0)
    return Config(
        listener=(
            Listener(name="iso", dialect=ISO, terminal_resolves_first=True),
            pos,
        ),
        keys=KeySettings(custody="software", file=str(folder / WRAPPED)),
        registry=registry,
        host=(
            Host(name="bank", dialect=ISO, port=1, links=2, answer_timeout_s=ANSWER_TIMEOUT_S,
                 sign_on=True, sign_on_retry_s=2.0, sign_on_retry_max_s=10.0, echo_idle_s=10.0,
                 reconnect_max_s=3.0, slow_start_s=5.0, ejection_s=10.0,
                 late_answer_quarantine_s=120.0),
            Host(name="clearing", dialect=POS, port=2, links=2, answer_timeout_s=ANSWER_TIMEOUT_S,
                 echo_idle_s=10.0, reconnect_max_s=3.0, late_answer_quarantine_s=120.0,
                 mac=macs["clearing"], key_change=change),
        ),
        route=(
            Route(hosts=("bank", "clearing"), failover=True, pan_prefix=("41",)),
            Route(host="clearing", pan_prefix=("62",)),
        ),
        merchant=tuple(
            Merchant(id=name, proof=Proof.CONFIRMATION, window_s=WINDOW_S)
            for _, name, confirms, _ in SHOPS
            if confirms
        ),
        limits=limits,
        accounts=ACCOUNTS,
        settlement=SettlementConfig(cut_over_at=CUT_OVER_AT),
        service=ServiceSettings(delivery_proof_s=PROOF_S),
        reversal=ReversalSettings(
            schedule_s=(0.0, 1.0, 3.0, 8.0), answer_timeout_s=6.0, reorder_margin_s=20.0
        ),
        journal=JournalConfig(path=str(folder / "journal.db"), key_file=str(folder / "key")),
        wire=WireLimits(unacknowledged_s=UNACKNOWLEDGED_S, idle_s=120.0),
    )  # fmt: skip


def registry(terminals: Iterable[Terminal]) -> str:
    """The registry of those that sign in: merchants, their classes, and who stands there."""
    signing = [each for each in terminals if each.line.keyed is not None]
    classes = {each.merchant: each.confirms for each in signing}
    merchants = tuple(
        MerchantEntry(id=name, proof=Proof.CONFIRMATION, window_s=WINDOW_S)
        if confirms
        else MerchantEntry(id=name)
        for name, confirms in classes.items()
    )
    known = tuple(TerminalEntry(merchant=each.merchant, id=each.name) for each in signing)
    return as_toml(Document(merchant=merchants, terminal=known))
