"""Every custody there is, each with a way to give it a key whose clear bytes the test knows."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import trio

from codec.keys import KeyCipher, Secret, check_method, check_value
from gateway.keys.hsm import HsmCustody
from gateway.keys.hsm_commands import KEY_TYPES, ModuleKey
from gateway.keys.pkcs11 import Pkcs11Custody
from gateway.keys.port import KeyCustody
from gateway.keys.sealed import SealedCustody
from gateway.keys.settings import HsmSettings, Pkcs11Settings
from gateway.keys.software import SoftwareCustody
from gateway.keys.wrapped import KeyUsage, WrappedKey
from gateway.simulators.hsm import HsmScript, HsmServer

KEK = bytes(range(32))
MADE = 1_700_000_000
PIN = "5678"
SOFTHSM = "libsofthsm2.so"
SOFTHSM_PLACES = ("/usr/lib/softhsm", "/usr/lib/x86_64-linux-gnu/softhsm", "/usr/local/lib/softhsm")

Known = Callable[[bytes, KeyUsage, str, KeyCipher], Awaitable[WrappedKey]]


@dataclass
class Bench:
    """A custody under test."""

    custody: KeyCustody
    held: Known
    """Has it hold a key."""
    typed: Callable[[bytes, KeyUsage], Secret]
    """What a person types for a component."""
    ciphers: tuple[KeyCipher, ...] = ("des", "aes", "sm4")
    translates_pins: bool = True
    imports_under_tmk: bool = True

    async def known(
        self,
        clear: bytes | str,
        usage: KeyUsage,
        owner: str = "till",
        cipher: KeyCipher = "des",
    ) -> WrappedKey:
        """This key, held by the custody."""
        whole = bytes.fromhex(clear) if isinstance(clear, str) else clear
        return await self.held(whole, usage, owner, cipher)

    async def component(
        self, clear: bytes, usage: KeyUsage = "tmk", cipher: KeyCipher = "des"
    ) -> WrappedKey:
        """One person's part."""
        check = check_value(clear, check_method(cipher))
        typed = self.typed(clear, usage)
        return await self.custody.seal_component(typed, check, usage, "till", cipher)


def odd(key: bytes) -> bytes:
    """With the parity that a security module asks for; the cipher is the same."""
    return bytes(each ^ (each.bit_count() + 1) % 2 for each in key)


def sealed(custody: SealedCustody) -> Bench:
    async def held(clear: bytes, usage: KeyUsage, owner: str, cipher: KeyCipher) -> WrappedKey:
        return await custody._seal(Secret(clear), usage, cipher, owner)

    return Bench(custody, held, lambda clear, _: Secret(clear))  # type: ignore[arg-type]


@asynccontextmanager
async def software() -> AsyncIterator[Bench]:
    """Keys in this process."""
    yield sealed(SoftwareCustody([KEK], wall=lambda: MADE))


@asynccontextmanager
async def pkcs11() -> AsyncIterator[Bench]:
    """Keys in Debian's SoftHSM."""
    custody = await Pkcs11Custody.open(token_settings(), Secret(PIN.encode()), wall=lambda: MADE)
    bench = sealed(custody)
    bench.ciphers = ("des", "aes")
    bench.translates_pins = False
    try:
        yield bench
    finally:
        custody.wipe()


def token_settings() -> Pkcs11Settings:
    """Of the token that all tests of this process share; skips where there is no SoftHSM."""
    module = _token_made()
    if module is None:
        pytest.skip("SoftHSM is not installed: apt-get install softhsm2")
    return Pkcs11Settings(module=str(module), token="shop")  # noqa: S106 - its label


@cache
def _token_made() -> Path | None:
    places = [Path(each) / SOFTHSM for each in SOFTHSM_PLACES]
    module = next((each for each in places if each.exists()), None)
    tool = shutil.which("softhsm2-util")
    if module is None or tool is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="isogate-softhsm"))
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    # The library reads this once, when it is loaded.
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    options = ("--init-token", "--free", "--label", "shop", "--so-pin", "1234", "--pin", PIN)
    subprocess.run([tool, *options], check=True, capture_output=True)
    return module


@asynccontextmanager
async def hsm() -> AsyncIterator[Bench]:
    """Keys in the simulated security module, over TCP."""
    async with module_of(HsmScript(port=0)) as (server, port):
        custody = HsmCustody(HsmSettings(port=port, timeout_s=60.0), wall=lambda: MADE)
        await custody.greet()
        yield behind(server, custody)
        custody.wipe()


@asynccontextmanager
async def module_of(script: HsmScript) -> AsyncIterator[tuple[HsmServer, int]]:
    """A simulated module that listens, and where."""
    server = HsmServer(script)
    async with trio.open_nursery() as nursery:
        yield server, await nursery.start(server.serve)
        nursery.cancel_scope.cancel()


def behind(server: HsmServer, custody: HsmCustody) -> Bench:
    """A bench whose keys a person entered at the module's console."""

    async def held(clear: bytes, usage: KeyUsage, owner: str, cipher: KeyCipher) -> WrappedKey:
        assert cipher == "des"
        key = ModuleKey(server.module.under_lmk(KEY_TYPES[usage], odd(clear)))
        return await custody._wrapped(key, usage, owner)

    def typed(clear: bytes, usage: KeyUsage) -> Secret:
        return Secret(server.module.under_lmk(KEY_TYPES[usage], odd(clear)).encode())

    return Bench(custody, held, typed, ("des",), imports_under_tmk=False)


CUSTODIES: dict[str, Callable[[], AbstractAsyncContextManager[Bench]]] = {
    "software": software,
    "pkcs11": pkcs11,
    "hsm": hsm,
}
