"""The gateway's settings that are measured, by name, with the goal of each."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final, NamedTuple

KEY: Final = "000102030405060708090A0B0C0D0E0F"
"""Of the MACs, on both sides; no secret."""


class Setup(NamedTuple):
    """One way to run `examples/relay.toml`: its journal, and the MAC of both sides."""

    name: str
    journal: str
    mac: str
    goal: float
    """CPU a charge, as a ratio to the floor."""

    @property
    def tool_options(self) -> list[str]:
        """What load generator and host are told of the MAC."""
        return [] if self.mac == "none" else ["--mac", f"{self.mac}:{KEY}"]


RELAY: Final = Setup("relay, no MAC, no journal", "none", "none", 1.5)
DURABLE: Final = Setup("journal durable, no MAC", "sqlite", "none", 2.2)
EVERYTHING: Final = Setup("everything on, AES-CMAC", "sqlite", "aes-cmac", 2.6)
UNIONPAY: Final = Setup("everything on, UnionPay ECB", "sqlite", "cup-ecb", 2.6)
X9_19: Final = Setup("everything on, X9.19", "sqlite", "x9.19", 2.6)

SETUPS: Final = (RELAY, DURABLE, EVERYTHING, UNIONPAY, X9_19)
TERMINALS: Final = (64, 512, 4_096)


def workplace() -> tempfile.TemporaryDirectory[str]:
    """A folder for a run, in the working directory's file system: its disk is what is measured."""
    return tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-")
