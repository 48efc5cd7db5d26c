"""From the configuration to a custody: opened, checked, and the wrapped keys of its file."""

from __future__ import annotations

import tomllib
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.keys.hsm import HsmCustody
from gateway.keys.kek import SAMPLE, secret_from
from gateway.keys.pkcs11 import Pkcs11Custody
from gateway.keys.port import CustodyError
from gateway.keys.safe import KEK_BYTES, name_of
from gateway.keys.settings import NOWHERE
from gateway.keys.software import SoftwareCustody
from gateway.keys.watched import WatchedCustody
from gateway.keys.wrapped import WrappedKey, WrappedKeyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateway.keys.port import KeyCustody
    from gateway.keys.settings import HsmSettings, KeySettings, Pkcs11Settings, SecretSource


_HEADER_MAX: Final = 255
_IN_FLIGHT_SHARE: Final = 0.5
"""Of all headers, how many may be in use at a time."""


@asynccontextmanager
async def custody_of(
    settings: KeySettings, *, looking: bool = False
) -> AsyncIterator[KeyCustody | None]:
    """The keeper of the keys, None where the configuration names none.  Raises CustodyError.

    `looking` leaves secrets in the environment, for who opens it again.
    """
    if settings.custody == "none":
        yield None
        return
    custody = WatchedCustody(await _opened(settings, looking=looking))
    try:
        yield custody
    finally:
        custody.wipe()


async def _opened(settings: KeySettings, *, looking: bool) -> KeyCustody:
    if settings.custody == "hsm":
        custody = HsmCustody(settings.hsm)
        await custody.greet()
        return custody
    if settings.custody == "pkcs11":
        pin = secret_from(settings.pkcs11.pin, "keys.pkcs11.pin", looking=looking, as_text=True)
        return await Pkcs11Custody.open(settings.pkcs11, pin)
    keks = [secret_from(settings.kek, "keys.kek", looking=looking)]
    for number, each in enumerate(settings.older_kek):
        keks.append(secret_from(each, f"keys.older_kek.{number}", looking=looking))
    return SoftwareCustody(keks)


def keys_in(path: str) -> list[WrappedKey]:
    """The wrapped keys of a file: `key = ["isk1:…", …]`.  Raises CustodyError."""
    if not path:
        return []
    try:
        data: dict[str, Any] = tomllib.loads(Path(path).read_text("utf-8"))
        listed = data.pop("key", [])
        if data or not isinstance(listed, list) or not all(isinstance(x, str) for x in listed):
            raise CustodyError(f"keys.file = {path!r}: a list of texts named key, and nothing else")
        return [WrappedKey.parse(text) for text in listed]
    except OSError as error:
        raise CustodyError(f"keys.file = {path!r}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise CustodyError(f"keys.file = {path!r}: not TOML") from None
    except WrappedKeyError as error:
        raise CustodyError(f"keys.file = {path!r}: {error}") from None


def key_problems(settings: KeySettings) -> Iterator[str]:
    """What is wrong with `[keys]`, key and why; secrets stay where they are."""
    if settings.custody == "none" and (settings.kek != NOWHERE or settings.file):
        yield "keys.custody = 'none': nobody would open these keys"
    if settings.custody == "pkcs11":
        yield from _token_problems(settings.pkcs11)
    if settings.custody == "hsm":
        yield from _module_problems(settings.hsm)
    try:
        keys = keys_in(settings.file)
        if settings.custody == "software":
            yield from _kek_problems(settings, keys)
    except CustodyError as error:
        yield str(error)


def _kek_problems(settings: KeySettings, keys: list[WrappedKey]) -> Iterator[str]:
    sources = {"keys.kek": settings.kek}
    sources |= {f"keys.older_kek.{n}": each for n, each in enumerate(settings.older_kek)}
    wrong = [why for key, each in sources.items() for why in each.problems(key)]
    yield from wrong
    if wrong:
        return
    held = {under for under, _ in _names(sources)}
    for key in keys:
        if key.under not in held:
            yield f"keys.file = {settings.file!r}: {key!r} is under {key.under}, not held here"


def _token_problems(settings: Pkcs11Settings) -> Iterator[str]:
    if not Path(settings.module).is_file():
        yield f"keys.pkcs11.module = {settings.module!r}: the path of the module's library"
    if not settings.token:
        yield "keys.pkcs11.token: the token's label"
    wrong = list(settings.pin.problems("keys.pkcs11.pin"))
    yield from wrong
    if not wrong:
        try:
            secret_from(settings.pin, "keys.pkcs11.pin", looking=True, as_text=True)
        except CustodyError as error:
            yield str(error)


def _module_problems(settings: HsmSettings) -> Iterator[str]:
    if not 1 <= settings.header_characters <= _HEADER_MAX:
        yield f"keys.hsm.header_characters = {settings.header_characters}: 1 to {_HEADER_MAX}"
    elif not 0 < settings.in_flight_max <= _IN_FLIGHT_SHARE * 36**settings.header_characters:
        why = "more than a header of so many characters tells apart"
        yield f"keys.hsm.in_flight_max = {settings.in_flight_max}: {why}"
    for name in ("timeout_s", "waiting_max", "silences_max", "reconnect_s"):
        if getattr(settings, name) <= 0:
            yield f"keys.hsm.{name} = {getattr(settings, name)}: must be greater than 0"


def _names(sources: dict[str, SecretSource]) -> list[tuple[str, str]]:
    """What each KEK is called, and its key in the configuration.  Raises CustodyError."""
    found = []
    for key, source in sources.items():
        kek = secret_from(source, key, looking=True)
        if len(kek) != KEK_BYTES:
            raise CustodyError(
                f"{key}: a key-encryption key has {KEK_BYTES} bytes, found {len(kek)}"
            )
        found.append((name_of(kek), key))
    return found


def key_warnings(settings: KeySettings) -> Iterator[str]:
    """What works and is dangerous."""
    if settings.custody != "software":
        return
    for under, key in _names({"keys.kek": settings.kek}):
        if under == SAMPLE:
            yield f"{key} is the sample key, which everybody knows: for trying out only"
    yield "keys.custody = 'software': for tests and small shops; card schemes ask for hardware"
