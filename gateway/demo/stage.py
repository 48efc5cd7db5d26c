"""What the play needs before it begins: a folder, free ports, keys, a configuration, who plays.

Nothing here starts a process.
"""

from __future__ import annotations

import random
import secrets
import socket
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.demo.verdict import AUDIT, HOST_BOOK, TERMINALS_BOOK

if TYPE_CHECKING:
    from pathlib import Path

CONFIG: Final = "isogate.toml"
JOURNAL: Final = "isogate.db"
POS_KEY: Final = "pos.mac"
HOST_KEY: Final = "host.mac"
GATEWAY_LOG: Final = "gateway.log"
HOST_LOG: Final = "host.log"
TERMINALS_LOG: Final = "terminals.log"
HOST_ANSWER_TIMEOUT_S: Final = 2.0
TERMINAL_TIMEOUT_S: Final = 4.0
SETTLE_S: Final = 35.0
HOST_LATE_S: Final = 3.0
_LOOPBACK: Final = "127.0.0.1"
_PORTS: Final = range(18_000, 32_000)
"""Below the ephemeral range: while the gateway is down, no connection attempt may be given its
port as its own end and so connect to itself."""
_OWN_FILES: Final = (
    *(CONFIG, POS_KEY, HOST_KEY, TERMINALS_BOOK, HOST_BOOK, AUDIT, "demo.json"),
    *(JOURNAL + suffix for suffix in ("", "-wal", "-shm", "-redo0", "-redo1", ".key", ".lock")),
    *(GATEWAY_LOG, HOST_LOG, TERMINALS_LOG),
)


class Ports(NamedTuple):
    """Where everybody meets."""

    iso: int
    pos: int
    host: int
    admin: int


class Shop(NamedTuple):
    """One merchant: the dialect of its terminals and what proves its service."""

    merchant: str
    dialect: str
    service_class: str

    @property
    def is_pos(self) -> bool:
        """Whether it speaks the POS dialect (and signs with a MAC)."""
        return self.dialect == "unionpay-pos"


SHOPS: Final = (
    Shop("BAKERY000000001", "iso87-ascii", "approval"),
    Shop("PARKING00000001", "iso87-ascii", "confirmation"),
    Shop("TAXI00000000001", "unionpay-pos", "approval"),
    Shop("VENDING00000001", "unionpay-pos", "confirmation"),
)

_HOST_DELAY_MS: Final = 40
"""So that some charges are always in flight, whatever is killed or dropped."""
_HOST_FAULTS: Final = {
    "silent": 0.02,
    "late": 0.02,
    "decline": 0.06,
    "duplicate": 0.02,
    "wrong-mac": 0.01,
    "reversal-silent": 0.15,
    "reversal-late": 0.05,
}
_TERMINAL_FAULTS: Final = {
    "vanish": 0.04,
    "service-fails": 0.03,
    "repeat-answered": 0.03,
    "garbage": 0.01,
}
_CONFIRMATION_FAULTS: Final = {"vanish-for-good": 0.006, "never-confirms": 0.02}

_CONFIGURATION: Final = """\
# The demonstration's gateway: two dialects, both merchant classes, and short times.

[[listener]]
name = "tills"
port = {ports.iso}
dialect = "iso87-ascii"
terminal_resolves_first = true

[[listener]]
name = "pos"
port = {ports.pos}
dialect = "unionpay-pos"
terminal_resolves_first = true
mac = {{ algorithm = "cup-ecb", key_file = "{folder}/{POS_KEY}" }}

[[host]]
name = "bank"
port = {ports.host}
links = 2
dialect = "iso87-ascii"
answer_timeout_s = {HOST_ANSWER_TIMEOUT_S}
reconnect_max_s = 1.0
mac = {{ algorithm = "aes-cmac", key_file = "{folder}/{HOST_KEY}" }}

[service]
proof = "approval"
delivery_proof_s = 8.0

{merchants}
[reversal]
schedule_s = [0.0, 0.5, 1.0, 2.0]
answer_timeout_s = 1.5
reorder_margin_s = 4.0
overdue_s = 30.0

[journal]
path = "{folder}/{JOURNAL}"

[admin]
port = {ports.admin}
"""


class Stage(NamedTuple):
    """The folder and the ports of one run."""

    folder: Path
    ports: Ports
    seed: int

    @property
    def config(self) -> Path:
        """The gateway's configuration file."""
        return self.folder / CONFIG

    def gateway_command(self) -> list[str]:
        """Runs the gateway."""
        return _isogate("serve", self.config)

    def audit_command(self) -> list[str]:
        """Prints the audit of its journal."""
        return _isogate("audit", self.config, "--final", "--json", "--each")

    def host_command(self) -> list[str]:
        """Runs the bank host."""
        return _isogate(
            "host",
            *_options(port=self.ports.host, seed=self.seed),
            *_options(late_s=HOST_LATE_S, book=self.folder / HOST_BOOK),
            *_options(mac_algorithm="aes-cmac", mac_key_file=self.folder / HOST_KEY),
            *_options(delay_ms=_HOST_DELAY_MS, **_HOST_FAULTS),
        )

    def terminals_command(self, shop: Shop, count: int, seconds: float, rate: float) -> list[str]:
        """Runs the terminals of one shop."""
        port = self.ports.pos if shop.is_pos else self.ports.iso
        command = _isogate(
            "terminals",
            *_options(address=f"{_LOOPBACK}:{port}", dialect=shop.dialect, merchant=shop.merchant),
            *("--class", shop.service_class),
            *_options(count=count, rate=rate, seconds=seconds, settle_s=SETTLE_S),
            *_options(timeout_s=TERMINAL_TIMEOUT_S, seed=self.seed),
            *_options(book=self.folder / TERMINALS_BOOK),
            *_options(**_TERMINAL_FAULTS),
        )
        if shop.service_class == "confirmation":
            command += _options(**_CONFIRMATION_FAULTS)
        if shop.is_pos:
            command += _options(mac_algorithm="cup-ecb", mac_key_file=self.folder / POS_KEY)
        return command


def set_up(folder: Path, seed: int) -> Stage:
    """Write keys and configuration into `folder`, after clearing away an earlier run's files."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name in _OWN_FILES:
        (folder / name).unlink(missing_ok=True)
    stage = Stage(folder, Ports(*free_ports(len(Ports._fields))), seed)
    for name, size in ((POS_KEY, 8), (HOST_KEY, 16)):
        (folder / name).write_text(secrets.token_hex(size) + "\n", "ascii")
        (folder / name).chmod(0o600)
    merchants = "".join(
        f'[[merchant]]\nid = "{shop.merchant}"\nproof = "confirmation"\nwindow_s = 3.0\n\n'
        for shop in SHOPS
        if shop.service_class == "confirmation"
    )
    names = globals() | {"ports": stage.ports, "folder": folder, "merchants": merchants}
    stage.config.write_text(_CONFIGURATION.format_map(names), "utf-8")
    for name in (TERMINALS_BOOK, HOST_BOOK):
        (folder / name).touch()
    return stage


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on just now."""
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind((_LOOPBACK, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    message = "no free ports on loopback"
    raise OSError(message)


def _isogate(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "gateway", *map(str, arguments)]


def _options(**values: object) -> list[str]:
    """`drop_link_at=3` as `--drop-link-at 3`; names with dashes stand as they are."""
    return [text for name, value in values.items() for text in (_option_name(name), str(value))]


def _option_name(name: str) -> str:
    return "--" + name.replace("_", "-")
