"""A component of a key as a person brings it: sealed by the simulated security module."""

from __future__ import annotations

from typing import Final

import trio

from codec.keys import Secret, check_value
from gateway.keys.hsm import HsmCustody
from gateway.keys.hsm_commands import KEY_TYPES
from gateway.keys.settings import HsmSettings
from gateway.simulators.hsm_module import Module

SEED: Final = "isogate"
OWNER: Final = "till"
COMPONENTS: Final = ("31" * 8 + "32" * 8, "34" * 8 + "37" * 8)


def components(port: int) -> list[str]:
    """Two, for a key of two persons."""
    return trio.run(_sealed, port)


async def _sealed(port: int) -> list[str]:
    custody = HsmCustody(HsmSettings(port=port))
    await custody.greet()
    brought = []
    for each in COMPONENTS:
        clear = bytes.fromhex(each)
        typed = Secret(Module(SEED, bytes).under_lmk(KEY_TYPES["tmk"], clear).encode())
        check = check_value(Secret(clear))
        brought.append(str(await custody.seal_component(typed, check, "tmk", OWNER, "des")))
    custody.wipe()
    return brought
